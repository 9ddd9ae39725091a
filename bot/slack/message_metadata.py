"""The metadata of Magpie's messages, which names the question that a message answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.slack.events import Question

EVENT_TYPE = "magpie_answer"


def answer_to(question: Question) -> dict[str, Any]:
    """Return the metadata of a message that answers a question."""
    return {"event_type": EVENT_TYPE, "event_payload": {"question": key(question)}}


def question_of(message: Mapping[str, Any]) -> str:
    """Return the `key` of the question that a message answers; empty if it is not an answer."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return str(payload.get("question", ""))


def key(question: Question) -> str:
    """Return the key of a question: `channel:ts`."""
    return f"{question.channel}:{question.ts}"
