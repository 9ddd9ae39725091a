"""Check the model that writes answers: what it reads in a picture, how it cites, and how fast it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from rag.answer.citations import check_citations, says_not_found
from rag.answer.prompt import write_prompt
from rag.errors import AnswerCut, MagpieError
from rag.model.extraction import WHOLE_PAGE, Kind
from rag.model.operations import Check
from rag.model.search import Hit, Passage
from rag.ports import Generator, ModelInfo, Prompt
from rag.setting_groups import AnswerSettings

_QUESTION = "How high is the mast of the weather station?"
_PAGES = (
    "The boathouse was built in 1931. Its walls are green, and its roof is made of copper.",
    "The weather station stands on the pier. The mast of the weather station is 17 metres high and has two lamps.",
    "Keys are handed out at the gate between 7 and 9 in the morning.",
)
_VALUE, _SOURCE = "17", 2
_LONGEST = 120
"""Tokens; a right answer takes about twenty."""


def check_generator(
    generator: Generator | None, settings: AnswerSettings, picture: Path, code_word: str
) -> Iterator[Check]:
    """Show the model a picture of the code word if it has vision, and have it answer a question from three passages."""
    if generator is None:
        yield Check("model", "warn", "no model is set: answers are passages", "Set MAGPIE_ANSWER__MODEL.")
        return
    try:
        info = generator.model_info()
        yield _sight(generator, info, settings, picture, code_word)
        yield _writing(generator, info, settings)
    except MagpieError as error:
        yield Check("model", "warn", str(error), error.hint)


def _sight(generator: Generator, info: ModelInfo, settings: AnswerSettings, picture: Path, code_word: str) -> Check:
    if not info.vision:
        remedy = "Choose a model with vision; docs/answers.md lists some."
        if settings.api == "openai" and settings.vision == "auto":
            remedy = f"If it has vision, set MAGPIE_ANSWER__VISION=on. {remedy}"
        return Check("model", "warn", f"{info.model} reads text only", remedy)
    prompt = Prompt("Answer with the words in the picture alone.", "Which words?", (picture.read_bytes(),))
    read = "".join(generator.stream(prompt))
    if code_word.split()[1] in read:
        return Check("model", "ok", f"{info.model} read the code word from a picture")
    return Check("model", "warn", f"{info.model} read {read[:60]!r} instead of {code_word!r}", "Try a larger model.")


def _writing(generator: Generator, info: ModelInfo, settings: AnswerSettings) -> Check:
    """Check that the model answers with the right value and the right citation."""
    passages = tuple(Passage(number, _hit(number, text)) for number, text in enumerate(_PAGES, 1))
    window = min(settings.num_ctx, info.window or settings.num_ctx)
    prompt = write_prompt(_QUESTION, passages, {}, settings.model_copy(update={"num_ctx": window}))
    started = perf_counter()
    pieces: list[str] = []
    first = started
    with suppress(AnswerCut):  # a weak model goes on and on
        for piece in generator.stream(replace(prompt, longest=_LONGEST)):
            first = first if pieces else perf_counter()
            pieces.append(piece)
    text, cited = check_citations("".join(pieces), passages)
    speed = f"first words after {first - started:.1f} s"
    if len(pieces) > 1:
        speed += f", then {(len(pieces) - 1) / max(perf_counter() - first, 1e-6):.0f} tokens per second"
    if says_not_found(text) or _VALUE not in text:
        return Check(
            "writing",
            "warn",
            f"{info.model} did not find the answer to an easy question ({speed})",
            "Most answers will be passages. Try a larger model.",
        )
    if [passage.number for passage in cited] != [_SOURCE]:
        return Check(
            "writing",
            "warn",
            f"{info.model} answers, but does not cite as it is asked to ({speed})",
            "Try a larger model, or one made to follow instructions.",
        )
    return Check("writing", "ok", f"{info.model} answers and cites: {speed}")


def _hit(number: int, text: str) -> Hit:
    return Hit(
        rank=number, chunk=number, document=number, name=f"page-{number}.txt", link=None, page=1, label=None,
        kind=Kind.TEXT, text=text, heading="", caption="", box=WHOLE_PAGE, line_boxes=(), picture=None,
        page_image=None, lanes={},
    )  # fmt: skip
