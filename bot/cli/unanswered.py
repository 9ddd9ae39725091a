"""`magpie unanswered`: what people asked in Slack and did not find, and `magpie eval --from-unanswered`."""

from __future__ import annotations

import json as json_format
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from bot.cli.context import Data, Engine, Json, invocation
from bot.cli.feedback import TO_DO
from bot.cli.json_output import unanswered_json
from bot.cli.terminal import Screen, count, printable
from rag import UserCanFix

if TYPE_CHECKING:
    from bot.answers.unanswered import QuestionGroup

_DAY = 86400.0
_SHOWN = 120


def register(app: typer.Typer) -> None:
    app.command()(unanswered)


def unanswered(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=36500, help="Only questions of the last days.")] = 30,
    data: Data = None,
    json: Json = False,
) -> None:
    """List what people asked in Slack and did not find, similar questions as one, without names.

    It includes direct messages: the person who runs Magpie can read its data folder. To measure the search with the
    questions, write them to a file with magpie eval --from-unanswered.
    """
    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        groups = _groups(rag, time() - days * _DAY)
        screen.write_json(unanswered_json(groups))
        if not groups:
            screen.say(f"No question of the last {count(days, 'day')} was left without an answer.")
            return
        if not screen.json:
            _show(screen, groups)


def write_unanswered(rag: Engine, screen: Screen, path: Path) -> None:
    """Write a line for each group of questions without an answer.

    Raise UserCanFix if the file exists: its lines may have been filled in already.
    """
    from bot.answers.unanswered import readable

    if path.exists():
        raise UserCanFix(f"{path} already exists.", "Choose another file name, so that no filled-in line is lost.")
    groups = _groups(rag, 0.0)
    lines = [
        {
            "id": f"unanswered-{group.newest.id}",
            "query": group.text,
            "also_asked": list(dict.fromkeys(map(readable, group.questions[1:]))),
            "at": _iso(group.newest.asked_at),
            "to_do": TO_DO,
        }
        for group in groups
    ]
    text = "".join(f"{json_format.dumps(line, ensure_ascii=False)}\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    screen.write_json({"path": str(path), "questions": len(lines)})
    screen.say(f"{count(len(lines), 'question')} without an answer, written to:", style="bold")
    screen.path(path)


def _groups(rag: Engine, since: float) -> list[QuestionGroup]:
    from bot.answers.unanswered import group_questions  # SQL, which --help does not need
    from bot.db.unanswered import list_unanswered

    with rag.read_transaction() as connection:
        return group_questions(list_unanswered(connection, since=since))


def _show(screen: Screen, groups: list[QuestionGroup]) -> None:
    total = sum(len(group.questions) for group in groups)
    screen.say(f"{count(total, 'question')} without an answer, in {count(len(groups), 'group')}:", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, side in (("Asked", "right"), ("Last", "left"), ("Where", "left"), ("Question", "left")):
        table.add_column(name, justify="right" if side == "right" else "left", overflow="fold")
    for group in groups:
        day = datetime.fromtimestamp(group.newest.asked_at).astimezone().strftime("%Y-%m-%d")
        where = ", ".join(dict.fromkeys(map(_where, (asked.channel for asked in group.questions))))
        text = group.text if len(group.text) <= _SHOWN else f"{group.text[:_SHOWN]} …"
        table.add_row(str(len(group.questions)), day, where, Text(printable(text)))
    screen.out.print(table)
    screen.note("To measure the search with them: magpie eval --from-unanswered questions.jsonl")


def _where(channel: str) -> str:
    return "direct messages" if channel.startswith("D") else channel


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
