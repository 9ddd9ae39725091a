"""What people wrote in the thread of a question. It helps to understand the question there and is never evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Any

from bot.slack.client import SlackClient
from bot.slack.events import Message, Question
from bot.slack.payloads import parse
from rag import MagpieError

_READ = 1000
"""Messages of a thread that are read at most."""

_KEPT = 200
"""The last messages of a thread that are used, besides its root."""


def is_in_thread(question: Question) -> bool:
    """Return whether a question is a reply in a thread, and not its root."""
    return question.thread not in ("", question.ts)


def read_thread(client: SlackClient, question: Question) -> list[Mapping[str, Any]]:
    """Return the messages of a thread before a question, oldest first: its root and the last others.

    They are read now, so that deleted messages are missing. Never raises: if Slack does not show them, there are none.
    """
    try:
        found = client.list_replies(question.channel, question.thread, oldest=question.thread, latest=question.ts)
        before = (message for message in islice(found, _READ) if str(message.get("ts", "")) < question.ts)
        root = list(islice(before, 1))
        return [*root, *deque(before, _KEPT)]
    except MagpieError:
        return []


def words_of(message: Mapping[str, Any], channel: str, me: str) -> str:
    """Return what a person wrote or forwarded in a message; empty for Magpie's and other apps' messages."""
    events = parse({**message, "type": "message", "channel": channel}, me)
    said = next((event for event in events if isinstance(event, Message)), None)
    if said is None or said.app:
        return ""
    return said.text.strip() or " ".join(forwarded.text for forwarded in said.forwarded).strip()
