"""Measure which words of the text layer no chunk holds.

    python -m tests.bench.words BENCH [--ocr] [--workers N] [--lost FILE]

BENCH is a folder with PDFs, at any depth. The words of each page's text layer, as MuPDF reads them, are compared with
the chunks. A word is held by a chunk of its page that has it and whose region contains its center. If it stands at the
same place of other pages too, in a line that is the same apart from numbers, a chunk of any page counts. Words are
compared without case, ligatures, accents and punctuation. Exit code 1 if more than 0.2 % are lost, or a chunk has more
than 512 tokens.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.extract.guarded import GuardedExtractor
from rag.extract.turned_text import directed_lines, text_turn
from rag.ingest.chunking import chunk_pages
from rag.ingest.picture_chunks import MAX_TOKENS
from rag.model.extraction import WHOLE_PAGE, Box, ExtractedPage, NewChunk
from rag.setting_groups import ReadSettings
from rag.text import estimate_tokens, normalize_unicode

MAX_LOST = 0.002
_TOLERANCE = 0.001
"""How far a word's center may lie outside a region, as a fraction of the page: coordinates are rounded."""

_PLACE = 0.02
"""Size of a place at which lines of different pages are the same line, as a fraction of the page."""


@dataclass(frozen=True, slots=True)
class LayerWord:
    """A word of a page's text layer. `pattern` has its line with a placeholder for each number."""

    page: int
    text: str
    box: Box
    pattern: str


@dataclass(slots=True)
class Result:
    """The words of one document, and those that are lost; `large` are its chunks with too many tokens."""

    name: str
    pages: int = 0
    words: int = 0
    lost: list[LayerWord] = field(default_factory=list)
    large: int = 0


def layer_words(path: Path) -> Iterator[LayerWord]:
    """Yield the words of all pages with at least one letter or digit, and their boxes on the displayed page."""
    import pymupdf

    # A glyph without a Unicode character is not a word; MuPDF would give it the character with the glyph's number.
    flags = pymupdf.TEXTFLAGS_WORDS & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
    with pymupdf.open(path) as document:
        for page in document:
            page.set_rotation(
                (page.rotation + text_turn(page, directed_lines(page, pymupdf))) % 360
            )  # as it is extracted
            lines: dict[tuple[int, int], list[str]] = defaultdict(list)
            found = page.get_text("words", flags=flags)
            for *_, text, block, line, _ in found:
                lines[block, line].append(text)
            for x0, y0, x1, y1, text, block, line, _ in found:
                rect = pymupdf.Rect(x0, y0, x1, y1) * page.rotation_matrix
                width, height = page.rect.width, page.rect.height
                box = Box(rect.x0 / width, rect.y0 / height, rect.x1 / width, rect.y1 / height)
                if letters(text) and _is_inside(WHOLE_PAGE, box):
                    yield LayerWord(page.number + 1, text, box, re.sub(r"\d+", "#", " ".join(lines[block, line])))


def letters(text: str) -> str:
    """Return the letters and digits of a text in lower case, without accents; ligatures become letters."""
    plain = normalize_unicode("NFKD", text.casefold())
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LN")


def lost_words(words: Sequence[LayerWord], chunks: Sequence[NewChunk]) -> list[LayerWord]:
    """Return the words that no chunk holds."""
    texts = [(chunk, letters(chunk.text), _tokens(chunk)) for chunk in chunks if chunk.text]
    by_page: dict[int, list[tuple[NewChunk, str, set[str]]]] = defaultdict(list)
    for item in texts:
        by_page[item[0].page].append(item)
    pages_of: dict[tuple[str, str, int, int], set[int]] = defaultdict(set)
    for word in words:
        pages_of[_place(word)].add(word.page)
    lost = []
    for word in words:
        plain = letters(word.text)
        places = list(by_page[word.page])
        if len(pages_of[_place(word)]) > 1:
            places = texts
        if not any(_has(plain, text, tokens) and _is_inside(chunk.box, word.box) for chunk, text, tokens in places):
            lost.append(word)
    return lost


def _tokens(chunk: NewChunk) -> set[str]:
    return {letters(token) for token in chunk.text.split()}


def _has(plain: str, text: str, tokens: set[str]) -> bool:
    """Return whether a chunk has a word: short ones as a whole, longer ones also as a part, as in a joined word."""
    return plain in tokens or (len(plain) >= 4 and plain in text)


def _place(word: LayerWord) -> tuple[str, str, int, int]:
    return (word.pattern, word.text, round(word.box.x0 / _PLACE), round(word.box.y0 / _PLACE))


def _is_inside(region: Box, word: Box) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return (
        region.x0 - _TOLERANCE <= x <= region.x1 + _TOLERANCE and region.y0 - _TOLERANCE <= y <= region.y1 + _TOLERANCE
    )


def judge(name: str, words: Sequence[LayerWord], pages: Sequence[ExtractedPage]) -> Result:
    """Return the result of one document."""
    chunks, _ = chunk_pages(pages)
    large = sum(estimate_tokens(chunk.text) > MAX_TOKENS for chunk in chunks)
    return Result(name, len(pages), len(words), lost_words(words, chunks), large)


def measure(files: Sequence[Path], settings: ReadSettings) -> list[Result]:
    """Return the results of PDFs, extracted by one process for each worker."""
    ocr = "rag.adapters.rapidocr:open_ocr" if settings.ocr else None
    count = settings.workers or 1

    def read(share: Sequence[Path]) -> list[Result]:
        extractor = GuardedExtractor(settings, ocr)
        try:
            return [_measure_file(path, extractor) for path in share]
        finally:
            extractor.close()

    with ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(read, [files[start::count] for start in range(count)]))
    return [result for part in parts for result in part]


def _measure_file(path: Path, extractor: GuardedExtractor) -> Result:
    with TemporaryDirectory() as scratch:
        pages = extractor.extract(path, 1, extractor.inspect(path).page_count, Path(scratch))
    result = judge(path.name, list(layer_words(path)), pages)
    print(line_of(result), flush=True)  # noqa: T201
    return result


def line_of(result: Result) -> str:
    share = len(result.lost) / max(1, result.words)
    large = f", {result.large} chunks above {MAX_TOKENS} tokens" if result.large else ""
    return f"{result.name}: {result.pages} pages, {len(result.lost)} of {result.words} words lost ({share:.2%}){large}"


def report(results: Sequence[Result]) -> int:
    """Print the sum of the results; return the exit code."""
    words, lost = sum(result.words for result in results), sum(len(result.lost) for result in results)
    large, share = sum(result.large for result in results), lost / max(1, words)
    print(f"{len(results)} files, {words} words, {lost} lost ({share:.2%}, target {MAX_LOST:.1%})")  # noqa: T201
    print(f"{large} chunks have more than {MAX_TOKENS} tokens")  # noqa: T201
    common = Counter(word.text for result in results for word in result.lost).most_common(20)
    print("Most often lost:", " ".join(f"{text} ({count})" for text, count in common))  # noqa: T201
    return 0 if share <= MAX_LOST and not large else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--ocr", action="store_true", help="with OCR, which replaces text layers that are garbled")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--lost", type=Path, help="write the lost words to this file")
    options = parser.parse_args()
    files = sorted(options.bench.rglob("*.pdf"))
    if not files:
        parser.error(f"no PDF in {options.bench}")
    results = measure(files, ReadSettings(ocr=options.ocr, workers=options.workers))
    if options.lost:
        rows = [f"{each.name}\t{word.page}\t{word.text}\t{word.pattern}" for each in results for word in each.lost]
        options.lost.write_text("\n".join(rows))
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
