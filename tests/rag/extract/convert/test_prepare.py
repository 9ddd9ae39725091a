"""Tests of the preparation of office documents for LibreOffice, on the parts themselves."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from rag.errors import Unreadable
from rag.extract.convert.office_xml import parse_part, write_part
from rag.extract.convert.prepare import Prepared, make_pages_taller, prepare_document
from rag.extract.convert.tracked_changes import accept_rtf_changes
from rag.extract.convert.word_pages import break_pages_as_saved
from tests.rag.extract import office_files

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def words(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def struck(text: str) -> str:
    return f'<w:del w:id="1" w:author="A"><w:r><w:delText>{text}</w:delText></w:r></w:del>'


STRUCK_END = '<w:rPr><w:del w:id="2" w:author="A"/></w:rPr>'


def document_of(path: Path) -> str:
    with ZipFile(path) as package:
        return package.read("word/document.xml").decode()


def paragraphs(xml: str) -> list[str]:
    """Return the text of each paragraph; text boxes and tables are not told apart."""
    texts = re.findall(r"<w:p>(.*?)</w:p>", xml, re.DOTALL)
    return ["".join(re.findall(r"<w:t>(.*?)</w:t>", text)) for text in texts]


def prepared_word(folder: Path, body: str, **more: object) -> tuple[str, Prepared]:
    path = office_files.docx(folder / "document.docx", [], body=body, **more)  # type: ignore[arg-type]
    prepared = prepare_document(path)
    return document_of(path), prepared


def test_struck_text_and_its_paragraphs_are_removed_from_word_documents(tmp_path: Path) -> None:
    body = (
        f'<w:p><w:r><w:t>The deposit is </w:t></w:r>{struck("four")}<w:ins w:id="3"><w:r><w:t>seven</w:t></w:r></w:ins>'
        f"</w:p><w:p><w:pPr>{STRUCK_END}</w:pPr>{struck('A struck paragraph')}</w:p>"
        f"<w:p><w:pPr>{STRUCK_END}</w:pPr><w:r><w:t>Joined </w:t></w:r></w:p>{words('to this.', '<w:keepNext/>')}"
        f'<w:tbl><w:tr><w:trPr><w:del w:id="4"/></w:trPr><w:tc>{words("struck row")}</w:tc></w:tr>'
        f"<w:tr><w:tc>{words('kept row')}</w:tc></w:tr></w:tbl>"
        f'<w:tbl><w:tr><w:trPr><w:del w:id="5"/></w:trPr><w:tc>{words("struck table")}</w:tc></w:tr></w:tbl>'
        '<w:p><w:moveFrom w:id="6"><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>'
        '<w:p><w:r><w:rPr><w:b/><w:rPrChange w:id="7"><w:rPr/></w:rPrChange></w:rPr><w:t>bold</w:t></w:r></w:p>'
    )
    xml, _ = prepared_word(tmp_path, body)
    assert paragraphs(xml) == ["The deposit is seven", "Joined to this.", "kept row", "", "bold"]
    assert "keepNext" in xml
    assert xml.count("<w:tbl>") == 1
    assert not re.search(r"w:(?:ins|del|moveFrom|rPrChange)\b", xml)


def test_cell_keeps_a_paragraph_when_all_its_text_is_struck(tmp_path: Path) -> None:
    cell = f"<w:p><w:pPr>{STRUCK_END}</w:pPr>{struck('gone')}</w:p>"
    xml, _ = prepared_word(tmp_path, f"<w:tbl><w:tr><w:tc>{cell}</w:tc></w:tr></w:tbl>")
    assert paragraphs(xml) == [""]


def test_document_without_changes_stays_as_it_is(tmp_path: Path) -> None:
    path = office_files.docx(tmp_path / "document.docx", ["Plain words"])
    before = path.read_bytes()
    assert prepare_document(path) == Prepared()
    assert path.read_bytes() == before


def body_with_breaks(*blocks: str) -> str:
    return f'<w:document xmlns:w="{WORD}"><w:body>{"".join(blocks)}</w:body></w:document>'


SAVED = "<w:r><w:lastRenderedPageBreak/></w:r>"


def broken(*blocks: str, pages: int) -> str:
    root = parse_part(body_with_breaks(*blocks).encode())
    break_pages_as_saved(root, pages, frozenset({"Chapter"}))
    return write_part(root).decode()


def test_pages_break_where_word_broke_them() -> None:
    xml = broken(
        words("one"),
        f"<w:p>{SAVED}<w:r><w:t>two, </w:t></w:r>{SAVED}<w:r><w:t>three</w:t></w:r></w:p>",
        pages=3,
    )
    assert xml.count("<w:pageBreakBefore>") == 1
    assert xml.index("pageBreakBefore") < xml.index("two")
    assert xml.count('<w:br w:type="page"></w:br>') == 1
    assert xml.index("two") < xml.index("w:br ") < xml.index("three")


@pytest.mark.parametrize(
    "explicit",
    [
        f'<w:p><w:r><w:br w:type="page"/></w:r></w:p><w:p>{SAVED}<w:r><w:t>two</w:t></w:r></w:p>',
        f"<w:p><w:pPr><w:pageBreakBefore/></w:pPr>{SAVED}<w:r><w:t>two</w:t></w:r></w:p>",
        f'<w:p><w:pPr><w:pStyle w:val="Chapter"/></w:pPr>{SAVED}<w:r><w:t>two</w:t></w:r></w:p>',
        f"<w:p><w:pPr><w:sectPr/></w:pPr></w:p><w:p>{SAVED}<w:r><w:t>two</w:t></w:r></w:p>",
    ],
    ids=["break", "paragraph", "style", "section"],
)
def test_breaks_that_the_document_states_are_not_repeated(explicit: str) -> None:
    blocks = (words("one"), explicit)
    unchanged = write_part(parse_part(body_with_breaks(*blocks).encode())).decode()
    assert broken(*blocks, pages=2) == unchanged


def test_saved_breaks_are_ignored_unless_word_counted_as_many_pages() -> None:
    assert "pageBreakBefore" not in broken(words("one"), f"<w:p>{SAVED}</w:p>", pages=5)


def test_table_is_split_at_the_row_that_starts_a_page() -> None:
    rows = [f"<w:tr><w:tc>{words(text)}</w:tc></w:tr>" for text in ("a", "b")]
    saved = f"<w:tr><w:tc><w:p>{SAVED}<w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr>"
    xml = broken(f"<w:tbl><w:tblPr/>{''.join(rows)}{saved}</w:tbl>", pages=2)
    assert [re.findall(r"<w:t>(.)</w:t>", table) for table in xml.split("<w:tbl>")[1:]] == [["a", "b"], ["c"]]
    assert xml.count("<w:tblPr>") == 2
    assert xml.count("<w:pageBreakBefore>") == 1


def test_links_get_a_style_so_that_their_addresses_reach_the_pdf(tmp_path: Path) -> None:
    field = (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "https://a.example"</w:instrText>'
        '</w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>words</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t>after</w:t></w:r></w:p>'
    )
    link = '<w:p><w:hyperlink r:id="rLink0"><w:r><w:t>rota</w:t></w:r></w:hyperlink></w:p>'
    path = office_files.docx(tmp_path / "document.docx", [], body=link + field, links=["https://wiki.example"])
    prepare_document(path)
    xml = document_of(path)
    styled = re.findall(r'<w:rStyle w:val="MagpieLink"></w:rStyle></w:rPr><w:t>(\w+)</w:t>', xml)
    assert styled == ["rota", "words"]
    with ZipFile(path) as package:
        assert 'w:styleId="MagpieLink"' in package.read("word/styles.xml").decode()
        assert "styles.xml" in package.read("word/_rels/document.xml.rels").decode()


def test_slides_are_hidden_and_have_speaker_notes(tmp_path: Path) -> None:
    path = office_files.pptx(
        tmp_path / "document.pptx", ["one", "two", "three"], hidden=[2, 3], notes={3: "Say this slowly."}
    )
    details = prepare_document(path).details
    assert details.texts == {3: ("Speaker notes: Say this slowly.",)}
    assert [note.text for note in details.notes] == [
        "Slides 2 and 3 are hidden in the presentation, and indexed with the others."
    ]


ODF = (
    '<office:document-content xmlns:office="o" xmlns:text="t" xmlns:draw="d" xmlns:style="s" xmlns:presentation="p">'
    "{}</office:document-content>"
)


def open_document(path: Path, content: str) -> Path:
    kind = {".odt": "text", ".odp": "presentation"}[path.suffix]
    return office_files.package(
        path, {"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": ODF.format(content)}
    )


def test_struck_text_is_removed_from_open_document_texts(tmp_path: Path) -> None:
    path = open_document(
        tmp_path / "document.odt",
        "<office:text><text:tracked-changes><text:changed-region><text:deletion><text:p>struck</text:p></text:deletion>"
        '</text:changed-region></text:tracked-changes><text:p>The <text:change text:change-id="1"/>deposit is '
        '<text:change-start text:change-id="2"/>seven<text:change-end text:change-id="2"/>.</text:p></office:text>',
    )
    prepare_document(path)
    with ZipFile(path) as package:
        content = package.read("content.xml").decode()
    assert "<office:text><text:p>The deposit is seven.</text:p></office:text>" in content


def test_open_document_slides_are_hidden_and_have_speaker_notes(tmp_path: Path) -> None:
    path = open_document(
        tmp_path / "document.odp",
        '<style:style style:name="dp1"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
        '<draw:page draw:style-name="dp1"/><draw:page draw:style-name="dp2"><draw:frame>shown</draw:frame>'
        "<presentation:notes><draw:frame><text:p>Pause</text:p><text:p>here.</text:p></draw:frame></presentation:notes>"
        "</draw:page>",
    )
    details = prepare_document(path).details
    assert details.texts == {2: ("Speaker notes: Pause", "here.")}
    assert [note.text for note in details.notes] == [
        "Slide 1 is hidden in the presentation, and indexed with the others."
    ]


def test_struck_text_is_removed_from_rich_text() -> None:
    data = rb"{\rtf1 The deposit is {\deleted four\par struck \u252?\'e9}seven\deleted  gone\deleted0 , paid {\b now}.}"
    assert accept_rtf_changes(data) == rb"{\rtf1 The deposit is {}seven, paid {\b now}.}"


@pytest.mark.parametrize(
    "xml",
    ["<a>", "<a>" * 3000 + "</a>" * 3000, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ids=["damaged", "nested", "entities"],
)
def test_hostile_parts_are_refused(xml: str) -> None:
    with pytest.raises(Unreadable, match="can't be read"):
        parse_part(xml.encode())


def test_parts_are_written_as_they_were_read() -> None:
    xml = '<w:a xmlns:w="x" w:b="1 &lt; &quot;2&quot;">é<w:c></w:c>tail &amp; more<w:d>\n</w:d></w:a>'
    written = write_part(parse_part(xml.encode())).decode()
    assert written.partition("?>\n")[2].replace("'", '"') == xml.replace("1 &lt; &quot;2&quot;", '1 &lt; "2"')


def test_pages_are_made_taller(tmp_path: Path) -> None:
    path = office_files.docx(tmp_path / "document.docx", ["one"])
    make_pages_taller(path)
    assert 'w:h="26941"' in document_of(path)  # 16838 * 1.6
