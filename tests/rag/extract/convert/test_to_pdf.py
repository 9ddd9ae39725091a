"""Texts and Markdown as pages."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pymupdf
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rag.errors import Unreadable
from rag.extract.convert.markdown import is_markdown, marked
from rag.extract.convert.plain_text import COLUMNS, LINES, decoded, wrapped
from rag.extract.convert.to_pdf import Converter
from rag.extract.file_types import MARKDOWN, TEXT, sniff
from rag.extract.guarded import GuardedReader
from rag.extract.pdf import PdfPages
from rag.model import BlockKind, Inspection, PageReading
from rag.settings import ReadSettings

NOTES = """# The gateway of the harbour

It was **moved** in spring; see [the plan](https://harbour.example/plan) and ![a red boat](file:///etc/hostname).
Raw <script>alert("x")</script> stays what it is.

## Ports

| Port | Use |
|-----:|:----|
| 4719 | gateway |
| 22 | ssh |

```python
def open_gate(port):
    return port + 1
```

- herons nest here
- terns do not
"""


def words_of(pages: list[PageReading]) -> list[str]:
    return [word.text for page in pages for block in page.blocks for line in block.lines for word in line.words]


def read(reader: GuardedReader, path: Path, into: Path) -> list[PageReading]:
    pages = reader.read(path, 1, reader.inspect(path).page_count, into)
    assert [page.error for page in pages] == [None] * len(pages)
    return pages


def test_a_text_is_pages_of_words_with_renders(ink_reader: GuardedReader, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "anything.bin"
    lines = [f"{number:03} the relay answered in {number * 7} ms" for number in range(1, 2 * LINES + 11)]
    path.write_text("\n".join(lines))
    assert ink_reader.inspect(path) == Inspection("text/plain", 3, None)
    pages = read(ink_reader, path, into)
    assert words_of(pages) == " ".join(lines).split()
    assert {page.text_source.value for page in pages} == {"layer"}
    for page in pages:
        with Image.open(into / (page.render or "")) as render:
            assert max(render.size) == 800
    # A range in the middle is what it was as part of the whole.
    assert ink_reader.read(path, 2, 2, into)[0].blocks == pages[1].blocks


def test_a_form_feed_begins_a_page_and_an_empty_one_counts(
    ink_reader: GuardedReader, tmp_path: Path, into: Path
) -> None:
    path = tmp_path / "printed.txt"
    path.write_bytes(b"first\r\n\fthird line\r\n\f\fsecond to last\n\flast\f\n")
    pages = read(ink_reader, path, into)
    assert [words_of([page]) for page in pages] == [
        ["first"],
        ["third", "line"],
        [],
        ["second", "to", "last"],
        ["last"],
    ]


def test_markdown_is_shown_as_it_is_meant(ink_reader: GuardedReader, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "notes"
    path.write_text(NOTES)
    assert ink_reader.inspect(path) == Inspection("text/markdown", 1, "The gateway of the harbour")
    [page] = read(ink_reader, path, into)
    kinds = {block.text: block.kind for block in page.blocks}
    assert kinds["The gateway of the harbour"] in (BlockKind.TITLE, BlockKind.HEADING)
    assert kinds["Ports"] is BlockKind.HEADING
    assert kinds["Port Use\n4719 gateway\n22 ssh"] is BlockKind.TABLE
    words = words_of([page])
    assert not {"#", "**moved**", "|", "```python"} & set(words)
    said = " ".join(words)
    assert "see the plan and a red boat." in said
    assert 'Raw <script>alert("x")</script> stays' in said
    assert "return port + 1" in said


def test_a_wide_table_makes_the_page_wide(ink_reader: GuardedReader, tmp_path: Path, into: Path) -> None:
    cells = [f"column{number:02}withoutend" for number in range(14)]
    path = tmp_path / "wide.md"
    path.write_text(f"# Table\n\n|{'|'.join(cells)}|\n|{'---|' * 14}\n|{'|'.join(cells).upper()}|\n")
    [page] = read(ink_reader, path, into)
    assert page.width > page.height
    assert {*cells, *(cell.upper() for cell in cells)} <= set(words_of([page]))


def test_long_markdown_loses_nothing_where_its_parts_meet(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    text = "# Long\n\n" + "".join(f"Paragraph number N{number}.\n\n" for number in range(1000))
    assert len(marked(text).parts) > 3
    path.write_text(text)
    words = words_of(direct(path, tmp_path, MARKDOWN))
    assert [word for word in words if word[1:-1].isdigit()] == [f"N{number}." for number in range(1000)]


def direct(path: Path, folder: Path, media_type: str) -> list[PageReading]:
    """Converted and read in this process."""
    chosen = ReadSettings(layout=False, ocr=False, render_px=400)
    made = Converter(pymupdf, chosen, folder).pdf(path, media_type, lambda: None)
    pages = PdfPages(pymupdf, chosen, None, None)
    with pages.opened(made, media_type, folder) as page:
        return [page(number) for number in range(1, pages.inspect(made, media_type).page_count + 1)]


ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCÄÖÜäöüßéèñçøåłžőığŒ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяЁЇҐ",
    "αβγδεζηθικλμνξοπρστυφχψωΆΈ",
    "中文港口潮汐燈塔閘門記錄零一二三",
    "あいうえおかがデタベスサバ",
    "항구등대갑문한국어조수",
    "0123456789",
    "😀🚀✅🔥👍🎉",
]
WORDS = st.one_of([st.text(alphabet, min_size=1, max_size=30) for alphabet in ALPHABETS])


# Few examples of many lines: a file costs a second, for the fonts of its alphabets, and a line in it nothing.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(WORDS, max_size=8), min_size=20, max_size=80), st.sampled_from([" ", "\t", "   "]))
@example([["あえがバササお", "x" * 38, "μηνδχτβλκδρι", "😀😀🎉😀🎉😀🔥", "✅😀👍"]], "   ")
def test_every_word_of_a_text_is_found_on_its_pages(tmp_path: Path, lines: list[list[str]], space: str) -> None:
    path = tmp_path / "any.txt"
    path.write_text("start\n" + "\n".join(space.join(line) for line in lines), encoding="utf-8")
    wanted = ["start", *(word for line in lines for word in line)]
    found = words_of(direct(path, tmp_path, TEXT))
    assert sorted(found) == sorted(unicodedata.normalize("NFC", word) for word in wanted)


@pytest.mark.parametrize(
    "text",
    [
        "مرحبا بكم في الميناء",
        "हिन्दी में हुआ पाठ",
        "ภาษาไทย",
        "𝒜 ≤ ∑ ∫",
        "┌──┐ █ ▓",
        "ﬁne ofﬁce",
        "データベース サーバー",
        "הנמל נפתח בבוקר",
    ],
    ids=["arabic", "hindi", "thai", "mathematics", "boxes", "ligatures", "kana", "hebrew"],
)
def test_letters_that_join_are_still_letters(tmp_path: Path, text: str) -> None:
    path = tmp_path / "joined.txt"
    path.write_text(f"words: {text}", encoding="utf-8")
    found = words_of(direct(path, tmp_path, TEXT))
    assert found == ["words:", *text.replace("ﬁ", "fi").split()]


def test_a_long_line_is_wrapped_and_a_long_word_cut_behind_a_sign() -> None:
    assert wrapped("short", 20) == ["short"]
    assert wrapped("    four words in all, and indented", 20) == ["    four words in", "all, and indented"]
    assert wrapped("see https://example.org/one/two/three/four", 20) == [
        "see",
        "https://example.org/",
        "one/two/three/four",
    ]
    assert wrapped("x" * 45, 20) == ["x" * 20, "x" * 20, "x" * 5]
    assert wrapped("潮" * 15, 20) == ["潮" * 10, "潮" * 5]
    assert wrapped("", 20) == [""]


@given(st.text(alphabet="ab /.潮\u0301é", max_size=300))
def test_wrapping_loses_nothing_but_spaces(line: str) -> None:
    pieces = wrapped(line, COLUMNS)
    assert "".join("".join(pieces).split()) == "".join(line.split())
    assert all(len(piece) <= COLUMNS * 2 for piece in pieces)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Größe in µm".encode(), "Größe in µm"),
        ("\ufeffGröße".encode(), "Größe"),
        ("Größe".encode("utf-16"), "Größe"),
        (b"\xfe\xff" + "Größe".encode("utf-16-be"), "Größe"),
        ("Größe – „zehn“ €".encode("cp1252"), "Größe – „zehn“ €"),
        ("ein Wörterbuch, schöne Größen und Öfen".encode()[:-1] + b"\xc3", None),
        (bytes(range(256)), None),
        (b"\x01\x02\x03\x04words", None),
        ("Größe".encode("utf-16-le"), None),
        (b"\x81\x8d\x8f", None),
    ],
)
def test_bytes_are_a_text_or_not(data: bytes, text: str | None) -> None:
    if text is None and data.endswith(b"\xc3"):  # one torn letter: read as cp1252, nothing is lost
        assert "Wörterbuch" not in (decoded(data) or "")
        assert "buch" in (decoded(data) or "")
    else:
        assert decoded(data) == text


def test_a_torn_letter_does_not_spoil_a_text() -> None:
    data = ("Grüße aus dem Häfen. " * 30).encode() + b"\xff end"
    assert decoded(data) == "Grüße aus dem Häfen. " * 30 + "\ufffd end"
    cut = "schöne Grüße".encode()[:-2]
    assert decoded(cut, whole=False) == "schöne Gr" or "schöne Grü" in (decoded(cut, whole=False) or "")


def test_an_unknown_encoding_is_said_to_be_one(ink_reader: GuardedReader, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Шлюз открывается по утрам, маяк светит зелёным огнём до рассвета.".encode("cp1251"))
    with pytest.raises(Unreadable, match="encoding") as refused:
        ink_reader.inspect(path)
    assert refused.value.hint == "Save it as UTF-8."


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\n\n# Start the gateway\n\n- not a list\n",
        "# settings of the gateway\nport: 4719\nname: tern\nhosts:\n  - one\n  - two\n",
        "import sys\n\n# Reads the tide\n\ndef read(path):\n    return open(path)\n\nclass Tide:\n    pass\n\n- a\n",
        "2026-11-01 INFO [main](pool-1) started\n2026-11-01 WARN **slow**\n",
        "Dear all,\n\nthe minutes:\n\n- one\n- two\n\nYours\n",
        "#include <stdio.h>\n\nint main(void) {\n  return 0;\n}\n",
        "a | b\n1 | 2\n",
        "",
    ],
)
def test_what_only_looks_like_markdown_is_left_as_it_is(text: str) -> None:
    assert not is_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        NOTES,
        "# Minutes\n\nWho was there:\n\n- Ada\n- Ben\n",
        "Minutes\n=======\n\nSee [the plan](plan.md).\n",
        "## What is new\n\n**Faster** sweeps.\n\n## What is gone\n\nNothing.\n",
        "Run this:\n\n```sh\nmake demo\n```\n\n1. wait\n2. look\n",
    ],
)
def test_markdown_is_known_by_its_signs(text: str) -> None:
    assert is_markdown(text)


@pytest.mark.parametrize(
    "piece", ["```x\n", "a|b", "[a](http:", "**a", "- a\n", "\n\n- a\nb\n", "a.b-", "|-", "<!-- -->", "[", "\n \n# a"]
)
def test_looking_at_a_hostile_text_takes_no_time(tmp_path: Path, piece: str) -> None:
    path = tmp_path / "hostile"
    path.write_text(piece * ((1 << 16) // len(piece)))
    before = time.thread_time()
    assert sniff(path, ReadSettings()) in (TEXT, MARKDOWN)
    assert time.thread_time() - before < 3


def test_settings_before_markdown_are_shown_as_they_are() -> None:
    shown = marked("---\ntitle: x\ndraft: true\n---\n\n# Real *title* of `it`\n\nWords.\n")
    assert shown.title == "Real title of it"
    assert "<pre>\ntitle: x\ndraft: true</pre>" in "".join(shown.parts)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html>\n<html><body>Hello</body></html>", "saved web page"),
        (b"\xef\xbb\xbf  <!-- saved from url -->\n<HTML lang=en>", "saved web page"),
        (b" \n\t\r\n", "no words"),
        (b"words\n" * 50_000 + b"\0\1\2" * 100, "goes on as something else"),
        (b"\x7fELF\x02\x01\x01\0", "neither a PDF nor"),
    ],
)
def test_refused_in_a_sentence(ink_reader: GuardedReader, tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=said) as refused:
        ink_reader.inspect(path)
    assert refused.value.hint.endswith(".")


def test_a_text_of_too_many_pages_is_refused(tmp_path: Path) -> None:
    reader = GuardedReader(ReadSettings(max_pages=2, layout=False, ocr=False), None)
    path = tmp_path / "log.txt"
    path.write_text("one line\n" * (2 * LINES + 1))
    try:
        with pytest.raises(Unreadable, match="more than 2 pages"):
            reader.inspect(path)
        path.write_text("x" * (2 * LINES * COLUMNS + 1))
        with pytest.raises(Unreadable, match="more than 2 pages"):
            reader.inspect(path)
        path.write_text("one line\n" * (2 * LINES - 1))
        assert reader.inspect(path).page_count == 2
    finally:
        reader.close()


def test_a_text_that_speaks_of_pdf_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "about"
    path.write_text("A PDF begins with %PDF-1.7, and GIF89a begins others.")
    assert sniff(path, ReadSettings()) == TEXT
    path.write_text("BMW drivers, unite")
    assert sniff(path, ReadSettings()) == TEXT
