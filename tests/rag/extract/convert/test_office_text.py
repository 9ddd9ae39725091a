"""Tests of office documents where LibreOffice can't be used: their text is read, and a note says what is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.errors import Unreadable
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind, ExtractedPage
from rag.setting_groups import ReadSettings
from tests.rag.extract import office_files

NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
)


@pytest.fixture(scope="module")
def text_extractor() -> Iterator[GuardedExtractor]:
    extractor = GuardedExtractor(
        ReadSettings.model_validate({"office": "off", "ocr": False, "layout": False, "render_px": 400}), None
    )
    yield extractor
    extractor.close()


Read = Callable[[Path], list[str]]


@pytest.fixture
def read(text_extractor: GuardedExtractor, into: Path) -> Read:
    """A function that returns the text of each page of a document."""

    def text_of(page: ExtractedPage) -> str:
        assert page.error is None
        return " ".join(" ".join(block.text for block in page.blocks).split())

    return lambda path: [
        text_of(page) for page in text_extractor.extract(path, 1, text_extractor.inspect(path).page_count, into)
    ]


def open_document(path: Path, body: str, *, kind: str = "text", prolog: str = "") -> Path:
    content = f'<?xml version="1.0"?>{prolog}<office:document-content {NAMES}><office:body>{body}</office:body>'
    return office_files.package(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{content}</office:document-content>",
        },
    )


def test_word_document_is_read_page_by_page(tmp_path: Path, read: Read, text_extractor: GuardedExtractor) -> None:
    cells = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in ("Gate", "Lock 7"))
    box = "<w:pict><w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent></w:pict>"
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Locks</w:t></w:r></w:p>'
        '<w:p><w:hyperlink r:id="rLink0"><w:r><w:t>The rota</w:t></w:r></w:hyperlink>'
        '<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:del w:id="1"><w:r><w:delText>struck</w:delText></w:r>'
        f"</w:del></w:p><w:tbl><w:tr>{cells}</w:tr></w:tbl>"
        f'<w:p><w:r><mc:AlternateContent xmlns:mc="m"><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>'
        "</mc:AlternateContent></w:r></w:p>"
        '<w:p><w:r><w:br w:type="page"/><w:t>Second page</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
    )
    notes = (
        '<w:footnotes xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:footnote w:id="2"><w:p>'
        "<w:r><w:t>As agreed.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    path = office_files.docx(
        tmp_path / "file",
        [],
        title="Minutes of the harbour",
        body=body,
        links=["https://wiki.example/rota"],
        more={"word/footnotes.xml": (kind, "footnotes", notes)},
    )
    assert read(path) == [
        "Locks The rota (https://wiki.example/rota) Gate Lock 7 In a box.",
        "Second page As agreed.",
    ]
    found = text_extractor.inspect(path)
    assert found.title == "Minutes of the harbour"
    [note] = found.notes
    assert note.lost
    assert note.text == (
        "Only the text of the document was read, without pictures and layout: LibreOffice is turned off by "
        "`read.office`. Export it as a PDF."
    )


def test_rows_cells_and_boxes_of_a_form_in_word_are_read(tmp_path: Path, read: Read) -> None:
    def cell(content: str) -> str:
        return f"<w:tc><w:p><w:r>{content}</w:r></w:p></w:tc>"

    def control(content: str) -> str:
        return f"<w:sdt><w:sdtContent>{content}</w:sdtContent></w:sdt>"

    ticked = '<w:sym w:font="Wingdings" w:char="F0FE"/><w:t> sealed</w:t>'
    empty = '<w:sym w:font="Wingdings" w:char="00A8"/><w:t> open</w:t>'
    rows = (
        f"<w:tr>{cell('<w:t>Gate</w:t>')}{control(cell('<w:t>Lock 7</w:t>'))}</w:tr>"
        f"{control(f'<w:tr>{cell(ticked)}</w:tr><w:tr>{cell(empty)}</w:tr>')}"
    )
    path = office_files.docx(tmp_path / "file", [], body=f"<w:tbl>{rows}</w:tbl>")
    assert read(path) == ["Gate Lock 7 \u2611 sealed \u2610 open Box: sealed: ticked Box: open: not ticked"]


def test_slides_are_read_one_by_one(tmp_path: Path, read: Read, into: Path, text_extractor: GuardedExtractor) -> None:
    path = office_files.pptx(tmp_path / "file", ["one", "two", "three"], hidden=[2], notes={3: "Say this slowly."})
    assert read(path) == ["one", "two", "three Speaker notes: Say this slowly."]
    pages = text_extractor.extract(path, 3, 3, into)
    assert [block.kind for block in pages[0].blocks] == [BlockKind.TEXT, BlockKind.ASIDE]


def test_open_document_text_is_read(tmp_path: Path, read: Read) -> None:
    path = open_document(
        tmp_path / "file",
        "<office:text><text:tracked-changes><text:deletion><text:p>struck</text:p></text:deletion></text:tracked-changes>"
        '<text:h text:outline-level="1">Locks</text:h><text:p>The<text:s text:c="2"/><text:span>gate<office:annotation>'
        "<dc:creator>Ada Wren</dc:creator><text:p>Which?</text:p></office:annotation></text:span> is "
        '<text:a xlink:href="https://a.example/b">here</text:a>.</text:p><text:list><text:list-item><text:p>first</text:p>'
        "</text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>cell</text:p>"
        "</table:table-cell></table:table-row></table:table><text:p><draw:frame><draw:text-box><text:p>boxed</text:p>"
        "</draw:text-box></draw:frame></text:p></office:text>",
    )
    assert read(path) == ["Locks The gate is here (https://a.example/b). Comment by Ada Wren: Which? first cell boxed"]


def test_flat_presentation_is_read_page_by_page(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "file"
    slides = "".join(
        f"<draw:page><draw:text-box><text:p>Slide {number}</text:p></draw:text-box></draw:page>" for number in (1, 2)
    )
    path.write_text(
        f'<office:document {NAMES} office:mimetype="application/vnd.oasis.opendocument.presentation"><office:body>'
        f"<office:presentation>{slides}</office:presentation></office:body></office:document>"
    )
    assert read(path) == ["Slide 1", "Slide 2"]


@pytest.mark.parametrize(
    ("prolog", "body", "reason"),
    [
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>', "<office:text>&b;</office:text>", "entities"),
        (
            '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>',
            "<office:text><text:p>&c;</text:p></office:text>",
            "entities",
        ),
        ("", "<text:span>" * 5000 + "</text:span>" * 5000, "nested too deeply"),
        ("", "<office:text><text:p>open</office:text>", "can't be read"),
        ("", "<office:text/>", "no text"),
    ],
    ids=["outside", "bomb", "nested", "damaged", "blank"],
)
def test_hostile_documents_are_refused(tmp_path: Path, read: Read, prolog: str, body: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as refused:
        read(open_document(tmp_path / "file", body, prolog=prolog))
    assert refused.value.hint


def test_references_to_files_and_servers_are_not_followed(tmp_path: Path, read: Read) -> None:
    (tmp_path / "secret.txt").write_text("a secret word")
    address = (tmp_path / "secret.txt").as_uri()
    body = (
        f'<office:text><text:p>Words.</text:p><text:section><text:section-source xlink:href="{address}"/>'
        "</text:section>"
        f'<text:p><draw:frame><draw:image xlink:href="{address}"/></draw:frame></text:p></office:text>'
    )
    assert read(open_document(tmp_path / "file", body)) == ["Words."]


@pytest.mark.parametrize(
    ("setting", "reason"), [("off", "turned off by `read.office`"), ("/nowhere/soffice", "not found at `read.office`")]
)
def test_formats_that_only_libreoffice_reads_are_refused_with_a_remedy(
    tmp_path: Path, setting: str, reason: str
) -> None:
    path = tmp_path / "file"
    path.write_text(r"{\rtf1 words}")
    extractor = GuardedExtractor(ReadSettings(office=setting, ocr=False, layout=False), None)
    try:
        with pytest.raises(Unreadable, match=reason) as refused:
            extractor.inspect(path)
    finally:
        extractor.close()
    assert refused.value.hint


def test_note_names_the_command_to_install_libreoffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.platform == "darwin":
        pytest.skip("LibreOffice is also searched for outside of PATH")
    extractor = GuardedExtractor(ReadSettings(ocr=False, layout=False), None)
    try:
        [note] = extractor.inspect(office_files.docx(tmp_path / "file", ["one"])).notes
    finally:
        extractor.close()
    assert "LibreOffice is not installed" in note.text
    assert "apt install libreoffice" in note.text


def test_note_says_that_an_inserted_document_was_not_read(tmp_path: Path, text_extractor: GuardedExtractor) -> None:
    kind = "text/html"
    path = office_files.docx(
        tmp_path / "file",
        ["one"],
        body='<w:altChunk r:id="rMore0"/>',
        more={"word/chunk.html": (kind, "aFChunk", "<p>inserted words</p>")},
    )
    notes = text_extractor.inspect(path).notes
    assert [note.text for note in notes if "inside this document was not read" in note.text and note.lost]
