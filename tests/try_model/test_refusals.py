"""The figures of "not found": what the search declines, and what a model does."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.setting_groups import AnswerSettings
from tests.support.ollama_server import Script
from tests.try_model.__main__ import index_samples, served
from tests.try_model.gold import GoldQuestion, sample_questions
from tests.try_model.refusals import QuestionSet, Refusals, ask_set, count_refusals, lines, main, read_set, share

ASKED = tuple(question for question in sample_questions() if question.id in ("h05", "u02"))
NOWHERE = GoldQuestion("x", "zyxwv qponm kjihg?", "handbook.pdf", ())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> QuestionSet:
    """Return questions about the samples; the search finds nothing for the last one."""
    folder = tmp_path_factory.mktemp("refusals") / "data"
    index_samples(folder, ocr=False, layout=False)
    return QuestionSet("samples", folder, (*ASKED, NOWHERE))


def test_model_is_counted_apart_from_the_search(asked: QuestionSet) -> None:
    with served("openai", Script(text="NOT FOUND")) as answer:
        replies = ask_set("model", asked, answer)
    assert list(count_refusals(replies)) == [
        Refusals("search", 1, 2, 0, 1),
        Refusals("model", 1, 1, 1, 1),
        Refusals("together", 2, 2, 1, 1),
    ]
    assert len(list(lines("model", asked, replies))) == 3


def test_passages_mode_declines_what_the_search_does(asked: QuestionSet) -> None:
    replies = ask_set("passages", asked, AnswerSettings(model=""))
    assert list(count_refusals(replies)) == [Refusals("search", 1, 2, 0, 1)]


def test_share_has_its_interval() -> None:
    assert share(6, 52) == "11.5 % [5, 23]"
    assert share(0, 10) == "0.0 % [0, 28]"
    assert share(0, 0) == "–"
    assert Refusals("search", 3, 4, 1, 9).cells()[2:] == ["75.0 % [30, 95]", "75.0 % [30, 95]"]


def test_larger_sample_has_the_questions_of_a_smaller_one(tmp_path: Path) -> None:
    rows = tuple(GoldQuestion(str(number), "?", "a.pdf", (1,) * (number % 2)) for number in range(40))
    small, large = (set(QuestionSet("a", tmp_path, rows).sample(count, 7).questions) for count in (3, 30))
    assert len(small) == 6
    assert small < large == set(rows)
    assert set(QuestionSet("a", tmp_path, rows).sample(3, 8).questions) != small


def test_questions_of_several_files_are_one_set(tmp_path: Path) -> None:
    for name, pages in (("with", "[2]"), ("without", "[]")):
        (tmp_path / name).write_text(
            f'{{"id": "{name}", "query": "Who?", "file": "a.pdf", "pages": {pages}}}\n', "utf-8"
        )
    found = read_set("both", tmp_path, [tmp_path / "with", tmp_path / "without"]).questions
    assert [(one.id, one.pages) for one in found] == [("with", (2,)), ("without", ())]


def test_set_without_questions_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--set", "name", "data"])
    assert "files of questions" in capsys.readouterr().err
