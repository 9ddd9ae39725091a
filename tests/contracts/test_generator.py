"""The contract of every Generator: the fake, and the clients of both protocols with fake servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from rag.adapters.generators import open_generator
from rag.errors import AnswerCut, GeneratorDown, GeneratorFailed, MagpieError, ModelMissing, ModelUnfit
from rag.ports import Generator, Prompt
from rag.setting_groups import AnswerSettings
from tests.support.generator import FakeGenerator
from tests.support.ollama_server import Fault, Script, closed_address, ollama_server
from tests.support.openai_server import openai_server

PROMPT = Prompt("Answer briefly.", "Question: how long is the pier?\n\nAnswer from the passages.")
TEXT = "The pier is 40 meters long, and it has a crane. [1]"

OpenIn: TypeAlias = Callable[[str], Generator]
"""Returns a generator in a situation: well, text only, down, missing, unfit, broken, silent or cut."""


def _fake(situation: str) -> Generator:
    broken: dict[str, tuple[MagpieError, int | None]] = {
        "down": (GeneratorDown("Nothing answers.", "start it"), None),
        "missing": (ModelMissing("It is not there.", "pull it"), None),
        "unfit": (ModelUnfit("It thinks.", "another"), 0),
        "broken": (GeneratorFailed("It broke off.", "again"), 2),
        "silent": (GeneratorFailed("It said nothing.", "again"), 0),
    }
    error, after = broken.get(situation, (None, None))
    return FakeGenerator(
        vision=situation != "text only",
        text=TEXT,
        longest=3 if situation == "cut" else None,
        broken=error,
        broken_after=after,
    )


@pytest.fixture(params=["fake", "ollama", "openai"])
def open_in(request: pytest.FixtureRequest) -> Iterator[OpenIn]:
    if request.param == "fake":
        yield _fake
        return
    with ExitStack() as stack:
        server = (
            stack.enter_context(ollama_server())
            if request.param == "ollama"
            else stack.enter_context(openai_server(flavor="vllm"))
        )

        def real(situation: str) -> Generator:
            faults: dict[str, Fault] = {"unfit": "thinks only", "broken": "error line", "silent": "silent"}
            server.script = Script(text=TEXT, fault=faults.get(situation, ""))
            settings = AnswerSettings(
                api=request.param,
                vision="off" if situation == "text only" else "on",
                host=closed_address() if situation == "down" else server.url,
                model={"text only": "reads:1b", "missing": "absent:1b"}.get(situation, "sees:4b"),
                num_predict=16,
                seconds=1,
            )
            if situation == "cut":
                server.script = Script(text=f"{TEXT} " * 3)
            generator = open_generator(settings)
            stack.callback(generator.close)
            return generator

        yield real


def test_model_info_describes_the_model(open_in: OpenIn) -> None:
    assert open_in("well").model_info().vision
    assert not open_in("text only").model_info().vision
    assert open_in("well").model_info().model


def test_pieces_join_to_the_whole_text(open_in: OpenIn) -> None:
    pieces = list(open_in("well").stream(PROMPT))
    assert len(pieces) > 1
    assert "".join(pieces) == TEXT


def test_generator_can_be_used_repeatedly(open_in: OpenIn) -> None:
    generator = open_in("well")
    assert ["".join(generator.stream(PROMPT)) for _ in range(3)] == [TEXT] * 3


def test_generator_can_be_used_right_after_a_stream_is_closed(open_in: OpenIn) -> None:
    generator = open_in("well")
    pieces = generator.stream(PROMPT)
    assert next(pieces)
    pieces.close()
    pieces.close()
    assert "".join(generator.stream(PROMPT)) == TEXT


def test_unused_stream_blocks_nothing(open_in: OpenIn) -> None:
    generator = open_in("well")
    unused = generator.stream(PROMPT)
    assert "".join(generator.stream(PROMPT)) == TEXT
    unused.close()


def test_cut_answer_raises_after_its_pieces(open_in: OpenIn) -> None:
    pieces: list[str] = []
    with pytest.raises(AnswerCut):
        pieces.extend(open_in("cut").stream(PROMPT))
    assert "".join(pieces).startswith("The pier is")


@pytest.mark.parametrize(
    ("situation", "kind"),
    [
        ("down", GeneratorDown),
        ("missing", ModelMissing),
        ("unfit", ModelUnfit),
        ("broken", GeneratorFailed),
        ("silent", GeneratorFailed),
    ],
)
def test_failure_has_its_error_and_a_remedy(open_in: OpenIn, situation: str, kind: type[MagpieError]) -> None:
    generator = open_in(situation)
    with pytest.raises(kind) as caught:
        list(generator.stream(PROMPT))
    assert str(caught.value).endswith(".")
    assert caught.value.hint


@pytest.mark.parametrize(("situation", "kind"), [("down", GeneratorDown), ("missing", ModelMissing)])
def test_model_info_raises_if_the_model_is_unavailable(
    open_in: OpenIn, situation: str, kind: type[MagpieError]
) -> None:
    with pytest.raises(kind):
        open_in(situation).model_info()
