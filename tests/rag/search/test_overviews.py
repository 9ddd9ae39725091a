"""Questions about a whole document."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.overviews import read_overview


@pytest.mark.parametrize(
    "asked",
    [
        "What is this about?",
        "what's this document about",
        "What is this PDF about?",
        "Summarize this",
        "Can you summarize the document, please?",
        "tl;dr",
        "TLDR please",
        "Give me a short summary of this file",
        "what does this file say?",
        "Worum geht es in diesem Dokument?",
        "Fasse das bitte zusammen",
        "Fass diese Datei kurz zusammen",
        "De quoi parle ce document ?",
        "Peux-tu résumer ce fichier ?",
        "¿De qué trata este documento?",
        "Hazme un resumen, por favor",
        "Di cosa parla questo documento?",
        "Riassumi questo file",
        "Do que trata este documento?",
        "Faça um resumo deste arquivo",
        "Waar gaat dit document over?",
        "Vat dit samen",
        "O czym jest ten dokument?",
        "Podsumuj ten plik",
        "О чём этот документ?",
        "Кратко изложи, пожалуйста",
        "この資料を要約してください",
        "このファイルの内容は何ですか",
        "请总结一下这个文件",
        "这个文档是关于什么的？",
        "wat is this about",
        "Waht is this documnet about?",
        "sumarize this",
        "Can you sumarise teh document plese?",
        "Zusammenfasung bitte",
        "Resumé de ce documnet",
    ],
)
def test_question_about_the_document_has_no_other_words(asked: str) -> None:
    assert read_overview(asked) == ""


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("Summarize Offer Seagull Ltd.pdf", "Offer Seagull Ltd.pdf"),
        ("What is budget_2026.xlsx about?", "budget_2026.xlsx"),
        ("Fasse Mietvertrag.pdf zusammen", "Mietvertrag.pdf"),
        ("tl;dr of the Harbor report", "Harbor report"),
        ("Sumarize Offer Seagull Ltd.pdf", "Offer Seagull Ltd.pdf"),
    ],
)
def test_name_of_the_document_is_returned_as_written(asked: str, name: str) -> None:
    found = read_overview(asked)
    assert found is not None
    assert found in name
    assert name.split()[0].partition(".")[0] in found


@pytest.mark.parametrize(
    "asked",
    [
        "Which port does the gateway use?",
        "Was kostet die Miete?",
        "灯台守の時刻表",
        "",
        "???",
        "Who wrote it?",
        "hat is on",
    ],
)
def test_other_questions_do_not_ask_for_an_overview(asked: str) -> None:
    assert read_overview(asked) is None


def test_subject_of_a_question_is_left() -> None:
    assert read_overview("Summarize the rules for night shifts") == "rules for night shifts"
    assert read_overview("What is the dispute about?") == "dispute"


@given(st.text())
def test_rest_is_part_of_the_question(asked: str) -> None:
    assert (read_overview(asked) or "") in asked
