"""`magpie token create`, `list` and `revoke`: tokens of other tools that call MCP or the HTTP API."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import token_json
from bot.cli.terminal import count
from rag import MagpieError, NotFound

if TYPE_CHECKING:
    from bot.db.api_tokens import ApiToken

_DAYS = 90
_WHERE = "In Slack, open the person's profile and choose Copy member ID in its three-dot menu."
_PERSON, _CHANNEL = re.compile(r"[UW][A-Z0-9]{2,30}"), re.compile(r"[CDG][A-Z0-9]{2,30}|local|everyone")


def register(app: typer.Typer) -> None:
    tokens = typer.Typer(help="Give other tools access over MCP or the HTTP API.", no_args_is_help=False)
    tokens.callback(invoke_without_command=True)(default)
    tokens.command("create")(create)
    tokens.command("list")(list_all)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens, name="token")


def default(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List the tokens if no subcommand is given."""
    if context.invoked_subcommand is None:
        list_all(context, data, json)
        return
    shared = invocation(context)
    shared.data, shared.json = data or shared.data, json or shared.json


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What you call it, such as the tool that uses it.")],
    user: Annotated[
        str, typer.Option(metavar="U123", help="The person it acts for: it finds what they may open in Slack.")
    ] = "",
    space: Annotated[
        list[str] | None,
        typer.Option(metavar="C123", help="Instead of a person, a channel that it may search; or local, or everyone."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it ends.")] = _DAYS,
    data: Data = None,
    json: Json = False,
) -> None:
    """Create a token for a person, or for a set of spaces, and print it once.

    If the bot has a token, Slack is asked whether the person exists.
    The space local has what you indexed with magpie index, everyone the folders that everyone may see.
    """
    from bot.api.tokens import new_token
    from bot.db import api_tokens

    spaces = list(dict.fromkeys(space or ()))
    _check(name, user, spaces)
    token, text = new_token(name, time(), days, user, spaces)
    shared = invocation(context)
    unknown = _ask_slack(shared.data_folder(data), user) if user else ""
    with shared.open(data, json, upgrade=True) as (rag, screen):
        with rag.write_transaction() as connection:
            api_tokens.put_token(connection, token)
        screen.write_json({**token_json(token, time()), "token": text})
        if unknown:
            screen.say(unknown)
        screen.say(f"Token {token.id} for {_for(token)}. It ends on {_day(token.expires_at)}.", style="bold")
        screen.say("Copy it now. It is not shown again:")
        if not screen.json:
            typer.echo(f"  {text}")
        screen.say("To end it earlier, run:")
        screen.say(f"magpie token revoke {token.id}", indent=2)


def _check(name: str, user: str, spaces: list[str]) -> None:
    """Raise BadParameter for values that cannot be meant."""
    if bool(user) == bool(spaces):
        raise typer.BadParameter("name the person that the token acts for: --user U123, or --space C123 for each space")
    if not name.strip() or len(name) > 80:
        raise typer.BadParameter("the name needs 1 to 80 characters")
    if user and not _PERSON.fullmatch(user):
        raise typer.BadParameter(f"{user} is not the id of a person in Slack, such as U0123456789")
    for space in spaces:
        if not _CHANNEL.fullmatch(space):
            raise typer.BadParameter(f"{space} is not the id of a channel, such as C0123456789, local or everyone")


def _ask_slack(folder: Path, user: str) -> str:
    """Return why Slack could not say whether a person exists; empty if they do.

    Raise NotFound if a token for them would find nothing.
    """
    from bot.access.directory import Directory
    from bot.settings import read_slack_settings
    from bot.slack.client import SlackClient
    from bot.slack.errors import Refused
    from bot.slack.transport import RetryPolicy

    settings = read_slack_settings(folder)
    if not settings.bot_token.get_secret_value():
        return f"No Slack token is set, so it is not known whether {user} exists."
    client = SlackClient(settings, RetryPolicy.IMPATIENT)
    try:
        directory = Directory(client, client.identify().team_id)
        person = directory.person(user, directory.deadline())
    except Refused as error:
        raise NotFound(f"Slack does not know {user}: {error.code}.", _WHERE) from error
    except MagpieError as error:
        return f"It is not known whether {user} exists: {error}"
    if not (person.is_active and person.is_of_workspace):
        raise NotFound(
            f"{user} is an app, deactivated, or of another workspace. A token for it would find nothing.", _WHERE
        )
    return ""


def list_all(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List the tokens, what each gives access to, and when it ends."""
    from bot.db import api_tokens

    with invocation(context).open(data, json) as (rag, screen):
        with rag.read_transaction() as connection:
            tokens = api_tokens.list_tokens(connection)
        now = time()
        screen.write_json({"tokens": [token_json(token, now) for token in tokens]})
        if not tokens:
            screen.say("No token exists yet. To create one, run: magpie token create NAME --user U123")
        for token in tokens:
            used = f"last used on {_day(token.used_at)}" if token.used_at else "never used"
            screen.say(f"{token.id}  {token.name}", style="bold")
            screen.say(f"for {_for(token)}; {state(token, now)}; {used}", indent=4)


def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="ID", help="The id that magpie token list shows.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """End a token now. A running call with it returns nothing."""
    from bot.db import api_tokens

    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        with rag.write_transaction() as connection:
            is_revoked = api_tokens.revoke_token(connection, token, time())
        if not is_revoked:
            raise NotFound(f"No token that could be revoked has the id {token}.", "List them with: magpie token list")
        screen.write_json({"revoked": token})
        screen.say(f"Token {token} was revoked.")


def state(token: ApiToken, now: float) -> str:
    """Return in words whether a token is valid."""
    if token.revoked_at is not None:
        return f"revoked on {_day(token.revoked_at)}"
    return f"{'ended' if token.expires_at <= now else 'ends'} on {_day(token.expires_at)}"


def _for(token: ApiToken) -> str:
    if token.user:
        return f"the person {token.user}"
    return f"{count(len(token.spaces), 'space')} ({', '.join(token.spaces)})"


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%Y-%m-%d}"
