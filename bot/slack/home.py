"""App Home: how to use Magpie, what is indexed in the conversations that this person can open, and what failed.

`home_view` is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.folders import EVERYONE
from bot.slack.blocks import Block, context, cut, escape, header, line_sections, section
from bot.slack.messages import home_texts
from rag import SourceStatus

MAX_CONVERSATIONS, MAX_FAILURES = 30, 15
"""Lines of each list. Slack accepts at most 100 blocks."""

_QUESTION = 150
"""Characters of a question without an answer."""

_REASON = 200
"""Characters of the reason for a failed file."""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """The indexed files of one conversation.

    `failed` and `incomplete`: (title, reason) of each file that could not be read, or not all of it.
    """

    space: str
    files: int = 0
    pages: int = 0
    waiting: int = 0
    failed: Sequence[tuple[str, str]] = field(default=())
    incomplete: Sequence[tuple[str, str]] = field(default=())

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What could not be read, with the reasons."""
        return [*self.failed, *self.incomplete]

    @classmethod
    def of(cls, space: str, sources: Iterable[SourceStatus]) -> ConversationSummary:
        statuses = list(sources)
        ready = [status for status in statuses if status.state == "ready"]
        failed = [status for status in statuses if status.state == "failed"]
        waiting = len(statuses) - len(ready) - len(failed)
        reasons = [(status.title, f"{status.reason} {status.hint}".strip()) for status in failed]
        in_part = [(status.title, home_texts.read_in_part(status)) for status in ready if status.lost]
        return cls(space, len(ready), sum(status.pages for status in ready), waiting, reasons, in_part)


@dataclass(frozen=True, slots=True)
class UnansweredLine:
    """Questions without an answer, for an admin: how many ask this, when and where the last one was asked."""

    text: str
    count: int
    day: str
    channel: str


def home_view(
    summaries: Sequence[ConversationSummary] | None,
    unavailable: Sequence[str],
    source: str = "",
    unanswered: Sequence[UnansweredLine] = (),
) -> dict[str, Any]:
    """Return the view to publish. `summaries`: None if it is unknown what this person may see. `unavailable`: features
    that are off, one sentence each. `source`: the offer of the source code, in mrkdwn. `unanswered`: what an admin is
    shown of questions without an answer."""
    blocks: list[Block] = [
        header(home_texts.HOW_TO_HEADER),
        section(home_texts.HOW_TO),
        header(home_texts.INDEXED_HEADER),
    ]
    blocks += [section(home_texts.UNKNOWN_ACCESS)] if summaries is None else _indexed(summaries)
    if unavailable:
        blocks += [
            header(home_texts.UNAVAILABLE_HEADER),
            *line_sections([f"• {escape(sentence)}" for sentence in unavailable]),
            context(home_texts.ADMIN_CAN_TURN_ON),
        ]
    if unanswered:
        blocks += [
            header(home_texts.UNANSWERED_HEADER),
            *line_sections([_unanswered(line) for line in unanswered]),
            context(home_texts.ONLY_ADMINS),
        ]
    if source:
        blocks.append(context(source))
    return {"type": "home", "blocks": blocks}


def summary_lines(summary: ConversationSummary) -> list[str]:
    """Return the mrkdwn lines that `/magpie status` shows for one conversation."""
    lines = [home_texts.indexed_here(_amount(summary))]
    if summary.problems:
        lines += [home_texts.COULD_NOT_READ, *_failures(summary.problems)]
    return lines


def _indexed(summaries: Sequence[ConversationSummary]) -> list[Block]:
    with_files = [summary for summary in summaries if summary.files or summary.waiting or summary.failed]
    if not with_files:
        return [section(home_texts.NOTHING_INDEXED)]
    with_files.sort(key=lambda summary: -summary.pages)
    lines = [f"• {_name(summary.space)}: {_amount(summary)}" for summary in with_files[:MAX_CONVERSATIONS]]
    if len(with_files) > MAX_CONVERSATIONS:
        lines.append(home_texts.more_conversations(len(with_files) - MAX_CONVERSATIONS))
    blocks = line_sections(lines)
    failed = list(dict.fromkeys(failure for summary in with_files for failure in summary.problems))
    if failed:
        blocks += [header(home_texts.FAILED_HEADER), *line_sections(_failures(failed))]
    return [*blocks, context(home_texts.ONLY_YOURS)]


def _unanswered(line: UnansweredLine) -> str:
    return home_texts.unanswered(escape(cut(line.text, _QUESTION)), line.count, line.day, f"<#{line.channel}>")


def _amount(summary: ConversationSummary) -> str:
    return home_texts.indexed_files(summary.files, summary.pages, summary.waiting, len(summary.failed))


def _failures(failed: Sequence[tuple[str, str]]) -> list[str]:
    lines = [home_texts.failure(escape(title), escape(why[:_REASON])) for title, why in failed[:MAX_FAILURES]]
    return lines + ([home_texts.more_failures(len(failed) - MAX_FAILURES)] if len(failed) > MAX_FAILURES else [])


def _name(space: str) -> str:
    """Return a mention of the channel. Slack shows its name only to people who may see it."""
    if space == EVERYONE:
        return home_texts.SHARED_FOLDERS
    return home_texts.OUR_DIRECT_MESSAGES if space.startswith("D") else f"<#{space}>"
