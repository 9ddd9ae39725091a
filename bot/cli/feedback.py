"""Ratings of answers in Slack: how many are good and bad, and `magpie eval --from-feedback`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.context import Engine
from bot.cli.terminal import Screen, count
from rag import Scope, UserCanFix

if TYPE_CHECKING:
    from bot.db.feedback import Feedback

TO_DO = (
    'Add "file" and "pages" to use this question with magpie eval: the file that answers it and the pages, counted '
    'from 1; or "file": "" and "pages": [] if nothing indexed answers it. "cited" is what the answer cited, which may '
    "be wrong."
)
"""Written to every line. `magpie eval` refuses a line without `pages`, so that no unchecked question is measured."""


def feedback_counts(rag: Engine) -> Mapping[str, int]:
    """Return the number of `good` and of `bad` ratings."""
    from bot.db import feedback  # SQL, which --help does not need

    with rag.read_transaction() as connection:
        return feedback.counts(connection)


def feedback_sentence(rag: Engine) -> str:
    """Return a sentence on the ratings, or an empty string if there are none."""
    counts = feedback_counts(rag)
    if not any(counts.values()):
        return ""
    return f"Ratings of answers in Slack: {counts['good']:,} good, {counts['bad']:,} bad."


def write_questions(rag: Engine, screen: Screen, path: Path) -> None:
    """Write a line for each question with an answer that was rated bad.

    Raise UserCanFix if the file exists: its lines may have been filled in already.
    """
    from bot.db import feedback

    if path.exists():
        raise UserCanFix(f"{path} already exists.", "Choose another file name, so that no filled-in line is lost.")
    with rag.read_transaction() as connection:
        rows = {(row.channel, row.ts): row for row in feedback.list_bad(connection)}
    names = {row.id: row.name for row in rag.documents(Scope.operator())}
    with_text = [row for row in rows.values() if row.text]
    path.write_text("".join(_lines(with_text, names)), encoding="utf-8")
    left_out = len(rows) - len(with_text)
    screen.write_json({"path": str(path), "questions": len(with_text), "left_out": left_out})
    if left_out:
        screen.note(f"Left out: {count(left_out, 'question')} without text (only a picture, or the file was removed).")
    screen.say(f"{count(len(with_text), 'question')} with an answer rated bad, written to:", style="bold")
    screen.path(path)
    if with_text:
        screen.say('Add the right "file" and "pages" to each line. Then run magpie eval --questions with this file.')


def write_good_questions(rag: Engine, path: Path) -> int:
    """Write the questions whose answer was rated good and cites one file, with the cited pages as the right ones.

    Return how many. Raise UserCanFix if there are none.
    """
    from bot.db import feedback

    with rag.read_transaction() as connection:
        rows = {(row.channel, row.ts): row for row in feedback.list_good(connection)}
    lines = [line for row in rows.values() if (line := _good_line(row))]
    if not lines:
        raise UserCanFix(
            "No answer that cites one file was rated good in Slack yet.", "Write questions of your own: --questions."
        )
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")
    return len(lines)


def _good_line(row: Feedback) -> dict[str, Any] | None:
    """Return the question with its gold pages; None without its text, or if its answer cites no file or several."""
    from bot.slack.message_text import resolve

    cited = [passage for passage in row.passages if passage["cited"]]
    documents = {passage["sha256"] for passage in cited}
    if not row.text or len(documents) != 1:
        return None
    pages = sorted({passage["page"] for passage in cited})
    return {"id": f"feedback-{row.id}", "query": resolve(row.text, {}), "sha256": documents.pop(), "pages": pages}


def _lines(rows: list[Feedback], names: Mapping[int, str]) -> Iterator[str]:
    from bot.slack.message_text import resolve, resolve_mentions

    for row in rows:
        cited = [_page(passage, names) for passage in row.passages if passage["cited"] and passage["document"] in names]
        line = {
            "id": f"feedback-{row.id}",
            "query": resolve(row.text, {}),
            "cited": list({(page["file"], page["page"]): page for page in cited}.values()),
            "answer": resolve_mentions(row.answer, {}),
            "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
            "to_do": TO_DO,
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _page(passage: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    return {"file": names[passage["document"]], "page": passage["page"]}
