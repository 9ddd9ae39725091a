"""Tests of texts and Markdown."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from pathlib import Path

import pymupdf
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from rag.errors import Unreadable
from rag.extract.convert.markdown import is_markdown, render_markdown
from rag.extract.convert.plain_text import COLUMNS, LINES, wrap_line
from rag.extract.convert.to_pdf import PdfConverter
from rag.extract.file_types import MARKDOWN, TEXT, detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.extract.pdf import PdfExtractor
from rag.model.extraction import BlockKind, ExtractedPage, Inspection
from rag.setting_groups import ReadSettings

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


def words_of(pages: list[ExtractedPage]) -> list[str]:
    return [word.text for page in pages for block in page.blocks for line in block.lines for word in line.words]


def read(extractor: GuardedExtractor, path: Path, into: Path) -> list[ExtractedPage]:
    pages = extractor.extract(path, 1, extractor.inspect(path).page_count, into)
    assert [page.error for page in pages] == [None] * len(pages)
    return pages


def test_addresses_of_links_are_printed_after_their_words() -> None:
    text = (
        "[a *b*](https://a.example/c%20d) [pier](mailto:ulf@pier.example) [file](plan.md) <https://e.example> "
        "[https://f.example](https://f.example) [x](javascript:alert(1)) [y](https://a.example/<b>)"
    )
    [part] = render_markdown(text).parts
    assert part == (
        "<p>a <em>b</em> (https://a.example/c%20d) pier (ulf@pier.example) file https://e.example https://f.example x "
        "y (https://a.example/&lt;b&gt;)</p>\n"
    )


def test_text_becomes_pages_with_words_and_pictures(
    ink_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    path = tmp_path / "anything.bin"
    lines = [f"{number:03} the relay answered in {number * 7} ms" for number in range(1, 2 * LINES + 11)]
    path.write_text("\n".join(lines))
    assert ink_extractor.inspect(path) == Inspection("text/plain", 3, None)
    pages = read(ink_extractor, path, into)
    assert words_of(pages) == " ".join(lines).split()
    assert {page.text_source.value for page in pages} == {"layer"}
    for page in pages:
        with Image.open(into / (page.render or "")) as render:
            assert max(render.size) == 800
    # Extracting a range gives the same page as extracting all pages.
    assert ink_extractor.extract(path, 2, 2, into)[0].blocks == pages[1].blocks


def test_form_feed_starts_a_page_that_may_be_empty(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "printed.txt"
    path.write_bytes(b"first\r\n\fthird line\r\n\f\fsecond to last\n\flast\f\n")
    pages = read(ink_extractor, path, into)
    assert [words_of([page]) for page in pages] == [
        ["first"],
        ["third", "line"],
        [],
        ["second", "to", "last"],
        ["last"],
    ]


def test_markdown_is_rendered(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "notes"
    path.write_text(NOTES)
    assert ink_extractor.inspect(path) == Inspection("text/markdown", 1, "The gateway of the harbour")
    [page] = read(ink_extractor, path, into)
    kinds = {block.text: block.kind for block in page.blocks}
    assert kinds["The gateway of the harbour"] in (BlockKind.TITLE, BlockKind.HEADING)
    assert kinds["Ports"] is BlockKind.HEADING
    assert kinds["Port Use\n4719 gateway\n22 ssh"] is BlockKind.TABLE
    words = words_of([page])
    assert not {"#", "**moved**", "|", "```python"} & set(words)
    output = " ".join(words)
    assert "see the plan (https://harbour.example/plan) and a red boat." in output
    assert 'Raw <script>alert("x")</script> stays' in output
    assert "return port + 1" in output


def test_wide_table_makes_the_page_wider(ink_extractor: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    cells = [f"column{number:02}withoutend" for number in range(14)]
    path = tmp_path / "wide.md"
    path.write_text(f"# Table\n\n|{'|'.join(cells)}|\n|{'---|' * 14}\n|{'|'.join(cells).upper()}|\n")
    [page] = read(ink_extractor, path, into)
    assert page.width > page.height
    assert {*cells, *(cell.upper() for cell in cells)} <= set(words_of([page]))


def test_long_markdown_keeps_everything_between_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "long.md"
    text = "# Long\n\n" + "".join(f"Paragraph number N{number}.\n\n" for number in range(1000))
    assert len(render_markdown(text).parts) > 3
    path.write_text(text)
    words = words_of(extract_directly(path, tmp_path, MARKDOWN))
    assert [word for word in words if word[1:-1].isdigit()] == [f"N{number}." for number in range(1000)]


def extract_directly(path: Path, folder: Path, media_type: str) -> list[ExtractedPage]:
    """Convert and extract the file in this process."""
    read_settings = ReadSettings(layout=False, ocr=False, render_px=400)
    converted = PdfConverter(pymupdf, read_settings, folder).to_pdf(path, media_type, lambda: None).path
    pages = PdfExtractor(pymupdf, read_settings, None, None)
    with pages.open_pages(converted, media_type, folder) as extract:
        return [extract(number) for number in range(1, pages.inspect(converted, media_type).page_count + 1)]


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


# Few examples with many lines: a file takes a second because of its fonts, additional lines take no time.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(WORDS, max_size=8), min_size=20, max_size=80), st.sampled_from([" ", "\t", "   "]))
@example([["A", "A", "A", "A"], ["S", "a", "l", "e"]] * 10, " ")
@example([["あえがバササお", "x" * 38, "μηνδχτβλκδρι", "😀😀🎉😀🎉😀🔥", "✅😀👍"]], "   ")
def test_every_word_of_a_text_is_on_its_pages(tmp_path: Path, lines: list[list[str]], space: str) -> None:
    path = tmp_path / "any.txt"
    path.write_text("start\n" + "\n".join(space.join(line) for line in lines), encoding="utf-8")
    expected = ["start", *(word for line in lines for word in line)]
    found = Counter(words_of(extract_directly(path, tmp_path, TEXT)))
    wanted = Counter(unicodedata.normalize("NFC", word) for word in expected)
    # Single letters in a row may form a letterspaced word, "S a l e".
    assert not Counter({word: count for word, count in wanted.items() if len(word) > 1}) - found
    assert Counter("".join(found.elements())) == Counter("".join(wanted.elements()))


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
def test_joined_letters_are_extracted_as_typed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "joined.txt"
    path.write_text(f"words: {text}", encoding="utf-8")
    found = words_of(extract_directly(path, tmp_path, TEXT))
    found.remove("words:")  # in a line that reads from right to left, what stands at the left is last
    assert found == text.replace("ﬁ", "fi").split()


def test_wrap_line_breaks_between_words_and_after_signs() -> None:
    assert wrap_line("short", 20) == ["short"]
    assert wrap_line("    four words in all, and indented", 20) == ["    four words in", "all, and indented"]
    assert wrap_line("see https://example.org/one/two/three/four", 20) == [
        "see",
        "https://example.org/",
        "one/two/three/four",
    ]
    assert wrap_line("x" * 45, 20) == ["x" * 20, "x" * 20, "x" * 5]
    assert wrap_line("潮" * 15, 20) == ["潮" * 10, "潮" * 5]
    assert wrap_line("", 20) == [""]


@given(st.text(alphabet="ab /.潮\u0301é", max_size=300))
def test_wrap_line_loses_only_spaces(line: str) -> None:
    pieces = wrap_line(line, COLUMNS)
    assert "".join("".join(pieces).split()) == "".join(line.split())
    assert all(len(piece) <= COLUMNS * 2 for piece in pieces)


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
def test_is_markdown_rejects_similar_texts(text: str) -> None:
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
def test_is_markdown_detects_markdown(text: str) -> None:
    assert is_markdown(text)


@pytest.mark.parametrize(
    "piece", ["```x\n", "a|b", "[a](http:", "**a", "- a\n", "\n\n- a\nb\n", "a.b-", "|-", "<!-- -->", "[", "\n \n# a"]
)
def test_detecting_the_type_of_hostile_text_is_fast(tmp_path: Path, piece: str) -> None:
    path = tmp_path / "hostile"
    path.write_text(piece * ((1 << 16) // len(piece)))
    before = time.thread_time()
    assert detect_media_type(path, ReadSettings()) in (TEXT, MARKDOWN)
    assert time.thread_time() - before < 3


def test_front_matter_is_rendered_as_code() -> None:
    shown = render_markdown("---\ntitle: x\ndraft: true\n---\n\n# Real *title* of `it`\n\nWords.\n")
    assert shown.title == "Real title of it"
    assert "<pre>\ntitle: x\ndraft: true</pre>" in "".join(shown.parts)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" \n\t\r\n", "text is blank"),
        (b"words\n" * 50_000 + b"\0\1\2" * 10_000, "Only the beginning"),
        (b"\x7fELF\x02\x01\x01\0", "type isn't supported"),
    ],
)
def test_refuses_unsupported_texts_with_reason_and_remedy(
    ink_extractor: GuardedExtractor, tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    with pytest.raises(Unreadable, match=reason) as refused:
        ink_extractor.inspect(path)
    assert refused.value.hint.endswith(".")


@pytest.mark.parametrize("line", ["one line of the log", "x" * COLUMNS], ids=["short", "long"])
def test_newest_part_of_a_long_text_is_read_and_the_rest_is_mentioned(tmp_path: Path, into: Path, line: str) -> None:
    extractor = GuardedExtractor(ReadSettings(max_pages=2, layout=False, ocr=False, render_px=400), None)
    path = tmp_path / "gateway.log"
    path.write_text(f"{line}\n" * (20 * LINES) + "the tern has landed\n")
    try:
        [note] = extractor.inspect(path).notes
        assert note.lost
        assert "newest 2 pages" in note.text
        assert words_of(read(extractor, path, into))[-4:] == ["the", "tern", "has", "landed"]
        path.write_text(f"{line}\n" * (2 * LINES - 1))
        assert extractor.inspect(path) == Inspection("text/plain", 2, None)
    finally:
        extractor.close()


def test_text_that_mentions_file_signatures_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "about"
    path.write_text("A PDF begins with %PDF-1.7, and GIF89a begins others.")
    assert detect_media_type(path, ReadSettings()) == TEXT
    path.write_text("BMW drivers, unite")
    assert detect_media_type(path, ReadSettings()) == TEXT
