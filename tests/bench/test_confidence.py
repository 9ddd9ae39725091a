"""The command that fits the decision that Magpie ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag import Settings
from rag.evaluation.calibration import MIN_SEARCHES
from rag.search.confidence import BUILT_IN
from tests.bench.confidence import main
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

SUBJECTS = ["gateway", "heron", "pilot", "tonnage", "overtime", "lantern", "saddle", "brewery", "curtain", "anchor"]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    texts = [
        f"The {subject} is checked on day {n} of the month.\fNothing else here." for n, subject in enumerate(SUBJECTS)
    ]
    files = [folder / f"{subject}.pdf" for subject in SUBJECTS]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    settings = Settings(data=folder / "data", read={"workers": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.index(files)
    return folder


def write_questions(path: Path, count: int) -> Path:
    rows = [
        {"id": n, "query": f"When is the {SUBJECTS[n % 10]} checked?", "file": f"{SUBJECTS[n % 10]}.pdf", "pages": [1]}
        for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_models_are_written_with_the_sets_they_were_fitted_on(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions, into = write_questions(indexed / "q.jsonl", MIN_SEARCHES), indexed / "made.json"
    data = str(indexed / "data")
    assert main(["one", data, str(questions), "two", data, str(questions), "--into", str(into)]) == 0
    made, shipped = json.loads(into.read_text()), json.loads(BUILT_IN.read_text())
    assert made["made"]["searches"] == {"one": 6 * MIN_SEARCHES, "two": 6 * MIN_SEARCHES}
    assert made["few"]["asked"] == 8 * MIN_SEARCHES
    assert made["picture"] == shipped["picture"]
    assert "two: 0 of 20 with an answer declined" in capsys.readouterr().out


def test_too_few_questions_are_an_error(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = write_questions(indexed / "few.jsonl", 2)
    assert main(["one", str(indexed / "data"), str(questions)]) == 1
    assert "Too few" in capsys.readouterr().err
