"""Who can read the reply decides what may be in it. For now: what was shared in the conversation itself."""

from __future__ import annotations

from bot.events import Question
from rag import Scope


def scope_of(question: Question) -> Scope:
    """The scope of a reply to this question: its own conversation, in direct messages too, and nothing else."""
    return Scope.of(question.channel)
