"""Tests of what a spreadsheet says beside its cells: comments, addresses of links and text boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZipFile

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind, ExtractedPage
from tests.rag.extract.sheet_files import Cell, all_words, ods, read, sheet_xml, tables, xlsx

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
THREADS = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"


def asides(pages: Sequence[ExtractedPage]) -> list[str]:
    return [
        line.text for page in pages for block in page.blocks if block.kind is BlockKind.ASIDE for line in block.lines
    ]


def with_parts(path: Path, related: Mapping[str, str], parts: Mapping[str, str]) -> Path:
    """Add parts to a workbook, and relations {id: attributes} to its first sheet."""
    relations = "".join(f'<Relationship Id="{id}" {attributes}/>' for id, attributes in related.items())
    with ZipFile(path, "a") as archive:
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}'
            "</Relationships>",
        )
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def target(kind: str, name: str) -> str:
    return f'Type="{OFFICE}/{kind}" Target="../{name}"'


def test_comments_of_cells_are_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    comments = (
        f'<comments xmlns="{MAIN}"><authors><author>Ada</author></authors><commentList>'
        '<comment ref="B2" authorId="0"><text><r><t>check the </t></r><r><t>hoist\nand the rope</t></r></text>'
        "</comment>"
        '<comment ref="A3" authorId="0"><text><t>on a hidden row</t></text></comment>'
        '<comment ref="A1" authorId="0"><text><t>[Threaded comment] Your version</t></text></comment>'
        "</commentList></comments>"
    )
    threads = (
        f'<ThreadedComments xmlns="{THREADS}"><threadedComment ref="A1" personId="{{1}}" id="{{2}}"><text>Which one?'
        '</text></threadedComment><threadedComment ref="A1" personId="{3}" id="{4}" parentId="{2}"><text>The old one.'
        "</text></threadedComment></ThreadedComments>"
    )
    people = f'<personList xmlns="{THREADS}"><person displayName="Ben" id="{{1}}"/></personList>'
    sheet = sheet_xml([["Item", "Cost"], ["Crane", 17], ["petrel"]]).replace('<row r="3">', '<row r="3" hidden="1">')
    path = with_parts(
        xlsx(tmp_path / "a", {"Q3": []}, sheet1=sheet),
        {"c": target("comments", "comments1.xml"), "t": target("threadedComment", "threadedComments/t1.xml")},
        {"xl/comments1.xml": comments, "xl/threadedComments/t1.xml": threads, "xl/persons/person.xml": people},
    )
    pages = read(reader, path, into)
    assert asides(pages) == [
        "Comment by Ben on A1: Which one?",
        "Comment on A1: The old one.",
        "Comment by Ada on B2: check the hoist and the rope",
    ]


def test_addresses_of_links_are_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    links = '<hyperlinks><hyperlink ref="A2:B2" r:id="h"/><hyperlink ref="A3" r:id="i"/></hyperlinks>'
    formula = '<c r="B3" t="str"><f>HYPERLINK("https://example.com/rope?a=1","rope")</f><v>rope</v></c></row>'
    sheet = sheet_xml([["Item", "Note"], ["Crane"], ["https://example.com/b"]])
    sheet = sheet.replace("</sheetData>", f"</sheetData>{links}").replace(
        "<worksheet", f'<worksheet xmlns:r="{OFFICE}"'
    )
    head, _, tail = sheet.rpartition("</row>")
    external = f'Type="{OFFICE}/hyperlink" TargetMode="External" Target='
    path = with_parts(
        xlsx(tmp_path / "a", {"Q3": []}, sheet1=head + formula + tail),
        {"h": f'{external}"https://Example.com/Crane"', "i": f'{external}"https://example.com/b"'},
        {},
    )
    assert asides(read(reader, path, into)) == [
        "Link: Crane https://Example.com/Crane",
        "Link: rope https://example.com/rope?a=1",
    ]


def test_text_boxes_are_read_with_the_page_of_their_place(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    def box(row: int, words: str, hidden: str = "") -> str:
        return (
            f"<xdr:twoCellAnchor><xdr:from><xdr:col>1</xdr:col><xdr:row>{row}</xdr:row></xdr:from><xdr:sp><xdr:nvSpPr>"
            f'<xdr:cNvPr id="1" name="a"{hidden}/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p>'
            "<a:p><a:r><a:t>of spring</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:twoCellAnchor>"
        )

    drawing = (
        f'<xdr:wsDr xmlns:xdr="{DRAWING}/spreadsheetDrawing" xmlns:a="{DRAWING}/main">{box(2, "Low tide")}'
        + box(60, "High tide")
        + box(900, "Neap tide")
        + box(3, "Secret", ' hidden="1"')
        + "</xdr:wsDr>"
    )
    rows: list[list[Cell]] = [[f"{at}. May", at] for at in range(80)]
    path = with_parts(
        xlsx(tmp_path / "a", {"Q3": rows}),
        {"d": target("drawing", "drawings/drawing1.xml")},
        {"xl/drawings/drawing1.xml": drawing},
    )
    first, second = read(reader, path, into)
    assert asides([first]) == ["Text box: Low tide of spring"]
    assert asides([second]) == ["Text box: High tide of spring", "Text box: Neap tide of spring"]


def test_escaped_signs_of_texts_are_shown(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = xlsx(tmp_path / "a", {"Q3": [["Item", "Note"], ["Crane", "first_x000D_\nsecond a_x005F_x0041_"]]})
    assert all_words(read(reader, path, into))[-3:] == ["first", "second", "a_x0041_"]


def test_damaged_comments_are_mentioned(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = with_parts(
        xlsx(tmp_path / "a", {"Q3": [["Crane"]]}),
        {"c": target("comments", "comments1.xml"), "d": target("drawing", "gone.xml")},
        {"xl/comments1.xml": "<comments>"},
    )
    [note] = reader.inspect(path).notes
    assert note.lost
    assert note.text.startswith("Comments, links or text boxes of sheet “Q3”")
    assert all_words(read(reader, path, into))[-1] == "Crane"


def test_comments_and_links_of_ods_are_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    names = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    link = '<text:a xlink:href="https://example.com/gull">gull</text:a>'
    row = (
        f'<table:table-row {names}><table:table-cell office:value-type="string"><office:annotation><dc:creator>Ada'
        "</dc:creator><dc:date>2026-03-04</dc:date><text:p>check the hoist</text:p></office:annotation><text:p>tern"
        f'</text:p></table:table-cell><table:table-cell office:value-type="string"><text:p>{link}</text:p>'
        "</table:table-cell></table:table-row>"
    )
    pages = read(reader, ods(tmp_path / "a.ods", row), into)
    assert asides(pages) == ["Comment by Ada on A1: check the hoist", "Link: gull https://example.com/gull"]
    assert "check" not in tables(pages)[0].text
