"""Chunks contain every word of a page, twice in the overlap, and never cross a page."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.ingest.chunking import HEADING_SEPARATOR, MAX_TOKENS, OVERLAP, chunk_pages, table_as_line, text_lines
from rag.model import Block, BlockKind, Box, ExtractedPage, Kind, Line, NewChunk, TextSource, Word
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


def test_leaves_out_headers_and_footers() -> None:
    chunks, _ = chunk_pages(
        [page(block(BlockKind.HEADER, "Confidential"), block(BlockKind.TEXT, "body"), block(BlockKind.FOOTER, "p 3"))]
    )
    assert chunks[0].text == "body"


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
