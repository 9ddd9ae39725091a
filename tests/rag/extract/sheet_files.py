"""Spreadsheets for the tests, written part by part, and what is read of them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

from rag.extract.convert.sheets import column_letters
from rag.extract.guarded import GuardedExtractor
from rag.ingest.chunking import chunk_pages
from rag.model.extraction import ExtractedPage, Kind, NewChunk
from tests.rag.extract.compound_files import compound_file

Cell: TypeAlias = str | float | tuple[float, int] | None
"""A text, a number, or a number with its style (from 1)."""

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'


def read(reader: GuardedExtractor, path: Path, into: Path) -> list[ExtractedPage]:
    pages = reader.extract(path, 1, reader.inspect(path).page_count, into)
    assert [page.error for page in pages] == [None] * len(pages)
    return pages


def tables(pages: list[ExtractedPage]) -> list[NewChunk]:
    return [chunk for chunk in chunk_pages(pages)[0] if chunk.kind is Kind.TABLE]


def all_words(pages: list[ExtractedPage]) -> list[str]:
    return [word.text for page in pages for block in page.blocks for line in block.lines for word in line.words]


def zipped(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def xlsx(
    path: Path,
    sheets: Mapping[str, Sequence[Sequence[Cell]]],
    formats: Sequence[str] = (),
    hidden: Iterable[str] = (),
    **replaced: str,
) -> Path:
    """Write a workbook; `formats` are format codes, `replaced` parts by the last part of their name."""
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships {_PACKAGE}><Relationship Id="r" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{_list(sheets, set(hidden))}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships {_PACKAGE}>{_targets(len(sheets), 'xml')}</Relationships>",
        "xl/styles.xml": _styles(formats),
    }
    for number, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{number}.xml"] = sheet_xml(rows)
    for name in parts:
        parts[name] = replaced.get(name.rpartition("/")[2].partition(".")[0], parts[name])
    return zipped(path, parts)


def _list(sheets: Collection[str], hidden: set[str]) -> str:
    states = {name: 'state="hidden"' if name in hidden else "" for name in sheets}
    return "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="r{number}" {states[name]}/>'
        for number, name in enumerate(sheets, 1)
    )


def _targets(count: int, ending: str) -> str:
    return "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.{ending}"/>'
        for number in range(1, count + 1)
    )


def _styles(codes: Sequence[str]) -> str:
    formats = "".join(f'<numFmt numFmtId="{164 + at}" formatCode={quoteattr(code)}/>' for at, code in enumerate(codes))
    styles = "".join(f'<xf numFmtId="{164 + at}"/>' for at in range(len(codes)))
    return f'<styleSheet {_MAIN}><numFmts>{formats}</numFmts><cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>'


def sheet_xml(rows: Sequence[Sequence[Cell]], before: str = "") -> str:
    """Return a sheet; `before` is XML in front of its rows."""
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            _cell(f"{column_letters(at)}{number}", value) for at, value in enumerate(row) if value is not None
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return f"<worksheet {_MAIN}>{before}<sheetData>{''.join(lines)}</sheetData></worksheet>"


def _cell(place: str, value: Cell) -> str:
    match value:
        case str():
            return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        case tuple():
            return f'<c r="{place}" s="{value[1]}"><v>{value[0]}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def ods(path: Path, rows: str, styles: str = "", name: str = "Tides") -> Path:
    """Write a sheet whose rows are XML; a sheet "Secret" is hidden."""
    names = "office table text style number"
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{"datastyle" if name == "number" else name}:1.0"'
        for name in names.split()
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces} office:version="1.2"><office:automatic-styles>'
        '<style:style style:name="gone" style:family="table"><style:table-properties table:display="false"/>'
        "</style:style>"
        f'{styles}</office:automatic-styles><office:body><office:spreadsheet><table:table table:name="{name}">{rows}'
        '</table:table><table:table table:name="Secret" table:style-name="gone"><table:table-row><table:table-cell '
        'office:value-type="string"><text:p>petrel</text:p></table:table-cell></table:table-row></table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    media_type = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry '
        f'manifest:full-path="/" manifest:media-type="{media_type}"/></manifest:manifest>'
    )
    return zipped(path, {"mimetype": media_type, "content.xml": content, "META-INF/manifest.xml": manifest})


@dataclass(frozen=True)
class Look:
    """How a binary workbook shows its numbers, all in one format `code`, and which rows and columns it hides."""

    code: str = ""
    rows: Collection[int] = ()
    columns: Collection[int] = ()
    from_1904: bool = False
    has_link: bool = False


_PLAIN = Look()


def xlsb(path: Path, rows: Sequence[Sequence[str | float]], look: Look = _PLAIN) -> Path:
    """Write a binary workbook with one sheet "Tides" (records of MS-XLSB). Whole numbers are stored as RK."""
    sheet = [_record(0x81), _record(0x94, struct.pack("<4I", 0, len(rows) - 1, 0, len(rows[0]) - 1))]
    sheet += [_record(0x3C, struct.pack("<4IH", at, at, 2304, 0, 1)) for at in look.columns]
    sheet.append(_record(0x91))
    for number, row in enumerate(rows):
        sheet.append(_record(0x00, struct.pack("<IIHBBBI", number, 0, 300, 0, 0x10 * (number in look.rows), 0, 0)))
        for column, value in enumerate(row):
            place = struct.pack("<II", column, 1)
            if isinstance(value, str):
                sheet.append(_record(0x06, place + _wide(value)))
            elif isinstance(value, int):
                sheet.append(_record(0x02, place + struct.pack("<i", value << 2 | 2)))
            else:
                sheet.append(_record(0x05, place + struct.pack("<d", value)))
    sheet += [_record(0x92), *([_record(0x1EE)] if look.has_link else []), _record(0x82)]
    book = [_record(0x83), _record(0x99, struct.pack("<II", look.from_1904, 0)), _record(0x8F)]
    book.append(_record(0x9C, struct.pack("<II", 0, 1) + _wide("r1") + _wide("Tides")))
    formats = [struct.pack("<HH12x", 0, number) for number in (0, 164)]
    one, two = struct.pack("<I", 1), struct.pack("<I", 2)
    code = _record(0x2C, struct.pack("<H", 164) + _wide(look.code))
    styles = [_record(0x116), _record(0x267, one), code, _record(0x268)]
    styles += [_record(0x272, one), _record(0x2F, struct.pack("<HH12x", 0xFFFF, 9)), _record(0x273)]
    styles += [_record(0x269, two), *(_record(0x2F, data) for data in formats), _record(0x26A), _record(0x117)]
    return zipped(
        path,
        {
            "[Content_Types].xml": "<Types/>",
            "xl/workbook.bin": b"".join([*book, _record(0x90), _record(0x84)]),
            "xl/_rels/workbook.bin.rels": f"<Relationships {_PACKAGE}>{_targets(1, 'bin')}</Relationships>",
            "xl/worksheets/sheet1.bin": b"".join(sheet),
            **({"xl/styles.bin": b"".join(styles)} if look.code else {}),
        },
    )


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _record(kind: int, data: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(data)]) + data


def xls(path: Path, rows: Sequence[Sequence[str | float]], look: Look = _PLAIN) -> Path:
    """Write an Excel 97 workbook (records of MS-XLS) with the sheet "Tides" and a hidden one.

    Whole numbers are stored as RK, in one record if there are several in a row.
    """
    begin = struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)
    book = _old_record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 0))
    book += _old_record(0x22, struct.pack("<H", look.from_1904))
    if look.code:
        book += _old_record(0x41E, struct.pack("<HHB", 164, len(look.code), 0) + look.code.encode("latin-1"))
    book += b"".join(_old_record(0xE0, struct.pack("<HH16x", 0, number)) for number in (0, 164 if look.code else 0))
    sheet = _old_record(0x809, begin)
    sheet += b"".join(_old_record(0x7D, struct.pack("<6H", at, at, 2304, 0, 1, 0)) for at in look.columns)
    sheet += b"".join(_old_record(0x208, struct.pack("<8H", at, 0, 9, 300, 0, 0, 0x120, 0)) for at in look.rows)
    # A chart inside of the sheet, with a record that would hide its first row.
    chart = _old_record(0x208, struct.pack("<8H", 0, 0, 9, 300, 0, 0, 0x120, 0))
    sheet += _old_record(0x809, struct.pack("<HHHHII", 0x600, 0x20, 0, 0, 0, 0)) + chart + _old_record(0x0A)
    for number, row in enumerate(rows):
        whole = [value for value in row if isinstance(value, int)]
        if len(whole) == len(row) > 1:
            cells = b"".join(struct.pack("<Hi", 1, value << 2 | 2) for value in whole)
            sheet += _old_record(0xBD, struct.pack("<HH", number, 0) + cells + struct.pack("<H", len(row) - 1))
            continue
        for column, value in enumerate(row):
            place = struct.pack("<HHH", number, column, 1)
            if isinstance(value, str):
                sheet += _old_record(0x204, place + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
            elif isinstance(value, int):
                sheet += _old_record(0x27E, place + struct.pack("<i", value << 2 | 2))
            else:
                sheet += _old_record(0x203, place + struct.pack("<d", value))
    sheet += (_old_record(0x1B8, bytes(32)) if look.has_link else b"") + _old_record(0x0A)
    names = [("Tides", 0), ("Secret", 1)]
    start = len(book) + sum(12 + len(name) for name, _ in names) + 4
    for at, (name, state) in enumerate(names):
        data = struct.pack("<IBBBB", start + at * len(sheet), state, 0, len(name), 0) + name.encode()
        book += _old_record(0x85, data)
    path.write_bytes(compound_file({"Workbook": book + _old_record(0x0A) + sheet * 2}))
    return path


def _old_record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data
