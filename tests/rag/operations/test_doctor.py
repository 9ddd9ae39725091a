"""The doctor's checks of LibreOffice, scripts, layout model and vision. The others are tested in tests/flows."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from rag import Settings
from rag.extract.guarded import GuardedExtractor
from rag.model.operations import Check
from rag.operations.doctor import CODE_WORD
from rag.ports import Extractor
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.model_servers import APIS, Api, model_server, sent_pictures
from tests.support.ollama_server import Script
from tests.support.scripts import needs_tesseract


@pytest.mark.parametrize(
    ("office", "status", "said"),
    [
        ("off", "off", "of DOCX, PPTX, ODT and ODP only the text is read"),
        (sys.executable, "ok", sys.executable),
        ("/missing/soffice", "warn", "LibreOffice was not found"),
    ],
)
def test_reports_whether_libreoffice_is_used(tmp_path: Path, office: str, status: str, said: str) -> None:
    read = {"office": office, "ocr": False, "layout": False}
    with closing(open_rag(Settings.model_validate({"data": tmp_path, "read": read, "answer": {"model": ""}}))) as rag:
        check = next(check for check in rag.doctor() if check.name == "office")
    assert check.status == status
    assert said in check.detail
    assert bool(check.fix) == (status == "warn")


@pytest.mark.parametrize(
    ("family", "status", "said"),
    [
        ("Carlito,Caladea,Liberation Sans", "warn", "as wide as Times New Roman, Courier New"),
        ("Calibri", "warn", "Cambria"),
    ],
)
def test_names_missing_fonts_of_office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str, status: str, said: str
) -> None:
    program = tmp_path / "fc-match"
    program.write_text(f"#!/bin/sh\necho '{family}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    read = {"office": sys.executable, "ocr": False, "layout": False}
    with closing(open_rag(Settings.model_validate({"data": tmp_path, "read": read, "answer": {"model": ""}}))) as rag:
        check = next(check for check in rag.doctor() if check.name == "fonts")
    assert check.status == status
    assert said in check.detail
    assert "fonts-crosextra-carlito" in check.fix


def test_names_a_missing_layout_model_and_how_to_install_it(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path, "read": {"render_px": 400}, "answer": {"model": ""}})

    def open_extractor() -> Extractor:
        return GuardedExtractor(settings.read, "tests.support.ocr:open_without_layout")

    with closing(open_rag(settings, extractor=open_extractor, embedder=NoEmbedder())) as rag:
        check = next(check for check in rag.doctor() if check.name == "layout")
    assert check.status == "warn"
    assert "layout analysis is off: ImportError" in check.detail
    assert "make install" in check.fix
    assert "magpie reindex" in check.fix


def test_says_nothing_about_a_layout_model_that_works(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data": tmp_path, "answer": {"model": ""}})
    with closing(open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())) as rag:
        assert "layout" not in [check.name for check in rag.doctor()]


def test_names_the_scripts_that_can_be_read(tmp_path: Path) -> None:
    needs_tesseract("rus", "heb", "osd")
    settings = Settings.model_validate({"data": tmp_path, "answer": {"model": ""}})
    with closing(open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())) as rag:
        check = next(check for check in rag.doctor() if check.name == "scripts")
    assert check.status == "ok"
    assert check.detail.startswith("OCR reads text in Latin, Chinese, Japanese, Cyrillic, ")
    assert "Hebrew" in check.detail


@pytest.mark.parametrize(
    ("read", "status", "said", "fix"),
    [
        (f"The picture says {CODE_WORD}.", "ok", "sees:4b read the code word from a picture", ""),
        ("A white box.", "warn", f"sees:4b read 'A white box.' instead of {CODE_WORD!r}", "Try a larger model."),
    ],
    ids=["code word", "other words"],
)
@pytest.mark.parametrize("api", APIS)
def test_vision_is_proved_by_a_picture_that_the_model_server_gets(
    tmp_path: Path, api: Api, read: str, status: str, said: str, fix: str
) -> None:
    def write(asked: str) -> str:
        return read if asked == "Which words?" else "The mast is 17 metres high [2]."

    with model_server(api) as server:
        server.script = Script(text=write)
        vision = "auto" if api == "ollama" else "on"
        answer = {"api": api, "host": server.url, "model": "sees:4b", "vision": vision}
        settings = Settings.model_validate({"data": tmp_path, "read": {"ocr": False}, "answer": answer})
        with closing(open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())) as rag:
            checks = {check.name: check for check in rag.doctor()}
    assert checks["model"] == Check("model", status, said, fix)
    assert checks["writing"].status == "ok"
    (picture,) = sent_pictures(api, server.chats()[0])
    with Image.open(BytesIO(picture)) as image:
        assert image.format == "PNG"
        assert image.convert("L").getextrema() == (0, 255), "black letters on white"
