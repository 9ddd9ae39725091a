"""The question file of `magpie eval`.

A line is a JSON object: `{"id", "query": str | "image": path beside the file, "file": name, "pages": [1-based]}`, with
`regions` ([{"page", "bbox": fractions of the page}]), `kinds`, `domain` and `look` optional; `pages: []` means the
right answer is "not found".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import NotFound, UserCanFix
from rag.model import Box


@dataclass(frozen=True, slots=True)
class Question:
    """One line. `image` is set where the question is a picture; `query` is then the picture's name.

    `regions` are the marked places of the gold pages, by page.
    """

    id: str
    query: str
    image: Path | None
    file: str
    pages: frozenset[int]
    kinds: tuple[str, ...] = ()
    look: str = ""
    domain: str = ""
    regions: Mapping[int, tuple[Box, ...]] = field(default_factory=dict)


def read_questions(path: Path) -> list[Question]:
    """Raise NotFound without the file, UserCanFix naming the line that cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"There is no question file {path}.", "Give its path with --questions.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserCanFix(f"The question file {path} cannot be read: {error}.", "Save it as UTF-8 text.") from error
    questions = [_question(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise UserCanFix(f"The question file {path} holds no question.", "Write one JSON object on each line.")
    return questions


def _question(line: str, number: int, path: Path) -> Question:
    def wrong(what: str) -> UserCanFix:
        return UserCanFix(
            f"Line {number} of {path.name} {what}.",
            'A line is like {"id": "q1", "query": "...", "file": "a.pdf", "pages": [3]}, with "image" for a picture.',
        )

    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise wrong(f"is not JSON ({error.msg})") from error
    if not isinstance(row, dict):
        raise wrong("is not a JSON object")
    query, image, pages = row.get("query"), row.get("image"), row.get("pages")
    if isinstance(query, str) == isinstance(image, str):
        raise wrong("needs either a query or an image")
    if not isinstance(pages, list) or not all(type(page) is int and page >= 1 for page in pages):
        raise wrong("needs pages, a list of numbers from 1")
    name, kinds = row.get("file", ""), row.get("kinds", [])
    if not isinstance(name, str) or (pages and not name):
        raise wrong("needs the file its pages are of")
    if not isinstance(kinds, list):
        raise wrong("has kinds that are no list")
    try:
        regions = _regions(row.get("regions") or [])
    except ValueError as error:
        raise wrong('has regions that are not like {"page": 3, "bbox": [0.1, 0.1, 0.9, 0.5]}') from error
    picture = path.parent / image if isinstance(image, str) else None
    if picture is not None and not picture.is_file():
        raise wrong(f"names a picture that is not there: {picture}")
    return Question(
        id=str(row.get("id", number)),
        query=query if isinstance(query, str) else str(image),
        image=picture,
        file=name,
        pages=frozenset(pages),
        kinds=tuple(str(kind) for kind in kinds),
        look=str(row.get("look") or ""),
        domain=str(row.get("domain") or ""),
        regions=regions,
    )


def _regions(rows: object) -> dict[int, tuple[Box, ...]]:
    """Raise ValueError for what is no list of regions."""
    found: dict[int, tuple[Box, ...]] = {}
    if not isinstance(rows, list):
        raise ValueError
    for row in rows:
        page, box = (row.get("page"), row.get("bbox")) if isinstance(row, dict) else (None, None)
        if type(page) is not int or not isinstance(box, list) or len(box) != 4:
            raise ValueError
        if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in box):
            raise ValueError
        x, y = sorted((float(box[0]), float(box[2]))), sorted((float(box[1]), float(box[3])))
        found[page] = (*found.get(page, ()), Box(x[0], y[0], x[1], y[1]))
    return found
