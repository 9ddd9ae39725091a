"""The doctor's check of LibreOffice. The other checks are tested in tests/flows."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from rag import Settings, open_rag


@pytest.mark.parametrize(
    ("office", "status", "said"),
    [
        ("off", "ok", "off: office documents are refused"),
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
