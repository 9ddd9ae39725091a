"""From a ranking to an answer: passages, the generator's words, citations checked; or the passages themselves.

The model writes, code checks: nothing is cited that was not shown, and an answer that cites nothing is
replaced by the passages. A question never ends in silence: without a generator the best passages answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from rag.chunk import unruled
from rag.citations import NOT_FOUND, check_citations, says_not_found, without_citations
from rag.errors import AnswerCut, GeneratorDown, MagpieError, ModelMissing
from rag.model import Answer, Found, Mode, Passage
from rag.ports import Ability, Generator, Prompt
from rag.prompt import excerpt, pictures_of, select_passages, write_prompt
from rag.settings import AnswerSettings
from rag.words import content_words

log = logging.getLogger("magpie")

ABSTAINED = "I could not find this in the files I may use here."

QUOTED = 3
"""Passages that stand in for an answer."""

NEAREST = 2
"""Pages named where nothing was found: somebody may know better."""

_QUOTE_LENGTH = 360
"""Characters of each: two or three sentences."""

_UNCITED = "The model's answer named no passage, so here are the best passages."


def answer(
    question: str,
    found: Found,
    generator: Generator | None,
    settings: AnswerSettings,
    on_text: Callable[[str], None] | None = None,
    picture: bytes | None = None,
) -> Answer:
    """Answer a question from what was found. `picture` is a screenshot (PNG or JPEG) sent with the question.

    `on_text` gets the model's words as they come, before citations are checked: the returned text replaces
    them. No generator, or a MagpieError from it, makes an answer of passages with a notice that says why.
    `evidence` is left empty.
    """
    draft = _Draft(question, found, select_passages(found.hits, settings.passages))
    if not found.found or not draft.passages:
        return draft.abstain(Mode.PASSAGES)
    if generator is None:
        return draft.quote(
            "No model is set, so here are the best passages.",
            f"To turn answers on: export MAGPIE_ANSWER__MODEL={AnswerSettings().model}",
        )
    try:
        return _written(draft, generator, settings, on_text, picture)
    except MagpieError as error:
        return draft.quote(*_off(error))


def place_line(passage: Passage) -> str:
    """`[1] handbook.pdf, p. 12 (printed vi)`"""
    return f"[{passage.number}] {passage.hit.place}"


@dataclass(frozen=True)
class _Draft:
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

    def finish(
        self,
        text: str,
        mode: Mode,
        cited: Sequence[Passage] = (),
        notice: str = "",
        *,
        shown: Sequence[Passage] | None = None,
        abstained: bool = False,
    ) -> Answer:
        """`shown`: what the model was shown, where it was not everything."""
        return Answer(
            question=self.question,
            text=text,
            abstained=abstained,
            mode=mode,
            cited=tuple(cited),
            passages=self.passages if shown is None else tuple(shown),
            evidence=(),
            notice=notice,
            found=self.found,
            stage_ms={**self.found.stage_ms, **self.stage_ms},
        )


def _written(
    draft: _Draft,
    generator: Generator,
    settings: AnswerSettings,
    on_text: Callable[[str], None] | None,
    picture: bytes | None,
) -> Answer:
    """What the generator makes of the passages. Raise a MagpieError when it makes nothing of them."""
    started = perf_counter()
    ability = generator.ability()
    prompt, left_out = _ask_for(draft, ability, settings, picture)
    shown = [passage for passage in draft.passages if passage.number in prompt.shown]
    draft.stage_ms["prompt"] = (perf_counter() - started) * 1000
    started = perf_counter()
    text, cut = _stream(generator, prompt, on_text)
    draft.stage_ms["write"] = (perf_counter() - started) * 1000
    mode = Mode.VISION if ability.vision else Mode.TEXT
    text, cited = check_citations(text, shown)
    if says_not_found(text) or (NOT_FOUND in text and not cited):
        return draft.abstain(mode)
    if not cited:
        return draft.quote(_UNCITED)
    notice = " ".join(part for part in (cut, left_out) if part)
    return replace(draft.finish(text, mode, cited, notice, shown=shown), remedy=_more_room(prompt, ability, settings))


def _ask_for(draft: _Draft, ability: Ability, settings: AnswerSettings, picture: bytes | None) -> tuple[Prompt, str]:
    """The prompt for a model of this ability, and a sentence for what it leaves out."""
    window = min(settings.num_ctx, ability.window or settings.num_ctx)
    room = settings.model_copy(update={"num_ctx": window})
    asked = picture if ability.vision and settings.pictures else None
    most = settings.pictures - (asked is not None) if ability.vision else 0
    prompt = write_prompt(draft.question, draft.passages, pictures_of(draft.passages, most), room, asked)
    if prompt.shortened:
        log.info("Of %d passages %d are shortened to fit.", len(draft.passages), len(prompt.shortened))
    notices = []
    if picture is not None and not ability.vision:
        notices.append(f"The model {ability.model} cannot see pictures: yours was used for searching only.")
    elif asked is not None and len(prompt.pictures) == len(prompt.pictured):
        notices.append("Your picture does not fit into the model's window: it was used for searching only.")
    if left := len(draft.passages) - len(prompt.shown):
        notices.append(f"The model's window held {len(prompt.shown)} of {left + len(prompt.shown)} passages.")
    return prompt, " ".join(notices)


def _more_room(prompt: Prompt, ability: Ability, settings: AnswerSettings) -> str:
    """What makes the window larger, where it was too small for the passages found."""
    if len(prompt.shown) >= settings.passages or not prompt.shortened:
        return ""
    if ability.window and ability.window <= settings.num_ctx:
        return f"The model {ability.model} reads {ability.window} tokens; another one may read more."
    return f"MAGPIE_ANSWER__NUM_CTX (now {settings.num_ctx}) sets how many tokens it reads."


def _stream(generator: Generator, prompt: Prompt, on_text: Callable[[str], None] | None) -> tuple[str, str]:
    """The whole text, and a sentence when it was cut at its longest length.

    What may still become NOT FOUND is not passed on: the reader gets another sentence for it.
    """
    text, told, cut = "", 0, ""
    pieces = generator.stream(prompt)
    try:
        for piece in pieces:
            text += piece
            start = text.lstrip()[: len(NOT_FOUND)]
            if on_text is not None and not NOT_FOUND.startswith(start):
                on_text(text[told:])
                told = len(text)
    except AnswerCut as error:
        cut = f"{error} {error.hint}".strip()
    finally:
        pieces.close()
    return text, cut


def _quotation(passage: Passage, wanted: Sequence[str]) -> str:
    """What a passage says about the wanted words, in a line; for a picture without words, what it is."""
    hit = passage.hit
    words = " ".join(part for part in (hit.caption, unruled(hit.text)) if part.strip()) or hit.heading
    words = without_citations(" ".join(words.split()))
    return f"“{excerpt(words, wanted, _QUOTE_LENGTH)}”" if words else f"(a {hit.kind.value}; see its picture)"


def _off(error: MagpieError) -> tuple[str, str]:
    """What is off, and how to turn it on."""
    reason = str(error).rstrip(".")
    if isinstance(error, GeneratorDown | ModelMissing):
        return f"No model is answering ({reason}), so here are the best passages.", f"To turn answers on: {error.hint}"
    return f"The model gave no answer ({reason}), so here are the best passages.", error.hint
