"""`magpie forget`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Engine, Json, invocation
from bot.cli.terminal import Screen, count

if TYPE_CHECKING:
    from rag import StoredShare

_LISTED = 20
"""Shares that are listed before the question whether to remove them; the rest are counted."""


def register(app: typer.Typer) -> None:
    app.command()(forget)


def forget(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help="Path, file name, or start of the SHA-256. Default: all files."),
    ] = None,
    space: Annotated[str | None, typer.Option(metavar="C123", help="Only files shared in this space.")] = None,
    user: Annotated[
        str | None,
        typer.Option(metavar="U123", help="Only files that this person shared. Without NAME, also their questions."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before removing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be removed, and remove nothing.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Remove files from all answers, and from the disk unless they are shared elsewhere too.

    List what will be removed and ask first. Without NAME, remove everything in a space or of a person, including their
    questions and access log entries.
    """
    names = names or []
    if not names and not space and not user:
        raise typer.BadParameter(
            "name files, or add --space C123 to remove everything shared in a space, or --user U123 to remove "
            "everything of a person"
        )
    with invocation(context).open(data, json, upgrade=True, removes=True) as (rag, screen):
        found = rag.find_shares(names, space or None, user or None)
        if not space:
            _refuse_ambiguous_names(names, found)
        questions = _count_questions(rag, user, space or "") if user and not names else 0
        _show(screen, found, questions, "This would be removed:" if dry_run else "This removes:")
        if dry_run:
            if not found and not questions:
                screen.say("Nothing would be removed.")
            screen.write_json({"would_forget": [_share_json(share) for share in found], "questions": questions})
            raise typer.Exit(0 if found or questions else 1)
        if (found or questions) and not yes:
            _confirm(screen)
        forgotten = rag.forget(names, space or None, user or None)
        questions = _forget_questions(rag, screen, user, space or "") if user and not names else 0
        screen.write_json({"forgotten": forgotten, "questions": questions})
        if not forgotten and not questions:
            screen.say("Nothing was removed.")
            raise typer.Exit(1)
        if forgotten:
            screen.say(f"Removed: {', '.join(forgotten)}.")
        if questions:
            screen.say(f"Removed: {count(questions, 'question')} and the matching entries in the access log.")


def _refuse_ambiguous_names(names: Sequence[str], found: Sequence[StoredShare]) -> None:
    """Raise BadParameter if one file name stands for several files: the operator may mean only one of them."""
    for name in names:
        same = [share for share in found if share.name == name]
        if len({share.source for share in same}) > 1:
            spaces = ", ".join(sorted({share.space for share in same}))
            raise typer.BadParameter(
                f"{len({share.source for share in same})} files are called {name} (in {spaces}). Add --space to say "
                "which one, or name it by its path or the start of its SHA-256."
            )


def _show(screen: Screen, found: Sequence[StoredShare], questions: int, heading: str) -> None:
    """Print what would be removed, newest last."""
    if not found and not questions:
        return
    screen.say(heading, style="bold")
    for share in found[:_LISTED]:
        by = f", shared by {share.shared_by}" if share.shared_by else ""
        at = datetime.fromtimestamp(share.shared_at).astimezone()
        screen.say(f"{share.name} in {share.space}{by} on {at:%Y-%m-%d}", indent=2)
    if len(found) > _LISTED:
        screen.say(f"and {len(found) - _LISTED:,} more", indent=2)
    if questions:
        screen.say(f"{count(questions, 'question')} of this person, and their entries in the access log", indent=2)


def _confirm(screen: Screen) -> None:
    """Ask whether to go on. Raise BadParameter if no person can answer, and Exit(1) for no."""
    if screen.json or not sys.stdin.isatty():
        raise typer.BadParameter("nothing was removed: add --yes to remove this, or --dry-run to only list it")
    if not typer.confirm("Remove it? It cannot be undone.", default=False):
        screen.say("Nothing was removed.")
        raise typer.Exit(1)


def _share_json(share: StoredShare) -> dict[str, object]:
    return {
        "name": share.name,
        "space": share.space,
        "message": share.message,
        "shared_by": share.shared_by,
        "shared_at": datetime.fromtimestamp(share.shared_at).astimezone().isoformat(timespec="seconds"),
    }


def _count_questions(rag: Engine, user: str, channel: str) -> int:
    from bot.db import retention  # SQL, which --help does not need

    with rag.read_transaction() as connection:
        return retention.count_questions_of(connection, user, channel)


def _forget_questions(rag: Engine, screen: Screen, user: str, channel: str) -> int:
    """Delete a person's questions in one conversation, or in all if `channel` is empty. Return how many there were."""
    from bot.db import retention  # SQL, which --help does not need

    with rag.write_transaction() as connection:
        questions = retention.forget_user(connection, user, channel)
    if not rag.checkpoint():
        screen.note(
            "The deleted questions are still in the database's log file, because another process is using it. The "
            "running bot will clear them."
        )
    return questions
