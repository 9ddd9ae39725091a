"""What Magpie writes into a message's metadata, to know it again: which question it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.slack.events import Question

EVENT_TYPE = "magpie_answer"


def answer_to(question: Question) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"question": key(question)}}


def question_of(message: Mapping[str, Any]) -> str:
    """`channel:ts` of the question that a message answers; empty: none."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return str(payload.get("question", ""))


def key(question: Question) -> str:
    return f"{question.channel}:{question.ts}"
