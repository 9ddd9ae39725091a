"""From a ranking to an answer: passages, the generator's words, citations checked; or the passages themselves.

The model writes, code checks: nothing is cited that was not shown, and an answer that cites nothing is
replaced by the passages. A question never ends in silence: without a generator the best passages answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rag.answer.citations import without_citations
from rag.answer.draft import Draft, Order, WordsOn, write
from rag.answer.prompt import excerpt, select_passages
from rag.errors import GeneratorDown, MagpieError, ModelMissing
from rag.ingest.chunking import unruled
from rag.model import Answer, Found, Hit, Mode, Passage
from rag.ports import Generator
from rag.settings import AnswerSettings
from rag.text import content_words

ABSTAINED = "I could not find this in the files I may use here."

QUOTED = 3
"""Passages that stand in for an answer."""

NEAREST = 2
"""Pages named where nothing was found: somebody may know better."""

_QUOTE_LENGTH = 360
"""Characters of each: two or three sentences."""

_UNCITED = "The model's answer named no passage, so here are the best passages."


def no_words(_: Hit) -> str:
    """No more than the hit's own text."""
    return ""


def answer(
    question: str,
    found: Found,
    generator: Generator | None,
    settings: AnswerSettings,
    on_text: Callable[[str], None] | None = None,
    picture: bytes | None = None,
    words_on: WordsOn = no_words,
) -> Answer:
    """Answer a question from what was found. `picture` is a screenshot (PNG or JPEG) sent with the question.

    `on_text` gets the model's words as they come, before they are checked: the returned text replaces them; while
    the model corrects itself it gets empty ones. `words_on` says what stands on a hit's page beside its own text. No
    generator, or a MagpieError from it, makes an answer of passages with a notice that says why. `evidence` is left
    empty.
    """
    reply = _Reply(question, found, select_passages(found.hits, settings.passages))
    if not found.found or not reply.passages:
        return reply.abstain(Mode.PASSAGES)
    if generator is None:
        return reply.quote(
            "No model is set, so here are the best passages.",
            f"To turn answers on: export MAGPIE_ANSWER__MODEL={AnswerSettings().model}",
        )
    order = Order(question, reply.passages, generator, settings, words_on, on_text, picture)
    try:
        draft = write(order, reply.stage_ms)
    except MagpieError as error:
        return reply.quote(*_off(error))
    if draft.declined:
        return reply.abstain(draft.mode)
    return reply.written(draft) if draft.cited else reply.quote(_UNCITED)


def place_line(passage: Passage) -> str:
    """`[1] handbook.pdf, table on p. 12 (printed vi)`"""
    return f"[{passage.number}] {passage.hit.spot}"


@dataclass(frozen=True)
class _Reply:
    question: str
    found: Found
    passages: tuple[Passage, ...]
    stage_ms: dict[str, float] = field(default_factory=dict)

    def abstain(self, mode: Mode) -> Answer:
        near = list(dict.fromkeys(passage.hit.place for passage in self.passages))[:NEAREST]
        text = f"{ABSTAINED} Nearest: {'; '.join(near)}." if near else ABSTAINED
        return self.finish(text, mode, abstained=True)

    def quote(self, notice: str, remedy: str = "") -> Answer:
        best = self.passages[:QUOTED]
        wanted = content_words(self.question)
        text = "\n\n".join(f"{place_line(passage)}\n{_quotation(passage, wanted)}" for passage in best)
        return replace(self.finish(text, Mode.PASSAGES, best, notice), remedy=remedy)

    def written(self, draft: Draft) -> Answer:
        made = self.finish(draft.text, draft.mode, draft.cited, draft.notice)
        return replace(made, passages=draft.shown, remedy=draft.remedy, read_from=draft.read_from)

    def finish(
        self, text: str, mode: Mode, cited: Sequence[Passage] = (), notice: str = "", *, abstained: bool = False
    ) -> Answer:
        return Answer(
            question=self.question,
            text=text,
            abstained=abstained,
            mode=mode,
            cited=tuple(cited),
            passages=self.passages,
            evidence=(),
            notice=notice,
            found=self.found,
            stage_ms={**self.found.stage_ms, **self.stage_ms},
        )


def _quotation(passage: Passage, wanted: Sequence[str]) -> str:
    """What a passage says about the wanted words, in a line; for a picture without words, what it is."""
    hit = passage.hit
    words = " ".join(part for part in (hit.caption, unruled(hit.text)) if part.strip()) or hit.heading
    words = without_citations(" ".join(words.split()))
    if words:
        return f"“{excerpt(words, wanted, _QUOTE_LENGTH)}”"
    if hit.described:
        said = excerpt(without_citations(hit.described), wanted, _QUOTE_LENGTH)
        return f"(a {hit.kind.value}; caption written by {hit.described_by}: “{said}”)"
    return f"(a {hit.kind.value}; see its picture)"


def _off(error: MagpieError) -> tuple[str, str]:
    """What is off, and how to turn it on."""
    reason = str(error).rstrip(".")
    if isinstance(error, GeneratorDown | ModelMissing):
        return f"No model is answering ({reason}), so here are the best passages.", f"To turn answers on: {error.hint}"
    return f"The model gave no answer ({reason}), so here are the best passages.", error.hint
