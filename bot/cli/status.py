"""status, doctor, models: how it stands."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

import typer

from bot.cli.feedback import feedback_counts, feedback_sentence
from bot.cli.invocation import Data, Json, invocation
from bot.cli.json_output import doctor_shape, models_shape, status_shape
from bot.cli.privacy import show_access, show_kept
from bot.cli.terminal import Screen, count
from bot.settings import load_slack_settings
from rag import Check

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(doctor)
    models = typer.Typer(help="The embedder's models: list them, fetch their weights.", no_args_is_help=False)
    models.callback(invoke_without_command=True)(models_default)
    models.command("list")(models_list)
    models.command("pull")(models_pull)
    app.add_typer(models, name="models")


def status(
    context: typer.Context,
    privacy: Annotated[bool, typer.Option("--privacy", help="What is kept where, and for how long.")] = False,
    access: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Who was shown this file: a path, a name, its id in Slack, or 8 digits of its SHA-256.",
        ),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Say what is stored, what waits, what failed, and which lanes are on."""
    if privacy and access is not None:
        raise typer.BadParameter("--privacy and --access are two questions: ask one at a time")
    if privacy or access is not None:
        with invocation(context).open(data, json) as (rag, screen):
            folder = invocation(context).data_folder(data)
            show_kept(rag, screen, folder) if access is None else show_access(rag, screen, access)
        return
    with invocation(context).open(data, json) as (rag, screen):
        found = rag.status()
        screen.data(status_shape(found, feedback_counts(rag)))
        total = sum(found.documents.values())
        states = ", ".join(f"{number} {state}" for state, number in found.documents.items())
        screen.say(f"{count(total, 'document')}{f': {states}' if states else ''}.", style="bold")
        screen.say(f"{count(found.pages, 'page')} in {count(found.chunks, 'chunk')}.")
        if found.waiting_for_vectors:
            screen.say(f"{count(found.waiting_for_vectors, 'chunk')} without vectors yet.")
        if found.waiting_for_fingerprints:
            screen.say(f"{count(found.waiting_for_fingerprints, 'page')} without fingerprints yet.")
        if found.waiting_for_captions:
            screen.say(f"{count(found.waiting_for_captions, 'picture')} without a caption yet.")
        if found.renewed:
            being = "document is" if found.renewed == 1 else "documents are"
            screen.say(f"{found.renewed:,} {being} being read again by a newer reader; the old pages serve meanwhile.")
        for file, reason in found.failed:
            screen.say(f"✗ {file}: {reason}", style="red")
        if said := feedback_sentence(rag):
            screen.say(said)
        screen.say("Lanes:")
        for lane, state in found.lanes.items():
            screen.say(f"{lane:<14}{state}", indent=2)


def doctor(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Prove every link of the chain, one after another; say how to mend what is broken."""
    from bot.slack.doctor import slack_checks

    with invocation(context).open(data, json) as (rag, screen):
        screen.note("Each link of the chain is tried; this takes a few seconds …")
        checks = []
        settings = invocation(context).settings(data)
        for check in chain(rag.doctor(), slack_checks(load_slack_settings, settings.read.max_mb)):
            checks.append(check)
            _show(screen, check)
        shape = doctor_shape(checks)
        screen.data(shape)
        if not shape["ok"]:
            raise typer.Exit(1)
        warned = sum(check.status == "warn" for check in checks)
        screen.say("All well." if not warned else f"Working, with {count(warned, 'warning')}.", style="bold")


def _show(screen: Screen, check: Check) -> None:
    screen.say(f"{_MARKS.get(check.status, '?')} {check.name}: {check.detail}", style=_STYLES.get(check.status, ""))
    if check.fix:
        screen.say(check.fix, indent=2)


def models_default(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Without a subcommand: the list."""
    if context.invoked_subcommand is None:
        models_list(context, data, json)
        return
    shared = invocation(context)
    shared.data, shared.json = data or shared.data, json or shared.json


def models_list(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List embedder models with the memory they take, and whether their weights are on this machine."""
    with invocation(context).open(data, json) as (rag, screen):
        rows = rag.models()
        screen.data(models_shape(rows))
        for row in rows:
            state = f"{'chosen, ' if row.used else ''}{'here' if row.cached else 'not fetched'}"
            said = "; ".join(part for part in (state, row.memory, row.note) if part)
            screen.say(f"{row.name}  {row.weights}", style="bold" if row.used else "")
            screen.say(said, style="dim", indent=4)


def models_pull(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="open_clip's name; none: the one the settings name.")] = None,
    weights: Annotated[str | None, typer.Argument(help="open_clip's pretrained tag.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Fetch an embedder's weights from the model hub; later starts need no network."""
    with invocation(context).open(data, json) as (rag, screen):
        path = rag.pull(model, weights, screen.note)
        screen.data({"path": str(path)})
        screen.say("The weights are here:")
        screen.path(path)
