"""`magpie setup`: ask for the tokens and the model server, check each by using it, and write magpie.toml."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bot.cli.context import Data, invocation
from bot.cli.settings_writer import write_settings
from bot.cli.terminal import Screen
from bot.environment import variable as slack_variable
from rag import BadSetting, MagpieError, make_private, settings_path

if TYPE_CHECKING:
    from bot.settings import SlackSettings

_PROTOCOLS = ("ollama", "openai", "none")
_ADDRESSES = {"ollama": "http://127.0.0.1:11434", "openai": "http://127.0.0.1:8000/v1"}


def register(app: typer.Typer) -> None:
    app.command()(setup)


def setup(context: typer.Context, data: Data = None) -> None:
    """Ask for Slack's tokens and the model server, try each of them, and write magpie.toml in the data folder."""
    screen, folder = Screen(), invocation(context).data_folder(data)
    if not sys.stdin.isatty():
        raise BadSetting(
            "magpie setup asks questions and needs a terminal.",
            f"Run it in one, or write {settings_path(folder)}; docs/configuration.md lists all settings.",
        )
    make_private(folder)
    dialog = _Dialog(screen, folder)
    screen.say("Settings are written to:")
    screen.path(settings_path(folder))
    screen.say("Press Enter to keep what is there now, or to skip a question.")
    _ask_for_slack(dialog)
    _ask_for_model(dialog)
    screen.rule("What is next")
    for line in dialog.missing:
        screen.say(f"! {line}", style="yellow")
    screen.say("magpie doctor tests everything; magpie run starts the bot.")


@dataclass
class _Dialog:
    """Questions and answers. Each answer is written as soon as it was checked. `missing` says what is left to do."""

    screen: Screen
    folder: Path
    missing: list[str] = field(default_factory=list)

    def ask(self, question: str, default: str = "", *, hidden: bool = False, current: str = "") -> str:
        """Return the answer without spaces around it; `default` if there is none. `current` describes it if hidden."""
        shown = current or default
        prompt = f"{question} [{shown}]" if shown else question
        typed = typer.prompt(prompt, default="", show_default=False, hide_input=hidden)
        return str(typed).strip() or default

    def save(self, table: str, values: dict[str, Any]) -> None:
        write_settings(self.folder, table, values)

    def attempt(self, check: Callable[[], str]) -> bool:
        """Print the result of a check or its error; return whether it passed."""
        try:
            passed = check()
        except MagpieError as error:
            self.screen.say(f"✗ {error}", style="bold red")
            if error.hint:
                self.screen.say(error.hint, indent=2)
            return False
        self.screen.say(f"✓ {passed}", style="green")
        return True


# ---------------------------------------------------------------- Slack


def _ask_for_slack(dialog: _Dialog) -> None:
    dialog.screen.rule("Slack")
    dialog.screen.say("docs/connect-slack.md shows how to create the app and where to find its two tokens.")
    _ask_for_token(dialog, "bot_token", "Bot User OAuth Token", "xoxb-", _check_bot_token)
    _ask_for_token(dialog, "app_token", "App-level token", "xapp-", _check_app_token)


def _ask_for_token(
    dialog: _Dialog, name: str, title: str, prefix: str, check: Callable[[SlackSettings, str], str]
) -> None:
    """Ask until a token works or none is given. A token is saved only if it works."""
    from bot.settings import read_slack_settings

    while True:
        settings = read_slack_settings(dialog.folder)
        known = getattr(settings, name).get_secret_value()
        typed = dialog.ask(f"{title} ({prefix}…)", hidden=True, current="keep the one that is set" if known else "")
        token = typed or known
        if not token:
            dialog.missing.append(f"{slack_variable(name)}: without it, the bot cannot connect to Slack.")
            return
        if not token.startswith(prefix):
            dialog.screen.say(f"✗ This is another kind of token: it does not start with {prefix}", style="bold red")
            continue
        if not dialog.attempt(partial(check, settings, token)):
            if typed:
                continue
            dialog.missing.append(f"{slack_variable(name)}: the token that is set does not work.")
            return
        if typed:
            dialog.save("slack", {name: typed})
            if os.environ.get(slack_variable(name)):
                dialog.missing.append(f"Unset {slack_variable(name)}: it wins over the token in the file.")
        return


def _check_bot_token(settings: SlackSettings, token: str) -> str:
    from bot.slack.client import SlackClient

    me = SlackClient(settings.model_copy(update={"bot_token": _secret(token)})).identify()
    return f"Slack knows this app as {me.user} in {me.team}."


def _check_app_token(settings: SlackSettings, token: str) -> str:
    from bot.slack.client import SlackClient

    SlackClient(settings).open_socket(token)
    return "Socket Mode is on, and the token may use it."


def _secret(value: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(value)


# ---------------------------------------------------------------- the model


def _ask_for_model(dialog: _Dialog) -> None:
    """Ask for the server and the model until the model can be used, or the answers are accepted as they are."""
    from rag import Settings, load_settings

    dialog.screen.rule("The model that writes answers")
    dialog.screen.say("Without one, Magpie answers with the best passages.")
    before = load_settings(dialog.folder).answer
    while True:
        known = before.api if before.model else "none"
        api = dialog.ask("Model server: ollama, openai (vLLM, llama.cpp, LM Studio, …) or none", known)
        if api not in _PROTOCOLS:
            dialog.screen.say(f"✗ Type one of: {', '.join(_PROTOCOLS)}.", style="bold red")
            continue
        if api == "none":
            dialog.save("answer", {"model": ""})
            return
        host = dialog.ask("Its address", before.host if before.api == api and before.host else _ADDRESSES[api])
        model = dialog.ask("Name of the model", before.model)
        values = {"api": api, "host": host, "model": model}
        before = Settings.model_validate({"data": dialog.folder, "answer": before.model_dump() | values}).answer
        if dialog.attempt(partial(_check_model, before)):
            dialog.save("answer", values)
            return
        if dialog.ask("Save it anyway? y or n", "n").lower().startswith("y"):
            dialog.save("answer", values)
            dialog.missing.append(f"The model {model}: it could not be used yet.")
            return


def _check_model(answer: Any) -> str:
    from rag import describe_model

    info = describe_model(answer)
    sees = "sees pictures" if info.vision else "reads text only"
    return f"{info.model} {sees}" + (f", with a context of {info.window:,} tokens." if info.window else ".")
