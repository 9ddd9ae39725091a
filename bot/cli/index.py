"""index, reindex, forget: what is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.invocation import Data, Json, invocation
from bot.cli.json_output import outcomes_shape
from bot.cli.privacy import forget_asked
from bot.cli.terminal import Screen, count
from rag import is_url

if TYPE_CHECKING:
    from rag import Outcome


_STATES = ("new", "known", "unchanged", "failed", "gone")
_MOST_SKIPPED = 10


def register(app: typer.Typer) -> None:
    app.command()(index)
    app.command()(reindex)
    app.command()(forget)


def index(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH|URL...", help="Files, folders and web addresses.")],
    space: Annotated[str, typer.Option(help="The space the files lie in.")] = "local",
    data: Data = None,
    json: Json = False,
) -> None:
    """Read files, folders and web pages, so that they can be found. What is known already is not read again.

    What was indexed below a folder and is no longer there is forgotten. Hidden files and symbolic links below a folder
    are skipped; name one to have it read.
    """
    with invocation(context).open(data, json) as (rag, screen):
        with screen.progress(f"Indexing {', '.join(paths)}") as report:
            outcomes = rag.index([name if is_url(name) else Path(name) for name in paths], space, report)
        _end(screen, outcomes, rag.status().lanes)


def reindex(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Files; none: all of them.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Read documents again. The old reading serves until the new one is complete."""
    with invocation(context).open(data, json) as (rag, screen):
        with screen.progress(f"Reading {', '.join(names) if names else 'every document'} again") as report:
            outcomes = rag.reindex(names or [], report)
        _end(screen, outcomes, rag.status().lanes)


def forget(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Path, file name, or start of the SHA-256; none: all of them."),
    ] = None,
    space: Annotated[str | None, typer.Option(metavar="C123", help="Only what is shared in this space.")] = None,
    user: Annotated[
        str | None,
        typer.Option(metavar="U123", help="Only what this person shared; without names, what they asked, too."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Take files out of every answer, and off the disk where nothing else shares them.

    Without names: everything in a space, or of a person, for whom their questions and the log of access go as well.
    """
    names = names or []
    if not names and not space and not user:
        raise typer.BadParameter(
            "say what to forget: name files, or give --space C123 for all that is shared there, or --user U123 for all "
            "of one person"
        )
    with invocation(context).open(data, json) as (rag, screen):
        forgotten = rag.forget(names, space or None, user or None)
        questions = forget_asked(rag, screen, user, space or "") if user and not names else 0
        screen.data({"forgotten": forgotten, "questions": questions})
        if not forgotten and not questions:
            screen.say("Nothing was forgotten.")
            raise typer.Exit(1)
        if forgotten:
            screen.say(f"Forgotten: {', '.join(forgotten)}.")
        if questions:
            screen.say(f"Forgotten: {count(questions, 'question')}, and what the log of access says of them.")


def _end(screen: Screen, outcomes: Sequence[Outcome], lanes: Mapping[str, str]) -> None:
    """Say what became of the files; exit 1 when one of them failed."""
    screen.data(outcomes_shape(outcomes))
    skipped = [outcome for outcome in outcomes if outcome.state == "skipped"]
    outcomes = [outcome for outcome in outcomes if outcome.state != "skipped"]
    states = Counter(outcome.state for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if not outcomes:
        screen.say("There was nothing to read.")
        _skipped(screen, skipped)
        return
    pages = sum(outcome.pages for outcome in outcomes)
    said = ", ".join(f"{states[state]} {state}" for state in _STATES if states[state])
    screen.say(f"{count(states.total() - states['gone'], 'file')}, {count(pages, 'page')}: {said}.", style="bold")
    for outcome in failed:
        screen.say(f"✗ {outcome.file}: {outcome.reason}", style="red")
        if outcome.hint:
            screen.say(outcome.hint, indent=2)
    _skipped(screen, skipped)
    lanes_off(screen, lanes)
    if failed:
        raise typer.Exit(1)


def _skipped(screen: Screen, skipped: Sequence[Outcome]) -> None:
    """Say what a folder holds and was not read; of much the first few, for --json has all of it."""
    for outcome in skipped[:_MOST_SKIPPED]:
        screen.say(f"Skipped {outcome.file}: {outcome.reason}")
    if len(skipped) > _MOST_SKIPPED:
        screen.say(f"Skipped {len(skipped) - _MOST_SKIPPED} more; --json lists them.")
    for hint in dict.fromkeys(outcome.hint for outcome in skipped):
        screen.say(hint, indent=2)


def lanes_off(screen: Screen, lanes: Mapping[str, str]) -> None:
    """Say once, beside the result, which lanes take no part; lanes off for one reason share a line."""
    reasons: dict[str, list[str]] = {}
    for lane, state in lanes.items():
        if state != "on":
            reasons.setdefault(state.removeprefix("off: "), []).append(lane)
    for reason, names in reasons.items():
        screen.note(f"Without {' and '.join(names)}: {reason}")
