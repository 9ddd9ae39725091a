"""The benchmark of manuals and everyday files: its documents can be built, and its questions have their answers."""

from __future__ import annotations

import hashlib
import json
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from rag.evaluation.datasets import EvalQuestion, read_questions
from rag.evaluation.evaluate import EvaluationReport, QuestionResult
from rag.extract.convert.to_pdf import PdfConverter
from rag.extract.file_types import PDF, detect_media_type
from rag.setting_groups import ReadSettings
from tests.bench.everyday.__main__ import QUESTIONS, main, table
from tests.bench.everyday.documents import Document, read_documents
from tests.bench.everyday.writers import write_documents

MAX_SECONDS = 10.0
MAX_BYTES = 400_000
"""Of texts and questions: what the repository grows by."""

LINES: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def documents() -> Mapping[str, Document]:
    return {document.name: document for document in read_documents()}


@pytest.fixture(scope="module")
def built(documents: Mapping[str, Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("everyday")
    started = time.process_time()
    write_documents(list(documents.values()), folder)
    assert time.process_time() - started < MAX_SECONDS
    return folder


@pytest.fixture(scope="module")
def page_texts(
    documents: Mapping[str, Document], built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, list[str]]:
    """Return the text of each page as Magpie counts pages; of a picture, the text that was drawn."""
    settings = ReadSettings(office="off")
    converter = PdfConverter(pymupdf, settings, tmp_path_factory.mktemp("converted"))
    texts: dict[str, list[str]] = {}
    for name, document in documents.items():
        if document.look:
            texts[name] = list(document.pages)
            continue
        path = built / name
        media_type = detect_media_type(path, settings)
        pdf = path if media_type == PDF else converter.to_pdf(path, media_type, lambda: None).path
        with pymupdf.open(pdf) as opened:
            texts[name] = [page.get_text() for page in opened]
    return texts


def letters(text: str) -> str:
    """Return a text without spaces, case and ligatures: lines and table cells are wrapped anywhere."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


@pytest.mark.parametrize("line", [line for line in LINES if line["pages"]], ids=lambda line: str(line["id"]))
def test_answer_is_on_its_pages(line: dict[str, Any], page_texts: Mapping[str, list[str]]) -> None:
    for page in line["pages"]:
        assert letters(line["answer_text"]) in letters(page_texts[line["file"]][page - 1])


@pytest.mark.parametrize("line", [line for line in LINES if "absent_text" in line], ids=lambda line: str(line["id"]))
def test_question_without_an_answer_has_none(line: dict[str, Any], page_texts: Mapping[str, list[str]]) -> None:
    assert not line["pages"]
    assert not [name for name, pages in page_texts.items() if letters(line["absent_text"]) in letters("".join(pages))]


def test_questions_are_many_and_about_documents_that_exist(documents: Mapping[str, Document]) -> None:
    questions = read_questions(QUESTIONS)
    assert len({question.id for question in questions}) == len(questions)
    assert {question.file for question in questions} <= documents.keys()
    assert sum(bool(question.pages) for question in questions) >= 120
    assert sum(not question.pages for question in questions) >= 25
    assert all(
        question.kinds[0] in ("manual", "twin", "daily", "language", "across languages") for question in questions
    )


def test_every_document_has_a_question_or_a_twin_with_one(documents: Mapping[str, Document]) -> None:
    asked = {line["file"] for line in LINES}
    assert not {name for name, document in documents.items() if document.kind != "twin"} - asked


def test_texts_and_questions_are_small() -> None:
    files = [path for path in QUESTIONS.parent.rglob("*") if path.suffix in (".txt", ".csv", ".jsonl", ".py")]
    assert sum(path.stat().st_size for path in files) < MAX_BYTES


def test_build_is_deterministic(documents: Mapping[str, Document], built: Path, tmp_path: Path) -> None:
    write_documents(list(documents.values()), tmp_path)
    assert digests(tmp_path) == digests(built)
    assert digests(built).keys() == documents.keys()


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_scans_have_no_text_layer(documents: Mapping[str, Document], built: Path) -> None:
    scans = [name for name, document in documents.items() if document.look == "scan"]
    assert scans
    for name in scans:
        with pymupdf.open(built / name) as opened:
            assert not "".join(page.get_text() for page in opened).strip()


def test_template_makes_a_document_of_each_row(tmp_path: Path) -> None:
    (tmp_path / "pass.txt.txt").write_text("kind: twin\nrows: rows.csv\n\nPass for {{name}}\n\fPage two\n")
    (tmp_path / "rows.csv").write_text("file,name\na.txt,Ada\nb.txt,Bo\n")
    assert read_documents(tmp_path) == [
        Document("a.txt", "twin", ("Pass for Ada", "Page two")),
        Document("b.txt", "twin", ("Pass for Bo", "Page two")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: daily\ncolor: red\n\nText", "may have"),
        ("Text without a header\n\nText", "must begin with"),
        ("kind: twin\nrows: rows.csv\n\n{{age}}", "not a column"),
        ("kind: twin\nrows: twice.csv\n\nText", "Two documents have the name a.txt"),
    ],
)
def test_wrong_text_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "pass.txt.txt").write_text(text)
    (tmp_path / "rows.csv").write_text("file,name\na.txt,Ada\n")
    (tmp_path / "twice.csv").write_text("file\na.txt\na.txt\n")
    with pytest.raises(ValueError, match=message):
        read_documents(tmp_path)


def test_page_that_is_longer_than_paper_is_refused(tmp_path: Path) -> None:
    long = Document("long.pdf", "manual", ("# Short", "word\n\n" * 200))
    with pytest.raises(ValueError, match=r"Page 2 of long\.pdf does not fit"):
        write_documents([long], tmp_path)


def test_build_writes_the_files_only(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--build"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
    assert (tmp_path / "files" / "floor-plan.png").is_file()


def test_table_has_ranks_and_declined_questions_by_kind() -> None:
    page = ("a.pdf", 1)
    question = EvalQuestion("q", "Which port?", None, "a.pdf", frozenset({1}), ("manual", "code"), domain="manual: a")
    found = QuestionResult(question, frozenset({page}), (page,), {}, False, 0.9, 1.0, {})
    declined = replace(found, ranked=(("a.pdf", 2), page), declined=True)
    none = replace(found, question=replace(question, kinds=("daily",)), gold=frozenset(), declined=True)
    rows = {line[:28].strip(): line[28:].split() for line in table(EvaluationReport((found, declined, none), {}))}
    assert rows["all"] == ["2", "50.0", "100.0", "100.0", "75.0", "50.0", "1", "100.0"]
    assert rows["code"] == ["2", "50.0", "100.0", "100.0", "75.0", "50.0", "0", "–"]
    assert rows["daily"] == ["0", "–", "–", "–", "–", "–", "1", "100.0"]
