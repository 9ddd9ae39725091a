"""Print a workspace's messages on the terminal as Slack shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.terminal import Screen
from bot.slack.blocks import unescape
from bot.slack.buttons import TOPICS_BLOCK
from bot.slack.simple_blocks import simple_blocks

if TYPE_CHECKING:
    from bot.demo.slack_server import Message, Workspace

_EMOJI = {"white_check_mark": "✅", "large_yellow_circle": "🟡", "warning": "⚠️", "eyes": "👀"}


def show_message(screen: Screen, ws: Workspace, message: Message, pictures: Sequence[Path], indent: int = 0) -> None:
    """Print author, time, text or blocks, files and reactions. `pictures` holds the paths of its files."""
    names = {person.id: person.name for person in ws.people()}
    sent_at = datetime.fromtimestamp(float(message.ts)).astimezone().strftime("%H:%M")
    screen.say(f"{names.get(message.user, message.user)}  {sent_at}", style="bold cyan", indent=indent)
    for text, small in _texts(message):
        screen.say(_plain(text, names), style="dim" if small else "", indent=indent + 2)
    for number, id in enumerate(message.files):
        file = ws.file(id)
        screen.say(f"📎 {file.title or file.name}", indent=indent + 2)
        if number < len(pictures):
            screen.path(pictures[number], indent=indent + 5)
    if message.reactions:
        reactions = "  ".join(
            f"{_EMOJI.get(name, f':{name}:')} {len(users)}" for name, users in message.reactions.items()
        )
        screen.say(reactions, indent=indent + 2)


def _texts(message: Message) -> list[tuple[str, bool]]:
    """Return (text, is small print) of every block, or the message's own text.

    Of the buttons, which cannot be pressed here, only the follow-ups are shown: a line of text introduces them.
    """
    found = []
    for block in simple_blocks(message.blocks):
        if text := block.get("text"):
            found.append((str(text["text"]), False))
        if block.get("block_id") == TOPICS_BLOCK:
            found.append(("  ".join(f"[{button['text']['text']}]" for button in block["elements"]), True))
        if block.get("type") in ("actions", "context_actions"):
            continue
        found += [(str(part["text"]), True) for part in block.get("elements") or ()]
    return found or ([(message.text, False)] if message.text else [])


def _plain(text: str, names: dict[str, str]) -> str:
    """Return mrkdwn as plain text: links by their label, mentions by name."""
    text = re.sub(r"<@(\w+)>", lambda found: f"@{names.get(found[1], found[1])}", text)
    text = re.sub(r"<[^<|>]+\|([^<>]+)>", r"\1", text)
    text = re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"\1", text)
    return unescape(text)
