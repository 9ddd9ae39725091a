"""True statements to check: about invented pages in seven languages, and the answers of a benchmark.

A file of `pages/` holds pages of one language, with a line `====` between them: the page's text, a line `subjects:`, a
line `--`, and one true statement per line in other words than the page's. After `||` stands the same statement with a
negation added or removed, which is false. After another line `--` stand false ones that no mutation makes: something of
the page said of another subject, or something that no page says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "pages"
UNSEEN = Path(__file__).parent / "unseen"
"""More pages, by which nothing of the check was chosen."""

FRESH = Path(__file__).parent / "fresh"
"""Pages of kinds that the others lack, with false statements by hand. Nothing of the check was chosen by them."""

_MIN_PAGE = 200
"""Characters of a text layer below which a page of the benchmark is a picture."""


@dataclass(frozen=True)
class TrueStatement:
    """A statement that its page supports. `negated` is false, or empty. `subjects` can be exchanged.

    `is_true` is not set for a statement that the page does not support.
    """

    text: str
    page: str
    language: str
    negated: str = ""
    subjects: tuple[str, ...] = ()
    is_true: bool = True


def paraphrases(folder: Path = PAGES) -> Iterator[TrueStatement]:
    """Yield the statements about the invented pages."""
    for path in sorted(folder.glob("*.txt")):
        for section in path.read_text("utf-8").split("\n====\n"):
            head, true, *false = section.split("\n--\n")
            page, _, subjects = head.partition("\nsubjects: ")
            for line in true.strip().splitlines():
                text, _, negated = line.partition(" || ")
                yield TrueStatement(text, page, path.stem, negated, tuple(subjects.split(" | ")))
            for line in "\n".join(false).strip().splitlines():
                yield TrueStatement(line, page, path.stem, is_true=False)


def gold_answers(bench: Path) -> Iterator[TrueStatement]:
    """Yield the answers of a benchmark that are sentences and whose pages have text.

    `bench` holds questions.jsonl and pdf/, also in the folder `languages`. The language is that of the document with
    "bench-" before it, or "bench-cross" if the question is in another one.
    """
    for folder in (bench, bench / "languages"):
        listed = folder / "questions.jsonl"
        for line in listed.read_text("utf-8").splitlines() if listed.is_file() else ():
            question = json.loads(line)
            answer = str(question.get("answer", ""))
            if len(answer.split()) < 4 and answer[-1:] not in tuple("。."):
                continue
            page = _page_text(folder / "pdf" / question["file"], question["pages"])
            own = question.get("lang", "en")
            language = own if question.get("qlang", own) == own else "cross"
            if len(page) >= _MIN_PAGE and not answer.startswith("["):
                yield TrueStatement(answer, page, f"bench-{language}")


def _page_text(path: Path, pages: list[int]) -> str:
    import pymupdf

    if not path.is_file():
        return ""
    with pymupdf.open(path) as document:
        return "\n".join(document[number - 1].get_text() for number in pages)
