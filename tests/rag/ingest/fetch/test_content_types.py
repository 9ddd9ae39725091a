"""Tests of what a response is: a web page or a file, and the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.ingest.fetch.content_types import file_name, is_web_page
from rag.ingest.fetch.urls import UrlFetcher
from rag.setting_groups import ReadSettings, WebSettings
from tests.rag.ingest.fetch.site import Page, moved, site

URL = "https://files.example/reports/Jahres%20bericht.pdf?version=3"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("", "Jahres bericht.pdf"),
        ("inline", "Jahres bericht.pdf"),
        ('attachment; filename="dues 2026.pdf"', "dues 2026.pdf"),
        ("attachment; filename=dues.pdf", "dues.pdf"),
        ("attachment; filename*=UTF-8''%E6%B8%AF.pdf", "港.pdf"),
        ('attachment; filename="b\u00c3\u00bccher.pdf"', "bücher.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\dues.pdf"', "dues.pdf"),
        ('attachment; filename="a\tb\x85c.pdf"', "a b c.pdf"),
        ("attachment; filename*=no-such-charset''%E6.pdf", None),
        ('attachment; filename=""', "Jahres bericht.pdf"),
    ],
)
def test_file_has_the_name_that_its_server_gives_it(disposition: str, name: str | None) -> None:
    found = file_name({"content-disposition": disposition}, URL)
    assert found == name if name is not None else found


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_any_header_gives_a_name_in_one_line(value: str) -> None:
    for disposition in (f"attachment; filename={value}", f"attachment; filename*={value}", value):
        name = file_name({"content-disposition": disposition}, URL)
        assert "/" not in name
        assert "\n" not in name


def test_page_that_is_sent_as_an_attachment_is_a_file() -> None:
    page = {"content-type": "Text/HTML; charset=utf-8"}
    assert is_web_page(page)
    assert is_web_page({**page, "content-disposition": "inline"})
    assert not is_web_page({**page, "content-disposition": 'Attachment; filename="page.html"'})
    assert not is_web_page({"content-type": "text/plain"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/html"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Type": "text/html", "Content-Disposition": "attachment"},
        {},
    ],
)
def test_file_is_saved_whatever_type_its_server_says(headers: dict[str, str], tmp_path: Path) -> None:
    data = b"%PDF-1.7\n" + bytes(300_000)

    def answer(path: str) -> Page:
        return (200, headers, data) if path == "/files/dues.pdf" else moved("/files/dues.pdf")

    web = WebSettings(allow=("127.0.0.1",), browser="off")
    with site(answer) as (url, _):
        found = UrlFetcher(web, ReadSettings())(f"{url}/latest", tmp_path / "copy")
    assert found.name == "dues.pdf"
    assert (tmp_path / "copy").read_bytes() == data
