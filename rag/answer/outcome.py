"""What readers are shown of a model's reply: the one rule, from its checked statements and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rag.answer import messages
from rag.answer.grounding import GroundingResult


class Shown(StrEnum):
    """What becomes of a reply. docs/answers.md has a table of cases."""

    ANSWER = "the answer"
    PART = "the sentences that hold"
    PASSAGES = "the passages"
    NOTHING = "that nothing was found"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is shown, and the line that says why. `is_fault`: the reply did not answer in the question's language."""

    shown: Shown
    reason: str = ""
    is_fault: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether another draft could not be better."""
        return self.shown in (Shown.ANSWER, Shown.NOTHING)


def decide(grounding: GroundingResult, fault: str, *, declined: bool, cites: bool) -> Outcome:
    """Return what is shown of a reply.

    `fault` says what is wrong with the reply as a whole, or is empty. `declined`: the model says that the passages do
    not answer. `cites`: the model cited a passage.
    """
    if declined:
        return Outcome(Shown.NOTHING)
    if fault == messages.OTHER_LANGUAGE:
        return Outcome(Shown.PASSAGES, fault, is_fault=True)
    if not grounding.held:
        reason = fault or (messages.NOTHING_HELD if cites else messages.NO_CITATION)
        return Outcome(Shown.PASSAGES, reason, is_fault=bool(fault))
    if grounding.not_found:
        return Outcome(Shown.PART, messages.left_out(len(grounding.not_found)))
    return Outcome(Shown.ANSWER)
