"""App Home: how to use Magpie, what is indexed in the conversations this person can open, what failed and what is off.

`home_view` is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.slack import messages
from bot.slack.blocks import Block, context, escape, header, line_sections, section
from rag import SourceStatus

MAX_CONVERSATIONS, MAX_FAILURES = 30, 15
"""Lines of each; Slack takes a hundred blocks."""

_REASON = 200
"""Characters of the reason why a file could not be read."""


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """What one conversation holds. `failed`: (title, reason)."""

    space: str
    files: int = 0
    pages: int = 0
    waiting: int = 0
    failed: Sequence[tuple[str, str]] = field(default=())

    @classmethod
    def of(cls, space: str, standings: Iterable[SourceStatus]) -> ConversationSummary:
        known = list(standings)
        ready = [one for one in known if one.state == "ready"]
        failed = [(one.title, f"{one.reason} {one.hint}".strip()) for one in known if one.state == "failed"]
        waiting = len(known) - len(ready) - len(failed)
        return cls(space, len(ready), sum(one.pages for one in ready), waiting, failed)


def home_view(held: Sequence[ConversationSummary] | None, off: Sequence[str]) -> dict[str, Any]:
    """Return the view to publish. `held` is None if it is unknown what this person may see. `off`: what is not
    available."""
    blocks: list[Block] = [
        header(messages.HOW_TO_HEADER),
        section(messages.HOW_TO),
        header(messages.INDEXED_HEADER),
    ]
    blocks += [section(messages.UNKNOWN_ACCESS)] if held is None else _indexed(held)
    if off:
        blocks += [header(messages.UNAVAILABLE_HEADER), *line_sections([f"• {escape(one)}" for one in off])]
    return {"type": "home", "blocks": blocks}


def summary_lines(held: ConversationSummary) -> list[str]:
    """Return one conversation as `/magpie status` shows it."""
    lines = [messages.indexed_here(_amount(held))]
    if held.failed:
        lines += [messages.COULD_NOT_READ, *_failures(held.failed)]
    return lines


def _indexed(held: Sequence[ConversationSummary]) -> list[Block]:
    known = sorted((one for one in held if one.files or one.waiting or one.failed), key=lambda one: -one.pages)
    if not known:
        return [section(messages.NOTHING_INDEXED)]
    lines = [f"• {_name(one.space)}: {_amount(one)}" for one in known[:MAX_CONVERSATIONS]]
    if len(known) > MAX_CONVERSATIONS:
        lines.append(messages.more_conversations(len(known) - MAX_CONVERSATIONS))
    blocks = line_sections(lines)
    failed = list(dict.fromkeys(one for each in known for one in each.failed))
    if failed:
        blocks += [header(messages.FAILED_HEADER), *line_sections(_failures(failed))]
    return [*blocks, context(messages.ONLY_YOURS)]


def _amount(held: ConversationSummary) -> str:
    return messages.indexed_files(held.files, held.pages, held.waiting, len(held.failed))


def _failures(failed: Sequence[tuple[str, str]]) -> list[str]:
    lines = [messages.failure(escape(title), escape(why[:_REASON])) for title, why in failed[:MAX_FAILURES]]
    return lines + ([messages.more_failures(len(failed) - MAX_FAILURES)] if len(failed) > MAX_FAILURES else [])


def _name(space: str) -> str:
    """Return a mention of the channel, whose name Slack shows to those who may know it."""
    return messages.OUR_DIRECT_MESSAGES if space.startswith("D") else f"<#{space}>"
