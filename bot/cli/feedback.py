"""What people said of answers in Slack: how many were good and bad, and the bad ones as questions to measure by.

The bot's own tables are empty if no bot ever ran on the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.invocation import Engine
from bot.cli.terminal import Screen, count
from rag import Scope, UserCanFix

if TYPE_CHECKING:
    from bot.db.feedback import Feedback

TO_DO = (
    'Not a question to measure by yet. Add "file" and "pages": the file and the pages, from 1, that do answer it, or '
    '"file": "" and "pages": [] when nothing indexed does. "cited" is what was cited, and may be what was wrong.'
)
"""Stands in every line. Without `pages`, `magpie eval` refuses the line, so that none counts unread."""


def feedback_counts(rag: Engine) -> Mapping[str, int]:
    from bot.db import feedback  # SQL, which --help has no use for

    with rag.reading() as connection:
        return feedback.counts(connection)


def feedback_sentence(rag: Engine) -> str:
    """Empty while nobody said anything."""
    said = feedback_counts(rag)
    if not any(said.values()):
        return ""
    return f"Answers in Slack: {said['good']:,} called good, {said['bad']:,} called bad."


def write_questions(rag: Engine, screen: Screen, into: Path) -> None:
    """`eval --from-feedback OUT`: a line for each question whose answer somebody called bad. Raise UserCanFix when the
    file is there already, for somebody may have filled it in."""
    from bot.db import feedback

    if into.exists():
        raise UserCanFix(f"{into} is there already.", "Name another file: this one may have been filled in.")
    with rag.reading() as connection:
        rows = {(row.channel, row.ts): row for row in feedback.bad(connection)}
    names = {row.id: row.name for row in rag.documents(Scope.operator())}
    worded = [row for row in rows.values() if row.text]
    into.write_text("".join(_lines(worded, names)), encoding="utf-8")
    left_out = len(rows) - len(worded)
    screen.data({"path": str(into), "questions": len(worded), "left_out": left_out})
    if left_out:
        screen.note(f"Left out: {count(left_out, 'question')} without words (a picture, or the file is gone).")
    screen.say(f"{count(len(worded), 'question')} whose answer was called bad, in:", style="bold")
    screen.path(into)
    if worded:
        screen.say('Add "file" and "pages" to each line, the right ones; then: magpie eval --questions with this file.')


def _lines(rows: list[Feedback], names: Mapping[int, str]) -> Iterator[str]:
    for row in rows:
        cited = [_page(one, names) for one in row.passages if one["cited"] and one["document"] in names]
        line = {
            "id": f"feedback-{row.id}",
            "query": row.text,
            "cited": list({(one["file"], one["page"]): one for one in cited}.values()),
            "answer": row.answer,
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
            "to_do": TO_DO,
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _page(passage: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    return {"file": names[passage["document"]], "page": passage["page"]}
