"""`magpie forget`"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.context import Data, Engine, Json, invocation
from bot.cli.terminal import Screen, count


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
    data: Data = None,
    json: Json = False,
) -> None:
    """Remove files from all answers, and from the disk unless they are shared elsewhere too.

    Without NAME, remove everything in a space or of a person, including their questions and access log entries.
    """
    names = names or []
    if not names and not space and not user:
        raise typer.BadParameter(
            "name files, or add --space C123 to remove everything shared in a space, or --user U123 to remove "
            "everything of a person"
        )
    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
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
