"""A generator that answers with the sentence that has most words of the question, and cites its passage.

It takes no statement from the messages that share files.
"""

from __future__ import annotations

import re
from collections.abc import Generator as Generating
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from rag.errors import AnswerCut, GeneratorBusy, MagpieError
from rag.ports import ModelInfo, Prompt
from rag.text import STOP_WORDS, tokens

_PASSAGE = re.compile(r"<passage (\d+) (\w+)>\n(.*?)\n</passage \1 \2>", re.DOTALL)
_MESSAGE = re.compile(r"^Posted with \(.*\n", re.MULTILINE)
_QUESTION = re.compile(r"^Question: (.*?)\n\nAnswer from", re.DOTALL | re.MULTILINE)


def reply_to(user: str) -> str:
    """Return the sentence of the passages that has most words of the question, with its citation, or NOT FOUND."""
    question = _QUESTION.search(user)
    terms = {word[:5] for word in tokens(question.group(1)) if word not in STOP_WORDS} if question else set()
    best, reply = 0, "NOT FOUND"
    for number, _, body in _PASSAGE.findall(user):
        words = _MESSAGE.sub("", body.split("\n", 1)[1])
        for sentence in re.split(r"(?<=[.!?])\s+|\n{2,}", words):
            matching = len(terms & {token[:5] for token in tokens(sentence)})
            if matching > best:
                best, reply = matching, f"{' '.join(sentence.split())} [{number}]"
    return reply


def pieces_of(text: str) -> list[str]:
    """Split a text into words with their spaces, as a model streams it."""
    return re.findall(r"\s*\S+\s*$|\s*\S+", text)


@dataclass
class FakeGenerator:
    """Satisfies ports.Generator.

    `text` replaces the reply. `longest` is the number of pieces after which it is cut. `broken` is raised by
    `model_info`, or after `broken_after` pieces of the stream if that is set. `closed` counts the ended streams.
    """

    vision: bool = True
    window: int = 0
    text: str | None = None
    longest: int | None = None
    broken: MagpieError | None = None
    broken_after: int | None = None
    at_once: int = 1
    prompts: list[Prompt] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self._slots = BoundedSemaphore(self.at_once)

    def model_info(self) -> ModelInfo:
        if self.broken is not None and self.broken_after is None:
            raise self.broken
        return ModelInfo("fake", self.vision, self.window)

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        if not self._slots.acquire(blocking=False):
            raise GeneratorBusy("The model is busy with other questions.", "Ask again in a moment.")
        self.prompts.append(prompt)
        try:
            if self.broken is not None and self.broken_after is None:
                raise self.broken
            text = reply_to(prompt.user) if self.text is None else self.text
            for count, piece in enumerate(pieces_of(text)):
                if self.broken is not None and count == self.broken_after:
                    raise self.broken
                if count == self.longest:
                    raise AnswerCut("The answer was cut at its longest length.", "Set a longer one.")
                yield piece
        finally:
            self.closed += 1
            self._slots.release()

    def close(self) -> None:
        pass
