"""What several commands print: the outcome of indexing, lanes that are off, a hint if nothing is indexed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from bot.cli.context import Engine
from bot.cli.json_output import outcomes_json
from bot.cli.terminal import Screen, count
from bot.slack.messages import also_searched
from bot.slack.read_notes import note_sentences
from rag import Scope

if TYPE_CHECKING:
    from rag import FileNote, IndexOutcome, SearchResult

LANE_NAMES = {
    "words": "search by words",
    "messages": "search by the words of messages",
    "file-names": "search by file names",
    "overview": "overviews of documents",
    "translations": "search in other languages",
    "place": "search by page number",
    "text-vectors": "search by meaning",
    "clip-picture": "picture search",
    "clip-text": "picture search",
    "pixels": "screenshot matching",
}
"""Lanes by their names for people. The two lanes of CLIP are on or off together."""

_STATES = ("new", "known", "unchanged", "waiting", "failed", "gone")
_MAX_SKIPPED = 3
_MAX_RUNS = 10


def show_outcomes(screen: Screen, outcomes: Sequence[IndexOutcome], lanes: Mapping[str, str]) -> None:
    """Print the result of indexing; exit with 1 if a file failed."""
    screen.write_json(outcomes_json(outcomes))
    skipped = [outcome for outcome in outcomes if outcome.state == "skipped"]
    outcomes = [outcome for outcome in outcomes if outcome.state != "skipped"]
    states = Counter(outcome.state for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if not outcomes:
        screen.say("No files to index.")
        _show_skipped(screen, skipped)
        return
    pages = sum(outcome.pages for outcome in outcomes)
    summary = ", ".join(f"{states[state]} {state}" for state in _STATES if states[state])
    screen.say(f"{count(states.total() - states['gone'], 'file')}, {count(pages, 'page')}: {summary}.", style="bold")
    for outcome in failed:
        screen.say(f"✗ {outcome.file}: {outcome.reason}", style="red")
        if outcome.hint:
            screen.say(outcome.hint, indent=2)
    for outcome in outcomes:
        show_notes(screen, outcome.file, outcome.notes)
    _show_skipped(screen, skipped)
    note_lanes_off(screen, lanes)
    if failed:
        raise typer.Exit(1)


def show_notes(screen: Screen, file: str, notes: Sequence[FileNote]) -> None:
    """Say what of a file could not be read and why, then the other notes about it."""
    for sentence in note_sentences(note for note in notes if note.lost):
        screen.say(f"! {file}: {sentence}", style="yellow")
    for sentence in note_sentences(note for note in notes if not note.lost):
        screen.say(f"{file}: {sentence}")


def _show_skipped(screen: Screen, skipped: Sequence[IndexOutcome]) -> None:
    """Count the skipped files by reason, and name some of each."""
    by_reason: dict[str, list[IndexOutcome]] = {}
    for outcome in skipped:
        by_reason.setdefault(outcome.reason, []).append(outcome)
    for reason, outcomes in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        more = ", …" if len(outcomes) > _MAX_SKIPPED else ""
        screen.say(f"Skipped {count(len(outcomes), 'file')}: {reason}")
        screen.say(", ".join(outcome.file for outcome in outcomes[:_MAX_SKIPPED]) + more, indent=2)
    if len(skipped) > _MAX_SKIPPED:
        screen.say("For the full list, add --json.")
    for hint in dict.fromkeys(outcome.hint for outcome in skipped):
        screen.say(hint, indent=2)


def note_lanes_off(screen: Screen, lanes: Mapping[str, str]) -> None:
    """Name the searches that are off, in one line. `magpie status` prints the reasons."""
    names = dict.fromkeys(LANE_NAMES.get(lane, lane) for lane, state in lanes.items() if state != "on")
    if names:
        screen.note(f"Not available: {', '.join(names)}. For the reason and the fix, run: magpie status")


def note_translations(screen: Screen, found: SearchResult) -> None:
    """Say in which other languages a question was searched for, and with what text."""
    for language, text in found.translations.items():
        screen.note(also_searched(language, text))


def note_if_empty(screen: Screen, rag: Engine) -> None:
    """Say how to index files if nothing is indexed."""
    if not rag.documents(Scope.operator()):
        screen.note("Nothing is indexed yet. Run: magpie index FOLDER")
