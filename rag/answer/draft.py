"""What the generator makes of the passages: asked, checked, and asked once more where a page does not bear it out.

The model writes, code checks: a citation names a passage that was shown, and what a sentence says in numbers and names
stands on the page it cites. What does not is corrected by the model, else marked in words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from rag.answer.citations import NOT_FOUND, check_citations, says_not_found
from rag.answer.grounding import Checked, Ground, check_support, without_marks
from rag.answer.prompt import Again, pictures_of, write_prompt
from rag.errors import AnswerCut, MagpieError
from rag.model import Hit, Kind, Mode, Passage
from rag.ports import Ability, Generator, Prompt
from rag.settings import AnswerSettings
from rag.text import without_invisible

log = logging.getLogger("magpie")

WordsOn = Callable[[Hit], str]
"""The words of the page that a hit lies on, as far as its reader may see them."""


@dataclass(frozen=True)
class Order:
    """What is asked of the generator. `on_text` gets the words of the first try as they come."""

    question: str
    passages: Sequence[Passage]
    generator: Generator
    settings: AnswerSettings
    words_on: WordsOn
    on_text: Callable[[str], None] | None = None
    picture: bytes | None = None


@dataclass(frozen=True)
class Draft:
    """A checked text. `declined`: the model says that the passages do not answer. `notice` and `remedy` tell what was
    left out of the prompt, or cut; `read_from` are the passages whose picture has to be shown beside it."""

    text: str
    mode: Mode
    shown: tuple[Passage, ...]
    cited: tuple[Passage, ...]
    declined: bool
    notice: str
    remedy: str
    checked: Checked

    @property
    def read_from(self) -> tuple[int, ...]:
        return self.checked.read_from


def write(order: Order, stage_ms: dict[str, float]) -> Draft:
    """The best draft, of two at most; `stage_ms` gets prompt, write, check and again. Raise a MagpieError for none."""
    ability = order.generator.ability()
    first = _attempt(order, ability, stage_ms)
    if not first.checked.unfound or not order.settings.correct:
        return first
    checked = first.checked
    wrong = [(checked.statements[index].text, checked.missing[index]) for index in checked.unfound]
    log.info("Of %d sentences %d are not on their pages: asked again.", len(checked.statements), len(wrong))
    started = perf_counter()
    try:
        second = _attempt(order, ability, {}, Again(checked.text, wrong))
    except MagpieError as error:  # the first is there, and says of itself what is wrong with it
        log.info("Not corrected: %s", type(error).__name__)
        return first
    finally:
        stage_ms["again"] = (perf_counter() - started) * 1000
    if second.declined:
        return second if len(wrong) == len(checked.statements) else first
    better = bool(second.cited) and len(second.checked.unfound) < len(wrong)
    return second if better else first


def _attempt(order: Order, ability: Ability, stage_ms: dict[str, float], again: Again | None = None) -> Draft:
    started = perf_counter()
    prompt, left_out = _ask_for(order, ability, again)
    shown = tuple(passage for passage in order.passages if passage.number in prompt.shown)
    asked = perf_counter()
    text, cut = _stream(order, prompt, quiet=again is not None)
    written = perf_counter()
    text, cited = check_citations(without_marks(without_invisible(text)), shown)
    declined = says_not_found(text) or (NOT_FOUND in text and not cited)
    grounds = {one.number: _ground(one, order, prompt, ability) for one in cited}
    checked = check_support(text, grounds) if grounds and not declined else Checked(text)
    stage_ms["prompt"] = (asked - started) * 1000
    stage_ms["write"] = (written - asked) * 1000
    stage_ms["check"] = (perf_counter() - written) * 1000
    mode = Mode.VISION if ability.vision else Mode.TEXT
    notice = " ".join(part for part in (cut, left_out) if part)
    remedy = _more_room(prompt, ability, order.settings)
    return Draft(checked.marked(), mode, shown, cited, declined, notice, remedy, checked)


def _ground(passage: Passage, order: Order, prompt: Prompt, ability: Ability) -> Ground:
    """What the passage can bear out. A picture counts as seen where it is more than a drawing of the words, and where
    readers can be shown it."""
    hit = passage.hit
    words = [hit.spot, hit.heading, hit.caption, hit.text, order.words_on(hit)]
    drawn = hit.kind in (Kind.FIGURE, Kind.PAGE) or (hit.kind is Kind.TABLE and not hit.text.strip())
    shown = hit.render is not None and hit.render.is_file()
    seen = ability.vision and drawn and shown and passage.number in prompt.pictured
    return Ground("\n".join(words), seen, hit.described, hit.described_by)


def _ask_for(order: Order, ability: Ability, again: Again | None) -> tuple[Prompt, str]:
    """The prompt for a model of this ability, and a sentence for what it leaves out."""
    settings, passages = order.settings, order.passages
    window = min(settings.num_ctx, ability.window or settings.num_ctx)
    room = settings.model_copy(update={"num_ctx": window})
    asked = order.picture if ability.vision and settings.pictures else None
    most = settings.pictures - (asked is not None) if ability.vision else 0
    prompt = write_prompt(order.question, passages, pictures_of(passages, most), room, asked, again)
    if prompt.shortened:
        log.info("Of %d passages %d are shortened to fit.", len(passages), len(prompt.shortened))
    notices = []
    if order.picture is not None and not ability.vision:
        notices.append(f"The model {ability.model} cannot see pictures: yours was used for searching only.")
    elif asked is not None and len(prompt.pictures) == len(prompt.pictured):
        notices.append("Your picture does not fit into the model's window: it was used for searching only.")
    if len(prompt.shown) < len(passages):
        notices.append(f"The model's window held {len(prompt.shown)} of {len(passages)} passages.")
    return prompt, " ".join(notices)


def _more_room(prompt: Prompt, ability: Ability, settings: AnswerSettings) -> str:
    """What makes the window larger, where it was too small for the passages found."""
    if len(prompt.shown) >= settings.passages or not prompt.shortened:
        return ""
    if ability.window and ability.window <= settings.num_ctx:
        return f"The model {ability.model} reads {ability.window} tokens; another one may read more."
    return f"MAGPIE_ANSWER__NUM_CTX (now {settings.num_ctx}) sets how many tokens it reads."


def _stream(order: Order, prompt: Prompt, *, quiet: bool) -> tuple[str, str]:
    """The whole text, and a sentence when it was cut at its longest length, or at its longest time.

    What may still become NOT FOUND is not passed on: the reader gets another sentence for it. `quiet`: nothing is
    passed on but that there is something, so that whoever listens can stop it.
    """
    text, told, cut = "", 0, ""
    on_text, longest = order.on_text, order.settings.longest_seconds
    started = perf_counter()
    pieces = order.generator.stream(prompt)
    try:
        for piece in pieces:
            text += piece
            start = text.lstrip()[: len(NOT_FOUND)]
            if on_text is not None and quiet:
                on_text("")
            elif on_text is not None and not NOT_FOUND.startswith(start):
                on_text(text[told:])
                told = len(text)
            if perf_counter() - started > longest:
                raise AnswerCut(
                    f"The answer was cut after {longest:.0f} seconds.",
                    "MAGPIE_ANSWER__LONGEST_SECONDS sets how long it may take.",
                )
    except AnswerCut as error:
        cut = f"{error} {error.hint}".strip()
    finally:
        pieces.close()
    return text, cut
