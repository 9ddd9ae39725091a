"""`magpie status`; bot/cli/privacy.py has the parts behind `--privacy` and `--access`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.feedback import feedback_counts, feedback_sentence
from bot.cli.json_output import status_json
from bot.cli.privacy import show_access, show_stored
from bot.cli.readings import show_readings
from bot.cli.results import show_notes
from bot.cli.sources import show_folders
from bot.cli.terminal import Screen, count
from bot.slack.uninstalled import uninstalled_since

if TYPE_CHECKING:
    from rag import Status


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]", help="Show how this file was read, page by page: a path, a name, or start of the SHA-256."
        ),
    ] = None,
    privacy: Annotated[bool, typer.Option("--privacy", help="Show what is stored where, and for how long.")] = False,
    access: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Show who was shown this file: a path, a name, its Slack id, or 8 digits of its SHA-256.",
        ),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what is indexed, what is waiting, what failed, and which kinds of search are on."""
    if sum((privacy, access is not None, file is not None)) > 1:
        raise typer.BadParameter("use one of FILE, --privacy and --access")
    with invocation(context).open(data, json) as (rag, screen):
        if privacy:
            show_stored(rag, screen, invocation(context).data_folder(data))
        elif access is not None:
            show_access(rag, screen, invocation(context).data_folder(data), access)
        elif file is not None:
            show_readings(screen, file, rag.file_readings(file))
        else:
            found = rag.status()
            screen.write_json(status_json(found, feedback_counts(rag)))
            _show(screen, found, feedback_sentence(rag))
            folder = invocation(context).data_folder(data)
            _show_uninstalled(screen, folder)
            show_folders(screen, folder)
            screen.say("Data folder:")
            screen.path(folder)


def _show(screen: Screen, found: Status, feedback: str) -> None:
    total = sum(found.documents.values())
    states = ", ".join(f"{number} {state}" for state, number in found.documents.items())
    screen.say(f"{count(total, 'document')}{f': {states}' if states else ''}.", style="bold")
    screen.say(f"{count(found.pages, 'page')} in {count(found.chunks, 'chunk')}.")
    if found.waiting_for_vectors:
        screen.say(f"Waiting for vectors: {count(found.waiting_for_vectors, 'chunk')}.")
    if found.full_text is not None:
        waiting = f"{found.full_text.waiting:,} of {count(found.full_text.total, 'text')} wait"
        screen.say(
            f"Full-text index: being written again by a newer version, {waiting}. The old one is searched meanwhile."
        )
    if found.text_model is not None:
        screen.say(f"Text vectors: {found.text_model}.")
    if found.waiting_for_fingerprints:
        screen.say(f"Waiting for fingerprints: {count(found.waiting_for_fingerprints, 'page')}.")
    if found.waiting_for_captions:
        screen.say(f"Waiting for captions: {count(found.waiting_for_captions, 'picture')}.")
    if found.renewed:
        screen.say(
            f"Being read again by a newer version: {count(found.renewed, 'document')}. The old pages stay searchable."
        )
    _show_waiting(screen, found)
    for file, reason in found.failed:
        screen.say(f"✗ {file}: {reason}", style="red")
    if found.failed:
        screen.say("To try them again, run: magpie retry", indent=2)
    for file, notes in found.notes:
        show_notes(screen, file, notes)
    if feedback:
        screen.say(feedback)
    screen.say("Lanes:")
    for lane, state in found.lanes.items():
        screen.say(f"{lane:<14}{state}", indent=2)


def _show_uninstalled(screen: Screen, data: Path) -> None:
    """Say until when the app can be installed again before everything is deleted, if Slack took back its token."""
    from bot.settings import read_slack_settings

    if (since := uninstalled_since(data)) is None:
        return
    ends = datetime.fromtimestamp(since).astimezone() + timedelta(days=read_slack_settings(data).purge_days)
    screen.say(
        f"✗ The app was uninstalled from Slack. Everything is deleted on {ends:%Y-%m-%d %H:%M} if magpie run gets no "
        "token that works before.",
        style="red",
    )


def _show_waiting(screen: Screen, found: Status) -> None:
    """Say which files are not fully read yet, wait or are not indexed, and why."""
    for file in found.unread:
        screen.say(f"{file.title}: searchable, {file.first - 1} of {count(file.last, 'page')} fully read.")
    for outage in found.outages:
        files = count(outage.waiting, "file")
        screen.say(f"✗ Waiting until they can be fetched: {files}. {outage.reason} {outage.hint}".strip(), style="red")
    if found.refused:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in found.refused.items())
        screen.say(f"Not indexed: {reasons}.")
    if found.disk:
        screen.say(f"✗ {found.disk}", style="red")
