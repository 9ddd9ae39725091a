"""Tests of CSV and TSV files: quotes that are part of the text, and cells that are too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.extract.convert.other_sheets import find_delimiter, read_csv
from rag.extract.convert.sheets import MAX_CELL_CHARS


def rows_of(path: Path, text: str) -> list[list[str]]:
    path.write_bytes(text.encode())
    cells = read_csv(path).sheets[0].cells
    return [list(cells[row].values()) for row in sorted(cells)]


def table(rows: dict[int, str], delimiter: str) -> str:
    lines = [delimiter.join((str(at), f"crane {at}", "quay")) for at in range(300)]
    for at, line in rows.items():
        lines[at] = line
    return "\n".join([delimiter.join(("No", "Item", "Place")), *lines]) + "\n"


@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
@pytest.mark.parametrize(
    "broken",
    [
        {250: '250|"19 inch rack|quay'},
        {250: '250|"19 inch rack|quay', 260: '260|cable 5"|quay'},
        {250: '250|"19 inch rack|quay', 251: '251|"21 inch rack|quay', 252: '252|"23 inch rack|quay'},
        {250: '250|rack|"quay'},
        {250: '"250|rack|quay', 270: '270|"steel"|quay'},
        {250: '250|"19 inch rack|quay', 299: "299|the last of them"},
    ],
    ids=["one", "closed later", "several", "last field", "first field", "short last line"],
)
def test_quote_without_its_end_is_a_sign_of_the_text(tmp_path: Path, delimiter: str, broken: dict[int, str]) -> None:
    broken = {at: line.replace("|", delimiter) for at, line in broken.items()}
    rows = rows_of(tmp_path / "a.csv", table(broken, delimiter))
    assert len(rows) == 301
    assert [cell.strip('"') for cell in rows[251]] == broken[250].replace('"', "").split(delimiter)
    assert rows[281] == ["280", "crane 280", "quay"]


def test_cells_of_several_lines_are_whole(tmp_path: Path) -> None:
    note = "check the hoist,\nthen the rope;\r\n\n1,crane 1,quay\nand the brake"
    text = table({10: '10,"' + note.replace('"', '""') + '",quay', 20: '20,"one, two","three\n"'}, ",")
    rows = rows_of(tmp_path / "a.csv", text)
    assert len(rows) == 301
    assert rows[11][1].split() == note.split()
    assert rows[21] == ["20", "one, two", "three"]


def test_last_cell_of_several_lines_is_whole(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", table({299: '299,crane,"on\nthe\nquay"'}, ",").rstrip("\n"))
    assert rows[-1] == ["299", "crane", "on the quay"]


def test_cell_that_is_too_long_is_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table({250: "250," + "gull " * (MAX_CELL_CHARS // 5) + "petrel,quay"}, ","))
    [note] = read_csv(path).notes
    assert note.lost
    assert "first 32,767 characters" in note.text
    path.write_text(table({250: "250," + "gull " * 6_000 + "petrel,quay"}, ","))
    workbook = read_csv(path)
    assert workbook.notes == ()
    assert workbook.sheets[0].cells[251][1].endswith("petrel")


def test_many_quotes_without_an_end_take_linear_time(tmp_path: Path) -> None:
    lines = [f'"{at}","crane' for at in range(20_000)]
    assert rows_of(tmp_path / "a.csv", "\n".join(lines)) == [[str(at), "crane"] for at in range(20_000)]


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_table_with_a_quote_without_its_end_is_recognized(delimiter: str) -> None:
    assert find_delimiter(table({20: '20|"19 inch rack|quay'.replace("|", delimiter)}, delimiter)) == delimiter
