"""App Home: what is indexed where, as far as this person may know of it, what failed and why, what waits, what is off,
and how to use it. `home_view` is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.answers.render import escaped, section, small
from rag import Standing

CONVERSATIONS, FAILED = 30, 15
"""Lines of each; Slack takes a hundred blocks."""

_LINES = 10
"""Lines of one block."""

_REASON = 200

HOW_TO = (
    "*Ask* me in a channel with `@Magpie`, or here under *Messages* without: I answer in the thread, with the page.\n"
    "*Send a screenshot*: I say which page it is.\n"
    "*Share* PDFs, Word and PowerPoint files, texts and pictures where I am invited (`/invite @Magpie`): a ✅ says "
    "that a file can be found.\n"
    "*Under an answer*: more pages, the same question in one file alone, and whether the answer was good. While I "
    "look, *Stop* ends it.\n"
    "*On any message*, under its three dots: “Find similar pages” and “Index this file”.\n"
    "`/magpie find WORDS`, `/magpie status`, `/magpie help` in any conversation."
)
UNKNOWN = "Slack did not say what you may see, so I show nothing of it here. Open this page again in a minute."
NOTHING = "Nothing is indexed yet in the conversations that you and I share."


@dataclass(frozen=True, slots=True)
class Held:
    """What one conversation holds. `failed`: (title, why)."""

    space: str
    files: int = 0
    pages: int = 0
    waiting: int = 0
    failed: Sequence[tuple[str, str]] = field(default=())

    @classmethod
    def of(cls, space: str, standings: Iterable[Standing]) -> Held:
        known = list(standings)
        ready = [one for one in known if one.state == "ready"]
        failed = [(one.title, f"{one.reason} {one.hint}".strip()) for one in known if one.state == "failed"]
        waiting = len(known) - len(ready) - len(failed)
        return cls(space, len(ready), sum(one.pages for one in ready), waiting, failed)


def home_view(held: Sequence[Held] | None, off: Sequence[str]) -> dict[str, Any]:
    """The view to publish. `held` None: nobody knows what this person may see. `off`: what Magpie does without."""
    blocks: list[dict[str, Any]] = [_header("How to use Magpie"), section(HOW_TO), _header("What is indexed")]
    blocks += [section(UNKNOWN)] if held is None else _holdings(held)
    if off:
        blocks += [_header("What is off"), *_listed([f"• {escaped(one)}" for one in off])]
    return {"type": "home", "blocks": blocks}


def held_lines(held: Held) -> list[str]:
    """One conversation, as `/magpie status` says it."""
    lines = [f"Here: {_amount(held)}."]
    if held.failed:
        lines += ["These could not be read:", *_failures(held.failed)]
    return lines


def _holdings(held: Sequence[Held]) -> list[dict[str, Any]]:
    known = sorted((one for one in held if one.files or one.waiting or one.failed), key=lambda one: -one.pages)
    if not known:
        return [section(NOTHING)]
    lines = [f"• {_named(one.space)}: {_amount(one)}" for one in known[:CONVERSATIONS]]
    if len(known) > CONVERSATIONS:
        lines.append(f"… and {len(known) - CONVERSATIONS} more conversations.")
    blocks = _listed(lines)
    failed = list(dict.fromkeys(one for each in known for one in each.failed))
    if failed:
        blocks += [_header("What could not be read"), *_listed(_failures(failed))]
    return [*blocks, small("What others share where you are not is not shown here.")]


def _amount(held: Held) -> str:
    parts = [f"{_count(held.files, 'file')} of {_count(held.pages, 'page')}"]
    if held.waiting:
        parts.append(f"{_count(held.waiting, 'file')} being read")
    if held.failed:
        parts.append(f"{len(held.failed):,} could not be read")
    return ", ".join(parts)


def _failures(failed: Sequence[tuple[str, str]]) -> list[str]:
    lines = [f"• {escaped(title)}: {escaped(why[:_REASON])}" for title, why in failed[:FAILED]]
    return lines + ([f"… and {len(failed) - FAILED} more."] if len(failed) > FAILED else [])


def _named(space: str) -> str:
    """Slack writes the name of a channel for those who may know it."""
    return "our direct messages" if space.startswith("D") else f"<#{space}>"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _listed(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [section("\n".join(lines[start : start + _LINES])) for start in range(0, len(lines), _LINES)]


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}
