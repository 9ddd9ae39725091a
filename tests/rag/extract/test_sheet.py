"""Tests of spreadsheets: their cells as people see them, on pages with the range of cells."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from PIL import Image

from rag import Scope
from rag.errors import Unreadable
from rag.extract.convert.other_sheets import read_csv
from rag.extract.convert.sheets import MAX_CELLS, cell_range
from rag.extract.file_types import detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind
from rag.setting_groups import ReadSettings
from rag.settings import Settings
from rag.text import estimate_tokens
from tests.rag.extract.sheet_files import Cell, Look, all_words, ods, read, sheet_xml, tables, xls, xlsb, xlsx, zipped
from tests.support.absent import NoEmbedder
from tests.support.migrated import open_rag

HEADER: list[Cell] = [None, "Item", "Supplier", "Cost"]


def darkest(image: Image.Image) -> int:
    return image.convert("L").histogram().index(next(count for count in image.histogram() if count))


def test_table_is_found_with_its_sheet_and_cells(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    rows: list[list[Cell]] = [["Budget of the harbour"], [], HEADER]
    rows += [[None, f"Crane {number}", "Tern & Sons", (1234.5, 1)] for number in range(8)]
    path = xlsx(tmp_path / "any.bin", {"Q3": rows, "Empty": []}, ["#,##0.00\\ [$€-407]"])
    [page] = read(reader, path, into)
    assert page.label == "sheet Q3, A1:D11"
    title, table = tables([page])
    assert title.text == "| Budget of the harbour |\n| --- |"
    assert table.heading == "Sheet Q3, cells A1:D11"
    lines = table.text.splitlines()
    assert lines[:3] == ["| Item | Supplier | Cost |", "| --- | --- | --- |", "| Crane 0 | Tern & Sons | 1,234.50 € |"]
    assert len(lines) == 10
    assert table.picture


def test_picture_shows_letters_and_numbers_that_are_not_words(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    [page] = read(reader, xlsx(tmp_path / "a", {"Tides": [[None, "heron", "tern"], [None, "gull", "petrel"]]}), into)
    assert all_words([page]) == ["Sheet", "Tides,", "cells", "B1:C2", "heron", "tern", "gull", "petrel"]
    table = next(block for block in page.blocks if block.kind is BlockKind.TABLE)
    with Image.open(into / (page.render or "")) as image:
        width, height = image.size
        left, top = round(table.box.x0 * width), round(table.box.y0 * height)
        above, beside = (
            image.convert("L").crop((left, top - 20, width, top)),
            image.convert("L").crop((40, top, left, height)),
        )
        assert darkest(above) < 90
        assert darkest(beside) < 90


def test_long_table_repeats_its_header_and_stays_within_the_tokens_of_a_chunk(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    rows: list[list[Cell]] = [HEADER]
    rows += [[None, f"Crane N{number}", "Tern", number] for number in range(200)]
    pages = read(reader, xlsx(tmp_path / "a", {"Q3": rows}), into)
    assert len(pages) > 3
    assert [page.label for page in pages][:2] == ["sheet Q3, B1:D42", "sheet Q3, B43:D83"]
    chunks = tables(pages)
    assert all(chunk.text.startswith("| Item | Supplier | Cost |\n") for chunk in chunks)
    assert max(estimate_tokens(chunk.text) for chunk in chunks) <= 512
    assert sorted(word for word in all_words(pages) if word.startswith("N")) == sorted(f"N{at}" for at in range(200))


def test_wide_table_is_cut_into_pages_that_repeat_its_first_column(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    rows: list[list[Cell]] = [["Station", *(f"Metric number {at}" for at in range(20))]]
    rows += [[f"Station {row}", *range(20)] for row in range(3)]
    pages = read(reader, xlsx(tmp_path / "a", {"Wide": rows}), into)
    assert [page.label for page in pages] == ["sheet Wide, A1:I4", "sheet Wide, J1:P4", "sheet Wide, Q1:U4"]
    assert all("| Station 2 |" in tables([page])[0].text for page in pages)
    assert all(page.width <= 842 for page in pages)


def test_long_cell_is_wrapped_and_nothing_of_it_is_lost(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    words = [f"word{at}" for at in range(700)]
    pages = read(reader, xlsx(tmp_path / "a", {"Notes": [["Note", "Text"], ["first", " ".join(words)]]}), into)
    assert len(pages) > 1
    assert [word for word in all_words(pages) if word.startswith("word")] == words


def test_hidden_sheets_rows_and_columns_are_not_read_but_mentioned(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    rows = '<row r="1"><c r="A1"><v>17</v></c><c r="C1" t="str"><v>tern</v></c></row>'
    rows += '<row r="2" hidden="1"><c r="C2" t="str"><v>gull</v></c></row>'
    sheet = sheet_xml([], '<cols><col min="1" max="1" hidden="1"/></cols>').replace("<sheetData>", f"<sheetData>{rows}")
    path = xlsx(tmp_path / "a", {"Open": [], "Salaries": [["secret"]]}, hidden=["Salaries"], sheet1=sheet)
    notes = reader.inspect(path).notes
    assert [note.lost for note in notes] == [True, True]
    assert "“Salaries”" in notes[0].text
    assert "Hidden rows or columns of sheet “Open”" in notes[1].text
    assert all_words(read(reader, path, into))[-1:] == ["tern"]
    assert not {"17", "gull", "secret"} & set(all_words(read(reader, path, into)))


def test_charts_and_pictures_are_mentioned(reader: GuardedExtractor, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a", {"Q3": [["tern"]]})
    with ZipFile(path, "a") as archive:
        archive.writestr("xl/charts/chart1.xml", "<c/>")
    [note] = reader.inspect(path).notes
    assert note.lost
    assert note.text.startswith("Charts and pictures")


def test_formula_without_a_result_is_shown_and_mentioned(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    sheet = sheet_xml([["Sum"]]).replace("</row>", '<c r="B1"><f>SUM(C1:C9)</f></c></row>')
    path = xlsx(tmp_path / "a", {"Q3": []}, sheet1=sheet)
    assert "formulas without a saved result" in reader.inspect(path).notes[0].text
    assert "=SUM(C1:C9)" in all_words(read(reader, path, into))


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig")]
)
def test_csv_is_a_table(reader: GuardedExtractor, tmp_path: Path, into: Path, delimiter: str, encoding: str) -> None:
    rows = [["Name", "Höhe", "Ort"], ["Leuchtturm", "40", '"an der\nMole"'], ["Kran", "17", "Kai"]]
    path = tmp_path / "table.csv"
    path.write_bytes("\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    assert reader.inspect(path).media_type == "text/csv"
    [page] = read(reader, path, into)
    assert page.label == "A1:C3"
    assert "| Leuchtturm | 40 | an der Mole |" in tables([page])[0].text


@pytest.mark.parametrize(
    "text",
    [
        "Dear all, thanks\nfor coming, see\nyou soon, Ada\nand Ben, of course\n",
        "12:00 start, please\n12:01 stop\n12:02 a, b, c\n",
        "one line\n",
        '{"a": 1,\n"b": 2,\n"c": 3}\n',
        "a,b\n1,2\n",
    ],
)
def test_text_with_commas_is_not_a_table(reader: GuardedExtractor, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    assert reader.inspect(path).media_type == "text/plain"


def test_cells_of_ods_are_read_as_they_are_shown(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    rows = (
        '<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/>'
        '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row><table:table-row>'
        '<table:table-cell table:number-columns-repeated="2" office:value-type="percentage" office:value="0.125">'
        "<office:annotation><text:p>remark</text:p></office:annotation><text:p>12,5<text:s/>%</text:p></table:table-cell>"
        '<table:table-cell office:value-type="string"><text:p>gull</text:p></table:table-cell></table:table-row>'
        '<table:table-row table:visibility="filter"><table:table-cell><text:p>petrel</text:p></table:table-cell>'
        '</table:table-row><table:table-row table:number-rows-repeated="1048571"><table:table-cell/></table:table-row>'
    )
    path = ods(tmp_path / "a.ods", rows)
    assert [note.text[:11] for note in reader.inspect(path).notes] == ["The hidden ", "Hidden rows"]
    [page] = read(reader, path, into)
    assert page.label == "sheet Tides, A4:B4"
    assert all_words([page])[-4:] == ["12,5", "%", "12,5", "%"]


def test_other_spreadsheets_are_read(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    cells = '<table:table-cell office:value-type="string"><text:p>tern</text:p></table:table-cell>'
    cells += '<table:table-cell office:value-type="float" office:value="17.5"><text:p>17.5</text:p></table:table-cell>'
    sheet = ods(tmp_path / "a.ods", f"<table:table-row>{cells}</table:table-row>")
    old = xls(tmp_path / "a.xls", [["tern", 17.5]])
    for path in (sheet, old):
        assert "“Secret”" in reader.inspect(path).notes[0].text
    for path in (sheet, old, xlsb(tmp_path / "a.xlsb", [["tern", 17.5]])):
        [page] = read(reader, path, into)
        assert (page.label, all_words([page])[-2:]) == ("sheet Tides, A1:B1", ["tern", "17.5"])


@pytest.mark.parametrize("write", [xls, xlsb])
def test_binary_spreadsheets_are_read_as_they_are_shown(
    reader: GuardedExtractor, tmp_path: Path, into: Path, write: Callable[..., Path]
) -> None:
    rows = [[0.051, "tern", 4], [1, 2, 3], ["petrel", 0.5, 0.25], [1.5, 7, "gull"]]
    path = write(tmp_path / "book", rows, Look("0.0%", rows=[2], columns=[1]))
    notes = [note.text for note in reader.inspect(path).notes if "“Secret”" not in note.text]
    assert [note[:39] for note in notes] == ["Hidden rows or columns of sheet “Tides”"]
    [page] = read(reader, path, into)
    assert all_words([page])[-6:] == ["5.1%", "400.0%", "100.0%", "300.0%", "150.0%", "gull"]


@pytest.mark.parametrize("write", [xls, xlsb])
@pytest.mark.parametrize(("from_1904", "day"), [(False, "2026-01-05"), (True, "2030-01-06")])
def test_dates_of_binary_spreadsheets_are_read_as_they_are_shown(
    reader: GuardedExtractor, tmp_path: Path, into: Path, write: Callable[..., Path], from_1904: bool, day: str
) -> None:
    path = write(tmp_path / "book", [["tern", 46027.0]], Look("yyyy-mm-dd", from_1904=from_1904))
    [page] = read(reader, path, into)
    assert all_words([page])[-2:] == ["tern", day]


@pytest.mark.parametrize("write", [xls, xlsb])
def test_note_says_that_links_of_binary_spreadsheets_are_not_read(
    reader: GuardedExtractor, tmp_path: Path, write: Callable[..., Path]
) -> None:
    [*_, note] = reader.inspect(write(tmp_path / "book", [["tern", 17.5]], Look(has_link=True))).notes
    assert note.lost
    assert "links" in note.text
    assert "as XLSX" in note.text


def test_note_says_what_is_not_known_of_a_damaged_binary_spreadsheet(reader: GuardedExtractor, tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", [["tern", 0.051]], Look("0.0%"))
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    part = "xl/worksheets/sheet1.bin"
    start = parts[part].index(b"\x00\x11")  # a row of 17 bytes
    parts[part] = parts[part][:start] + b"\x00\x04" + parts[part][start + 2 : start + 6] + parts[part][start + 19 :]
    cut = zipped(tmp_path / "cut.xlsb", parts)
    [note] = reader.inspect(cut).notes
    assert note.lost
    assert "hidden rows and columns" in note.text


BOMB = '<!DOCTYPE w [<!ENTITY a "x">' + "".join(
    f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 20}">' for at in range(9)
)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"sheet1": f"{BOMB}]>{sheet_xml([['x', 'tern']]).replace('>x<', '>&j;<')}"}, "damaged"),
        ({"sheet1": f'<!DOCTYPE w [<!ENTITY j SYSTEM "file:///etc/hostname">]>{sheet_xml([["tern"]])}'}, ""),
        ({"sheet1": "<a>" * 100_000}, "damaged"),
        ({"sheet1": sheet_xml([["tern"]])[:-40]}, "damaged"),
        ({"workbook": "<workbook/>"}, "no visible cells"),
        ({"sheet1": '<worksheet><sheetData><row r="x"/></sheetData></worksheet>'}, "damaged"),
        ({"styles": "<styleSheet>"}, "damaged"),
    ],
    ids=["entities", "external", "nested", "cut", "empty", "number", "styles"],
)
def test_hostile_workbook_is_read_without_its_tricks_or_refused(
    reader: GuardedExtractor, tmp_path: Path, into: Path, parts: dict[str, str], reason: str
) -> None:
    path = xlsx(tmp_path / "a", {"Q3": [["tern"]]}, **parts)
    if not reason:
        words = all_words(read(reader, path, into))
        assert (words[0], words[-1]) == ("Sheet", "tern")
        assert len(words) < 10
        return
    with pytest.raises(Unreadable, match=reason) as refused:
        reader.inspect(path)
    assert refused.value.hint.endswith(".")


def test_remote_cells_and_many_cells_are_limited(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    far = xlsx(tmp_path / "far", {"Q3": []}, sheet1=sheet_xml([]).replace("<sheetData>", f"<sheetData>{rows}"))
    assert [page.label for page in read(reader, far, into)] == ["sheet Q3, A1:XFD1048576"]
    many = tmp_path / "many.csv"
    many.write_text("Name,Count\n" + "".join(f"gull,{number}\n" for number in range(MAX_CELLS // 2 + 5)))
    workbook = read_csv(many)
    assert len(workbook.sheets[0].cells) == MAX_CELLS // 2
    assert "first 100,000 cells" in workbook.notes[0].text


def test_binary_sheet_with_remote_cells_is_refused(reader: GuardedExtractor, tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", [["tern"]])
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    row = struct.pack("<IIHHBI", 0, 0, 300, 0, 0, 0)
    assert row in parts["xl/worksheets/sheet1.bin"]
    cell = bytes([0x05, 16]) + struct.pack("<IId", 16_383, 0, 2.0)
    far = bytes([0x00, len(row)]) + struct.pack("<IIHHBI", 1_048_575, 0, 300, 0, 0, 0) + cell
    sheet = parts["xl/worksheets/sheet1.bin"]
    parts["xl/worksheets/sheet1.bin"] = sheet[:-6] + far + sheet[-6:]
    with pytest.raises(Unreadable) as refused:
        reader.inspect(zipped(tmp_path / "b.xlsb", parts))
    assert refused.value.hint.endswith(".")


@pytest.mark.parametrize("name", ["xl/worksheets/sheet9.xml", "xl/sharedStrings.xml"])
def test_workbook_that_unpacks_to_too_much_is_refused(reader: GuardedExtractor, tmp_path: Path, name: str) -> None:
    path = xlsx(tmp_path / "a", {"Q3": [["tern"]]})
    with ZipFile(path, "a", ZIP_DEFLATED) as archive:
        archive.writestr(name, bytes(11 << 20))
    with pytest.raises(Unreadable, match="the limits are 10 MB"):
        detect_media_type(path, ReadSettings(max_mb=1))
    data = bytearray(path.read_bytes())
    entry = data.rfind(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 1000)  # it says that it is small
    path.write_bytes(data)
    if name.endswith("Strings.xml"):
        with pytest.raises(Unreadable, match="damaged"):
            reader.inspect(path)
    else:  # no sheet refers to it
        assert reader.inspect(path).page_count == 1


def test_binary_workbook_that_makes_its_parser_panic_is_refused(reader: GuardedExtractor, tmp_path: Path) -> None:
    path = xlsb(tmp_path / "a.xlsb", [["tern"]])
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    names = parts["xl/workbook.bin"]
    length = names.index("r1".encode("utf-16-le")) - 4
    parts["xl/workbook.bin"] = names[:length] + struct.pack("<I", 300_000) + names[length + 4 :]
    with pytest.raises(Unreadable, match="The spreadsheet is damaged") as refused:
        reader.inspect(zipped(tmp_path / "b.xlsb", parts))
    assert refused.value.hint == "Save it again as XLSX."


def test_damaged_spreadsheets_are_refused_with_a_remedy(reader: GuardedExtractor, tmp_path: Path) -> None:
    whole = xlsx(tmp_path / "whole", {"Q3": [["tern"]]}).read_bytes()
    for number, data in enumerate([whole[: len(whole) // 2], whole.replace(b"PK\x01\x02", b"PK\x09\x09")]):
        path = tmp_path / f"damaged{number}"
        path.write_bytes(data)
        with pytest.raises(Unreadable) as refused:
            reader.inspect(path)
        assert refused.value.hint.endswith(".")


def test_hit_names_sheet_and_cells(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "Budget.xlsx", {"Q3 [draft]": [[None, "Item", "Cost"], [None, "Crane hoist", 1234]]})
    read_settings: dict[str, object] = {"workers": 1, "layout": False, "ocr": False}
    settings = Settings.model_validate({"data": tmp_path / "data", "answer": {"model": ""}, "read": read_settings})
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        assert [outcome.state for outcome in rag.index([path])] == ["new"]
        hit = rag.find("crane hoist", Scope.operator()).hits[0]
    assert hit.place == "Budget.xlsx, p. 1 (sheet Q3 (draft), B1:C2)"
    assert hit.region_label == "Budget.xlsx, table on p. 1 (sheet Q3 (draft), B1:C2)"
    assert "| Crane hoist | 1234 |" in hit.text


def test_cell_range_has_letters_and_numbers() -> None:
    assert cell_range(6, 1, 11, 3) == "B7:D12"
    assert cell_range(0, 25, 0, 16_383) == "Z1:XFD1"
