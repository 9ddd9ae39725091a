"""The trial of models, with the scripted writer and few questions; no real model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Rag
from rag.setting_groups import AnswerSettings
from tests.support.ollama_chat import Model, Taken
from tests.support.ollama_server import Script, ollama_server
from tests.try_model.__main__ import APIS, ask_all, index_samples, main, opened, served
from tests.try_model.asking import DECLINED, MODEL, PASSAGES, TimedGenerator, ask
from tests.try_model.faults import IN_STREAM, try_faults
from tests.try_model.gold import GoldQuestion, sample_questions
from tests.try_model.report import last_line, table
from tests.try_model.writer import Style, Writer

QUESTIONS = {question.id: question for question in sample_questions()}
FEW = [QUESTIONS[name] for name in ("h05", "h07", "r05", "u02", "u06")]
TRUE = sum(len(question.true) for question in FEW)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the samples' text layers."""
    folder = tmp_path_factory.mktemp("samples") / "data"
    index_samples(folder, ocr=False, layout=False)
    return folder


def test_there_are_25_questions_of_which_8_have_no_answer() -> None:
    assert len(QUESTIONS) == 25
    assert sum(not question.pages for question in QUESTIONS.values()) == 8
    for question in QUESTIONS.values():
        assert question.false
        assert bool(question.true) == bool(question.pages)
        assert question.page


@pytest.mark.parametrize(("api", "styles"), [("ollama", list(Style)), ("openai", [Style.MISCITED])])
def test_true_statements_are_shown_and_false_ones_are_not(data: Path, api: str, styles: list[Style]) -> None:
    for style in styles:
        with served(api, Script(text=Writer(FEW, style))) as answer:
            run = ask_all(style, data, answer, FEW, scripted=True)
        assert run.wrong == 0
        assert sum(reply.true_written for reply in run.replies) == TRUE
        assert sum(reply.true_shown for reply in run.replies) == TRUE
        absent = {reply.shown for reply in run.replies if not reply.question.pages}
        assert absent == {DECLINED if style is Style.HONEST else PASSAGES}
        assert last_line([run]).startswith("wrong statements shown: 0 of ")
        assert len(list(table([run]))) == 2


@pytest.mark.parametrize("api", APIS)
def test_faults_end_in_passages(data: Path, api: str) -> None:
    tried = try_faults(api, data, FEW[0], lambda script: served(api, script), opened)
    assert set(IN_STREAM) < set(tried.tried)
    assert not tried.failed


@contextmanager
def answered(data: Path, text: str) -> Iterator[tuple[Rag, TimedGenerator]]:
    with served("ollama", Script(text=text)) as answer, opened(data, answer) as both:
        yield both


def test_judge_counts_what_the_gold_answer_and_the_page_do_not_say(data: Path) -> None:
    question = replace(QUESTIONS["r05"], false="", wrong=("spring clip is better",))
    said = "A screw cap should replace the spring clip [1]. It costs forty cents more [1]."
    with answered(data, said) as (rag, timed):
        reply = ask(rag, timed, question, scripted=False)
    assert reply.shown == MODEL
    assert not reply.wrong
    with answered(data, said) as (rag, timed):
        reply = ask(rag, timed, replace(question, wrong=("screw cap",)), scripted=False)
    assert len(reply.wrong) == 1
    assert 0 < reply.waited < reply.end
    assert reply.wrote[0].startswith("A screw cap")


def test_stand_in_passes_on_what_a_model_writes(data: Path) -> None:
    def write(asked: Taken) -> Iterator[str]:
        assert "screw cap" in asked.messages[-1]["content"]
        yield from ("A screw ", "cap should replace ", "the spring clip [1].")

    question: GoldQuestion = QUESTIONS["r05"]
    with ollama_server(Model("real")) as front:
        front.model = write
        with opened(data, AnswerSettings(host=front.url, model="real")) as (rag, timed):
            reply = ask(rag, timed, question, scripted=False)
    assert reply.shown == MODEL
    assert reply.text.startswith("A screw cap should replace the spring clip")


def test_missing_program_is_named_with_where_to_get_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--server", str(tmp_path / "none"), "--model", str(tmp_path / "none.gguf")]) == 2
    assert "pip install" in capsys.readouterr().err
