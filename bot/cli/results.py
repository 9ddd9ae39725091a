"""What several commands print: the outcome of indexing, notes about files, a hint if nothing is indexed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from bot.cli.context import Engine
from bot.cli.json_output import outcomes_json
from bot.cli.terminal import Screen, count
from bot.slack.messages.answer_texts import also_searched
from bot.slack.read_notes import note_sentences
from rag import Scope

if TYPE_CHECKING:
    from rag import FileNote, IndexOutcome, SearchResult

_STATES = ("new", "known", "unchanged", "waiting", "failed", "gone")
_MAX_SKIPPED = 3


def show_outcomes(screen: Screen, outcomes: Sequence[IndexOutcome], nothing: str) -> None:
    """Print the result of indexing, or `nothing` without files; exit with 1 if one failed or all were skipped."""
    screen.write_json(outcomes_json(outcomes))
    skipped = [outcome for outcome in outcomes if outcome.state == "skipped"]
    outcomes = [outcome for outcome in outcomes if outcome.state != "skipped"]
    states = Counter(outcome.state for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    if not outcomes:
        screen.say("Nothing was indexed: all files were skipped." if skipped else nothing)
        _show_skipped(screen, skipped)
        if skipped:
            raise typer.Exit(1)
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
    if failed:
        raise typer.Exit(1)


def show_notes(screen: Screen, file: str, notes: Sequence[FileNote]) -> None:
    """Say what of a file could not be read and why, then the other notes about it."""
    for sentence in note_sentences(note for note in notes if note.lost):
        screen.say(f"! {file}: {sentence}", style="yellow")
    for sentence in note_sentences(note for note in notes if not note.lost):
        screen.say(f"{file}: {sentence}")


def _show_skipped(screen: Screen, skipped: Sequence[IndexOutcome]) -> None:
    """Count the skipped files by reason, name some of each, and say what to do."""
    by_reason: dict[tuple[str, str], list[IndexOutcome]] = {}
    for outcome in skipped:
        by_reason.setdefault((outcome.reason, outcome.hint), []).append(outcome)
    for (reason, hint), outcomes in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        more = ", …" if len(outcomes) > _MAX_SKIPPED else ""
        screen.say(f"Skipped {count(len(outcomes), 'file')}: {reason}")
        screen.say(", ".join(outcome.file for outcome in outcomes[:_MAX_SKIPPED]) + more, indent=2)
        if hint:
            screen.say(hint, indent=2)
    if len(skipped) > _MAX_SKIPPED:
        screen.say("For the full list, add --json.")


def note_translations(screen: Screen, found: SearchResult) -> None:
    """Say in which other languages a question was searched for, and with what text."""
    for language, text in found.translations.items():
        screen.note(also_searched(language, text))


def is_empty(rag: Engine) -> bool:
    """Return whether nothing is indexed."""
    return not rag.documents(Scope.operator())


EMPTY = "Nothing is indexed yet. Run: magpie index FOLDER"
