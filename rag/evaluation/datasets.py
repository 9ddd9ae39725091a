"""The question file of `magpie eval`: JSON Lines, one question per line.

A line is an object: `{"id", "query": str | "image": path relative to the file, "file": name, "pages": [1-based]}`.
Optional are `sha256` of the file (eight digits or more), without which all files of this name are meant, `answer`,
`regions` ([{"page", "bbox": fractions of the page}]), `kinds`, `domain` and `look`. `pages: []` means that the right
answer is "not found".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rag.errors import NotFound, UserCanFix
from rag.model.extraction import Box

_SHA256 = re.compile("[0-9a-f]{8,64}")


class NamedDocument(Protocol):
    """A document as the engine lists it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True)
class EvalQuestion:
    """One line. If the question is a picture, `image` is its path and `query` its name.

    `regions` are the boxes of the answer on the gold pages, by page. `sha256` is the beginning of the file's, or empty.
    `answer` is the right answer, or empty.
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
    sha256: str = ""
    answer: str = ""

    def own_documents(self, documents: Iterable[NamedDocument]) -> frozenset[int]:
        """Return the documents that the question is about: by SHA-256, or else by name."""
        if self.sha256:
            return frozenset(one.id for one in documents if one.sha256.startswith(self.sha256))
        return frozenset(one.id for one in documents if one.name == self.file)


def read_questions(path: Path) -> list[EvalQuestion]:
    """Return the questions. Raise NotFound if the file does not exist, UserCanFix for an invalid line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"There is no question file {path}.", "Give its path with --questions.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserCanFix(f"The question file {path} cannot be read: {error}.", "Save it as UTF-8 text.") from error
    questions = [_question(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise UserCanFix(f"The question file {path} has no questions.", "Write one JSON object on each line.")
    return questions


def _question(line: str, number: int, path: Path) -> EvalQuestion:
    def invalid(problem: str) -> UserCanFix:
        return UserCanFix(
            f"Line {number} of {path.name} {problem}.",
            'A line is like {"id": "q1", "query": "...", "file": "a.pdf", "pages": [3]}, with "image" for a picture.',
        )

    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise invalid(f"is not JSON ({error.msg})") from error
    if not isinstance(row, dict):
        raise invalid("is not a JSON object")
    query, image, pages = row.get("query"), row.get("image"), row.get("pages")
    if isinstance(query, str) == isinstance(image, str):
        raise invalid("needs either a query or an image")
    if not isinstance(pages, list) or not all(type(page) is int and page >= 1 for page in pages):
        raise invalid("needs pages, a list of numbers from 1")
    name, kinds, sha256 = row.get("file", ""), row.get("kinds", []), str(row.get("sha256") or "").lower()
    if not isinstance(name, str) or (pages and not name and not sha256):
        raise invalid("needs the file of its pages")
    if sha256 and not _SHA256.fullmatch(sha256):
        raise invalid("has a sha256 that is not 8 to 64 hexadecimal digits")
    if not isinstance(kinds, list):
        raise invalid("has kinds that are not a list")
    try:
        regions = _regions(row.get("regions") or [])
    except ValueError as error:
        raise invalid('has regions that are not like {"page": 3, "bbox": [0.1, 0.1, 0.9, 0.5]}') from error
    picture = path.parent / image if isinstance(image, str) else None
    if picture is not None and not picture.is_file():
        raise invalid(f"names a picture that does not exist: {picture}")
    return EvalQuestion(
        id=str(row.get("id", number)),
        query=query if isinstance(query, str) else str(image),
        image=picture,
        file=name,
        pages=frozenset(pages),
        kinds=tuple(str(kind) for kind in kinds),
        look=str(row.get("look") or ""),
        domain=str(row.get("domain") or ""),
        regions=regions,
        sha256=sha256,
        answer=str(row.get("answer") or ""),
    )


def _regions(rows: object) -> dict[int, tuple[Box, ...]]:
    """Return the boxes by page. Raise ValueError for anything but a list of regions."""
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
