"""Chunks contain every word of a page, twice in the overlap, and never cross a page."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.catalog.headings import HEADING_SEPARATOR
from rag.ingest.chunking import OVERLAP, chunk_pages
from rag.ingest.earlier_pages import EarlierPages
from rag.ingest.markdown_rows import table_as_line, text_lines
from rag.ingest.picture_chunks import MAX_TOKENS
from rag.model.extraction import Block, BlockKind, Box, ExtractedPage, Kind, Line, NewChunk, TextSource, Word
from rag.text import estimate_tokens

BOX = Box(0.1, 0.1, 0.9, 0.2)
WORDS = st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=30)
LINES = st.lists(WORDS, min_size=1, max_size=40)
BLOCKS = st.lists(
    st.tuples(st.sampled_from([BlockKind.TEXT, BlockKind.LIST, BlockKind.HEADING]), st.lists(LINES, max_size=12)),
    max_size=12,
)


def line(text: str, box: Box = BOX) -> Line:
    return Line(tuple(Word(word, box) for word in text.split()), box)


def block(kind: BlockKind, text: str, box: Box = BOX) -> Block:
    return Block(kind, box, tuple(line(row, box) for row in text.splitlines()))


def page(*blocks: Block, number: int = 1) -> ExtractedPage:
    return ExtractedPage(number, None, 600, 800, TextSource.LAYER, blocks, f"p{number:04d}.jpg")


@given(BLOCKS)
def test_chunks_keep_every_word_in_order_and_stay_small_enough(drawn: list[tuple[BlockKind, list[list[str]]]]) -> None:
    blocks = [
        Block(kind, BOX, tuple(Line(tuple(Word(word, BOX) for word in words), BOX) for words in lines))
        for kind, lines in drawn
    ]
    words = [word for _, lines in drawn for row in lines for word in row]
    chunks = [chunk for chunk in chunk_pages([page(*blocks)])[0] if chunk.kind is Kind.TEXT]
    for chunk in chunks:
        assert estimate_tokens(chunk.text) <= MAX_TOKENS
    seen = " ".join(chunk.text for chunk in chunks).split()
    position = 0
    for word in words:  # a subsequence: the overlap only repeats words
        position = seen.index(word, position) + 1
    assert len(seen) >= len(words)


def test_chunk_starts_with_the_last_lines_of_the_previous_one() -> None:
    rows = "\n".join(f"row {number} of many words about gateways and ports" for number in range(120))
    first, second, *_ = chunk_pages([page(block(BlockKind.TEXT, rows))])[0]
    repeated = set(first.text.splitlines()) & set(second.text.splitlines())
    assert 0 < sum(estimate_tokens(row) for row in repeated) <= OVERLAP


def test_chunks_stay_within_a_page_and_each_page_has_a_picture_chunk() -> None:
    pages = [page(block(BlockKind.TEXT, f"only page {number}"), number=number) for number in (1, 2, 3)]
    chunks, _ = chunk_pages(pages)
    assert [(chunk.page, chunk.kind) for chunk in chunks] == [
        (number, kind) for number in (1, 2, 3) for kind in (Kind.TEXT, Kind.PAGE)
    ]


def test_heading_path_continues_on_the_next_page() -> None:
    first = page(block(BlockKind.TITLE, "Handbook"), block(BlockKind.HEADING, "Ports"), block(BlockKind.TEXT, "a b"))
    second = page(block(BlockKind.TEXT, "more of it"), block(BlockKind.HEADING, "Keys"), number=2)
    chunks, path = chunk_pages([first, second])
    text = [chunk for chunk in chunks if chunk.kind is Kind.TEXT]
    assert text[1].heading == f"Handbook{HEADING_SEPARATOR}Ports"
    assert path == f"Handbook{HEADING_SEPARATOR}Keys"
    again, _ = chunk_pages([page(block(BlockKind.TEXT, "resumed"), number=3)], path)
    assert again[0].heading == path


TOP, BOTTOM = Box(0.1, 0.03, 0.9, 0.05), Box(0.1, 0.95, 0.9, 0.97)


def texts(chunks: list[NewChunk]) -> list[tuple[int, str]]:
    return [(chunk.page, chunk.text) for chunk in chunks if chunk.kind is Kind.TEXT]


def test_headers_and_footers_are_chunks_with_their_own_region() -> None:
    iban = block(BlockKind.FOOTER, "IBAN DE02 1203 0000", BOTTOM)
    title = block(BlockKind.TITLE, "Invoice 12", Box(0.1, 0.3, 0.9, 0.33))
    body = block(BlockKind.TEXT, "body", Box(0.1, 0.4, 0.9, 0.43))
    chunks, _ = chunk_pages([page(block(BlockKind.HEADER, "Nordwind Seile", TOP), title, body, iban)])
    assert texts(chunks) == [(1, "Invoice 12\nbody"), (1, "Nordwind Seile"), (1, "IBAN DE02 1203 0000")]
    assert [chunk.box for chunk in chunks[1:3]] == [TOP, BOTTOM]
    assert [chunk.heading for chunk in chunks[:3]] == ["Invoice 12", "", ""]


def running(number: int, header: str, footer: str, kind: BlockKind | None = None) -> ExtractedPage:
    return page(
        block(kind or BlockKind.HEADER, header, TOP),
        block(BlockKind.TEXT, f"body of {number}"),
        block(kind or BlockKind.FOOTER, footer, BOTTOM),
        number=number,
    )


@pytest.mark.parametrize("kind", [None, BlockKind.TEXT, BlockKind.LIST])
def test_repeated_lines_are_indexed_on_the_first_page_only(kind: BlockKind | None) -> None:
    pages = [running(number, "Port handbook 2026", "For members only", kind=kind) for number in (1, 2, 3)]
    words = " ".join(text for _, text in texts(chunk_pages(pages)[0])).split()
    assert (words.count("handbook"), words.count("members"), words.count("body")) == (1, 1, 3)
    assert texts(chunk_pages(pages)[0])[-2:] == [(2, "body of 2"), (3, "body of 3")]


def test_repeated_line_is_indexed_again_where_it_changes_more_than_numbers() -> None:
    pages = [
        running(1, "Port handbook, part A", "Page 1 of 3"),
        running(2, "Port handbook, part A", "Page 2 of 3"),
        running(3, "Port handbook, part B", "Page 3 of 3"),
    ]
    assert texts(chunk_pages(pages)[0]) == [
        (1, "body of 1"),
        (1, "Port handbook, part A"),
        (1, "Page 1 of 3"),
        (2, "body of 2\n2"),
        (3, "body of 3\n3"),
        (3, "Port handbook, part B"),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Total due 120.00", "Total due 360.00"),
        ("Invoice 1001", "Invoice 1002"),
        ("Due 05.01.2026", "Due 06.01.2026"),
        ("Form QA-7 of 2025", "Form QA-7 of 2026"),
    ],
)
def test_repeated_line_with_another_number_than_that_of_its_page_is_indexed_completely(first: str, second: str) -> None:
    pages = [running(1, "Nordwind Seile", first), running(2, "Nordwind Seile", second)]
    assert (2, second) in texts(chunk_pages(pages)[0])


@pytest.mark.parametrize(
    ("first", "third"), [("Page 1 of 12", "Page 3 of 12"), ("Handbook xi", "Handbook xiii"), ("A 1/9 B", "A 3/9 B")]
)
def test_repeated_line_is_indexed_once_if_its_page_number_counts_the_pages(first: str, third: str) -> None:
    chunks, _ = chunk_pages([running(1, "Nordwind Seile", first), running(3, "Nordwind Seile", third)])
    number = next(word for word, other in zip(third.split(), first.split(), strict=True) if word != other)
    assert texts(chunks)[-1] == (3, f"body of 3\n{number}")


def test_page_number_of_the_printed_label_is_one() -> None:
    first, second = (replace(running(n, "Vol. 12", f"{n + 340} Ropes"), label=str(n + 340)) for n in (1, 2))
    assert texts(chunk_pages([first, second])[0])[-1] == (2, "body of 2\n342")
    unlabeled = [replace(one, label=None) for one in (first, second)]
    assert texts(chunk_pages(unlabeled)[0])[-1] == (2, "342 Ropes")


def test_text_in_a_margin_that_differs_in_numbers_is_indexed_on_each_page() -> None:
    pages = [running(number, f"Step {number}", "For members only", kind=BlockKind.TEXT) for number in (1, 2)]
    assert texts(chunk_pages(pages)[0]) == [(1, "Step 1\nbody of 1\nFor members only"), (2, "Step 2\nbody of 2")]


def test_page_keeps_its_only_text_though_an_earlier_page_has_it() -> None:
    pages = [page(block(BlockKind.TEXT, "Port plans", TOP), number=number) for number in (1, 2)]
    assert texts(chunk_pages(pages)[0]) == [(1, "Port plans"), (2, "Port plans")]


def test_repeated_line_is_indexed_again_at_another_place() -> None:
    first, second = (page(block(BlockKind.HEADER, "Left", Box(x, 0.03, x + 0.1, 0.05)), number=n) for n, x in PLACES)
    assert texts(chunk_pages([first, second])[0]) == [(1, "Left"), (2, "Left")]


PLACES = ((1, 0.1), (2, 0.8))


def test_page_number_belongs_to_the_nearest_text_and_is_no_chunk_of_its_own() -> None:
    body = block(BlockKind.TEXT, "body", Box(0.1, 0.4, 0.9, 0.43))
    [chunk, _] = chunk_pages([page(body, block(BlockKind.FOOTER, "iv", BOTTOM))])[0]
    assert (chunk.text, chunk.box) == ("body\niv", Box(0.1, 0.4, 0.9, 0.97))


def test_last_line_of_a_paragraph_stays_in_it_when_it_is_taken_for_a_footer() -> None:
    lines = [Box(0.1, y, 0.9, y + 0.02) for y in (0.88, 0.905, 0.93)]
    body = Block(BlockKind.TEXT, lines[0].union(lines[1]), (line("The gate", lines[0]), line("opens at", lines[1])))
    chunks, _ = chunk_pages([page(body, block(BlockKind.FOOTER, "dawn.", lines[2]))])
    assert texts(chunks) == [(1, "The gate\nopens at\ndawn.")]


def test_repeated_table_in_the_header_is_indexed_once() -> None:
    box = Box(0.1, 0.02, 0.9, 0.12)
    words = tuple(Word(word, Box(x, 0.03, x + 0.05, 0.05)) for word, x in (("Form", 0.2), ("QA-7", 0.6)))
    form = Block(BlockKind.TABLE, box, (Line(words, Box(0.2, 0.03, 0.65, 0.05)),), None, (0.1,), (0.4,))
    pages = [page(form, block(BlockKind.TEXT, f"body {number}"), number=number) for number in (1, 2)]
    found = [(chunk.page, chunk.kind) for chunk in chunk_pages(pages)[0] if chunk.text]
    assert found == [(1, Kind.TEXT), (1, Kind.TABLE), (2, Kind.TEXT)]


@pytest.mark.parametrize("y", [0.03, 0.85])
def test_table_in_a_margin_keeps_its_labels_where_its_numbers_differ(y: float) -> None:
    def totals(*amounts: str) -> Block:
        rows = [
            tuple(Word(word, Box(x, y + step, x + 0.1, y + step + 0.02)) for word, x in ((label, 0.2), (amount, 0.6)))
            for label, amount, step in zip(("VAT", "Total"), amounts, (0.0, 0.03), strict=True)
        ]
        lines = tuple(Line(words, words[0].box.union(words[1].box)) for words in rows)
        return Block(BlockKind.TABLE, Box(0.1, y, 0.9, y + 0.05), lines, None, (y + 0.025,), (0.4,))

    first = page(block(BlockKind.TEXT, "for Acme", CELLS), totals("20.00", "120.00"))
    second = page(block(BlockKind.TEXT, "for Globex", CELLS), totals("60.00", "360.00"), number=2)
    assert tables(first, second)[1].text == "| VAT | 60.00 |\n| --- | --- |\n| Total | 360.00 |"


def test_large_heading_that_repeats_starts_each_page() -> None:
    large, body = TOP._replace(y1=0.09), Box(0.1, 0.4, 0.9, 0.42)
    pages = [
        page(block(BlockKind.HEADING, "Prices", large), block(BlockKind.TEXT, f"rope {n}", body), number=n)
        for n in (1, 2)
    ]
    assert texts(chunk_pages(pages)[0]) == [(1, "Prices\nrope 1"), (2, "Prices\nrope 2")]


def test_header_that_is_taken_for_a_heading_is_indexed_once_and_does_not_end_the_section() -> None:
    section, body = block(BlockKind.HEADING, "Keys", Box(0.1, 0.3, 0.9, 0.32)), Box(0.1, 0.4, 0.9, 0.42)
    pages = [
        page(block(BlockKind.HEADING, "Port handbook", TOP), section, block(BlockKind.TEXT, "rope 1", body)),
        page(block(BlockKind.HEADING, "Port handbook", TOP), block(BlockKind.TEXT, "rope 2", body), number=2),
    ]
    chunks, heading = chunk_pages(pages)
    assert texts(chunks) == [(1, "Port handbook\nKeys\nrope 1"), (2, "rope 2")]
    assert heading.endswith("Keys")


@given(st.integers(1, 5), st.booleans())
def test_resumed_document_has_the_chunks_of_one_that_was_not_interrupted(at: int, is_header: bool) -> None:
    kind = BlockKind.HEADER if is_header else BlockKind.TEXT
    pages = [running(n, f"Handbook {n}", ["Odd", "Even"][n % 2], kind=kind) for n in range(1, 7)]
    tabular = [replace(one, blocks=(*one.blocks, priced(n))) for n, one in enumerate(pages, 1)]
    whole, _ = chunk_pages(tabular)
    before, path = chunk_pages(tabular[:at])
    stored = [replace(chunk, box=rounded(chunk.box)) for chunk in before]
    after, _ = chunk_pages(tabular[at:], path, EarlierPages(stored))
    assert before + after == whole


def rounded(box: Box) -> Box:
    return Box(*(round(value, 4) for value in box))


def test_keeps_the_header_of_a_page_without_other_words() -> None:
    chunks, _ = chunk_pages([page(block(BlockKind.HEADER, "Port plans"), block(BlockKind.FOOTER, "2026"))])
    assert chunks[0].text == "Port plans\n2026"


def test_figure_takes_the_nearest_caption_below_or_above_it() -> None:
    figure = Block(BlockKind.FIGURE, Box(0.1, 0.1, 0.5, 0.4), (), "p0001-1.jpg")
    near = block(BlockKind.CAPTION, "Figure 1 The port", Box(0.1, 0.41, 0.5, 0.43))
    beside = block(BlockKind.CAPTION, "Figure 2 Elsewhere", Box(0.6, 0.41, 0.9, 0.43))
    made = [chunk for chunk in chunk_pages([page(figure, beside, near)])[0] if chunk.kind is Kind.FIGURE]
    assert [(chunk.caption, chunk.picture) for chunk in made] == [("Figure 1 The port", "p0001-1.jpg")]


CELLS = Box(0.1, 0.2, 0.9, 0.5)


def table(*rows: str, columns: tuple[float, ...] = (0.4,)) -> Block:
    """Return a table with two columns, at 0.2 and 0.6 of the width; a bar separates the cells of a row."""
    lines = []
    for number, row in enumerate(rows):
        y = 0.21 + 0.1 * number
        cells = [(word, x) for x, cell in zip((0.2, 0.6), row.split("|"), strict=False) for word in cell.split()]
        words = tuple(Word(word, Box(x, y, x + 0.05, y + 0.02)) for word, x in cells)
        lines.append(Line(words, Box(0.2, y, 0.65, y + 0.02)))
    between = tuple(0.27 + 0.1 * number for number in range(len(rows) - 1))
    return Block(BlockKind.TABLE, CELLS, tuple(lines), "p0001-1.jpg", between, columns)


def tables(*pages: ExtractedPage) -> list[NewChunk]:
    return [chunk for chunk in chunk_pages(pages)[0] if chunk.kind is Kind.TABLE]


def test_table_becomes_markdown_with_a_box_for_each_row() -> None:
    [chunk] = tables(page(table("Service|Port", "the gateway|8443")))
    assert chunk.text == "| Service | Port |\n| --- | --- |\n| the gateway | 8443 |"
    assert [(mark.x0, mark.x1) for mark in chunk.line_boxes] == [(0.2, 0.65)] * 2
    assert text_lines(chunk.text) == ["| Service | Port |", "| the gateway | 8443 |"]
    assert table_as_line(chunk.text) == "Service | Port · the gateway | 8443"
    assert table_as_line("no table | at all") == "no table | at all"


def priced(number: int, *, header: bool = False) -> Block:
    """Return a table from the top to the bottom of a page."""
    drawn = table(*(["Item|Price"] if header else []), f"rope {number}|{number}", f"tar {number}|{number + 1}")
    return replace(drawn, box=Box(0.1, 0.2, 0.9, 0.8))


def test_table_that_continues_on_the_next_page_has_its_header_row_and_caption() -> None:
    caption = block(BlockKind.CAPTION, "Table 4 Stores", Box(0.1, 0.16, 0.9, 0.18))
    first, second = tables(page(caption, priced(1, header=True)), page(priced(2), number=2))
    assert second.text == "| Item | Price |\n| --- | --- |\n| rope 2 | 2 |\n| tar 2 | 3 |"
    assert (first.caption, second.caption) == ("Table 4 Stores", "Table 4 Stores")
    assert len(text_lines(second.text)) == len(second.line_boxes)


def test_table_with_its_own_header_row_or_below_other_text_does_not_continue() -> None:
    again = tables(page(priced(1, header=True)), page(priced(2, header=True), number=2))[1]
    assert again.text.count("Item") == 1
    text = block(BlockKind.TEXT, "\n".join("abcd"), Box(0.1, 0.1, 0.9, 0.19))
    assert "Item" not in tables(page(priced(1, header=True)), page(text, priced(2), number=2))[1].text
    assert "Item" not in tables(page(priced(1, header=True)), page(priced(3), number=3))[1].text


TABLE_TOP = Box(0.1, 0.16, 0.9, 0.18)


@pytest.mark.parametrize("kind", [BlockKind.TITLE, BlockKind.HEADING])
def test_table_below_a_new_heading_does_not_continue(kind: BlockKind) -> None:
    first = page(block(BlockKind.HEADING, "1. Parts", TABLE_TOP), priced(1, header=True))
    above = page(block(kind, "2. Contacts", TABLE_TOP), priced(2), number=2)
    assert tables(first, above)[1].text == "| rope 2 | 2 |\n| --- | --- |\n| tar 2 | 3 |"
    at_the_end = replace(first, blocks=(*first.blocks, block(kind, "2. Contacts", Box(0.1, 0.9, 0.9, 0.92))))
    assert "Item" not in tables(at_the_end, page(priced(2), number=2))[1].text


@pytest.mark.parametrize(
    ("before", "after", "continues"),
    [
        ("Table 4 Stores", "Table 4 (continued)", True),
        ("Table 4 Stores", "Table 5 Contacts", False),
        ("Stores", "Stores, continued", True),
        ("Stores", "Contacts", False),
        ("", "Contacts", False),
    ],
)
def test_table_continues_below_the_caption_of_the_same_table_only(before: str, after: str, continues: bool) -> None:
    first = page(block(BlockKind.CAPTION, before, TABLE_TOP), priced(1, header=True))
    second = page(block(BlockKind.CAPTION, after, TABLE_TOP), priced(2), number=2)
    assert ("Item" in tables(first, second)[1].text) is continues


def test_dot_leaders_are_no_words_of_a_table() -> None:
    [chunk] = tables(page(table("Inventories ........................|812", "Receivables ____|95"), number=1))
    assert chunk.text.splitlines() == ["| Inventories | 812 |", "| --- | --- |", "| Receivables | 95 |"]


def test_large_table_becomes_several_chunks_with_its_header_row_and_region() -> None:
    drawn = table("Item|Price", *(f"rope of {number} fathoms|{number}" for number in range(99)))
    chunks = tables(page(replace(drawn, rows=tuple(0.27 + 0.1 * n for n in range(99)))))
    assert len(chunks) > 1
    assert all(estimate_tokens(chunk.text) <= MAX_TOKENS for chunk in chunks)
    assert all(chunk.text.startswith("| Item | Price |\n| --- | --- |\n| rope of") for chunk in chunks)
    assert [chunk.picture for chunk in chunks] == ["p0001-1.jpg"] + [None] * (len(chunks) - 1)
    rows = [row for chunk in chunks for row in text_lines(chunk.text)[1:]]
    assert rows == [f"| rope of {number} fathoms | {number} |" for number in range(99)]


@given(st.lists(st.text("ab", min_size=1, max_size=60), min_size=1, max_size=400), st.integers(1, 3))
def test_chunks_of_tables_and_figures_are_small_enough(words: list[str], columns: int) -> None:
    lines = tuple(Line((Word(word, CELLS),), CELLS) for word in words)
    for kind, borders in ((BlockKind.TABLE, tuple(n / columns for n in range(1, columns))), (BlockKind.FIGURE, ())):
        chunks = [chunk for chunk in chunk_pages([page(Block(kind, CELLS, lines, None, (), borders))])[0] if chunk.text]
        assert all(estimate_tokens(chunk.text) <= MAX_TOKENS for chunk in chunks)
        found = [word for chunk in chunks for word in chunk.text.split() if word not in ("|", "---")]
        assert len(found) >= len(words)
        assert set(found) == set(words)


def test_region_of_a_figure_includes_words_at_its_edges() -> None:
    edge = Box(0.095, 0.2, 0.104, 0.21)
    [made] = [c for c in chunk_pages([page(Block(BlockKind.FIGURE, BOX, (line("kW", edge),)))])[0] if c.text]
    assert made.box == BOX.union(edge)


def test_table_without_known_columns_keeps_its_lines() -> None:
    [chunk] = tables(page(table("Service|Port", "gateway|8443", columns=())))
    assert chunk.text == "Service Port\ngateway 8443"


@given(
    st.lists(st.tuples(WORDS, st.floats(0, 1), st.floats(0, 1)), max_size=30),
    st.lists(st.floats(0, 1), max_size=5),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_table_chunk_contains_every_word(
    words: list[tuple[str, float, float]], rows: list[float], columns: list[float]
) -> None:
    lines = tuple(Line((Word(word, Box(x, y, x, y)),), Box(x, y, x, y)) for word, x, y in words)
    drawn = Block(BlockKind.TABLE, CELLS, lines, None, tuple(sorted(rows)), tuple(sorted(columns)))
    [chunk] = tables(page(drawn))
    assert sorted(word for word in chunk.text.split() if word not in ("|", "---")) == sorted(w for w, _, _ in words)
    assert len(text_lines(chunk.text)) == max(1, len(chunk.line_boxes))


def test_figure_includes_the_paragraph_that_refers_to_it() -> None:
    figure = Block(BlockKind.FIGURE, Box(0.1, 0.1, 0.5, 0.4), (line("Boiler"),), "p0002-1.jpg")
    caption = block(BlockKind.CAPTION, "Figure 2.1: The boiler", Box(0.1, 0.41, 0.5, 0.43))
    wrong = block(BlockKind.TEXT, "As figure 2 says, heat rises.")
    right = block(BlockKind.TEXT, "The outlet is on the left (see Fig. 2.1).")
    [made] = [
        chunk
        for chunk in chunk_pages([page(wrong), page(figure, caption, number=2), page(right, number=3)])[0]
        if chunk.kind is Kind.FIGURE
    ]
    assert made.text == "Boiler\nThe outlet is on the left (see Fig. 2.1)."
    assert len(made.line_boxes) == 1


def test_long_paragraph_is_cut_from_the_referring_sentence_on() -> None:
    figure = Block(BlockKind.TABLE, Box(0.1, 0.1, 0.5, 0.4))
    caption = block(BlockKind.CAPTION, "TABLE IV Costs", Box(0.1, 0.41, 0.5, 0.43))
    text = block(BlockKind.TEXT, "Words before it. " * 80 + "Table IV has the costs. " + "And after. " * 80)
    [made] = tables(page(figure, caption, text))
    assert made.text.startswith("Table IV has the costs. And after.")
    assert len(made.text) <= 600


def test_page_that_failed_has_no_chunks() -> None:
    failed = ExtractedPage(1, None, 600, 800, TextSource.NONE, (), None, "It hung.")
    assert chunk_pages([failed]) == ([], "")


def test_page_that_failed_keeps_the_chunks_of_its_text_layer() -> None:
    failed = replace(page(block(BlockKind.TEXT, "words of the layer")), render=None, error="It could not be drawn.")
    chunks, _ = chunk_pages([failed])
    assert [(chunk.kind, chunk.text) for chunk in chunks] == [(Kind.TEXT, "words of the layer")]


def test_what_the_page_does_not_print_is_a_chunk_of_its_own() -> None:
    aside = block(BlockKind.ASIDE, "Link: dashboard https://dashboard.example")
    chunks, _ = chunk_pages([page(block(BlockKind.HEADER, "Only words"), aside, aside)])
    texts = [chunk.text for chunk in chunks if chunk.kind is Kind.TEXT]
    assert texts == ["Only words", aside.text, aside.text]


def test_slide_without_heading_does_not_inherit_one() -> None:
    pages = [
        page(block(BlockKind.TITLE, "Budget"), block(BlockKind.TEXT, "forty crowns")),
        page(block(BlockKind.TEXT, "no heading here"), number=2),
    ]
    chunks, path = chunk_pages(pages, "Before", are_slides=True)
    assert [chunk.heading for chunk in chunks if chunk.kind is Kind.TEXT] == ["Budget", ""]
    assert path == ""
