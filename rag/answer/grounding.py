"""Check each statement of an answer against its cited pages: numbers, dates and names, else shared words.

The check is lexical on purpose: a number or name that is not on the cited page was invented or misread. It cannot
detect a false statement that uses only words of the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from rag.answer.messages import NOT_FOUND_NOTE, READ_NOTE, caption_note
from rag.answer.page_text import PageText, detect_language
from rag.answer.statements import Statement, split_statements
from rag.answer.support import find_missing
from rag.text import normalize_for_comparison

_NOTE = re.compile(r"not found (?:on|in) the cited page|read from the picture|from a caption written by.*", re.DOTALL)
_PARENTHESES = re.compile(r"\s?[(（﹙⁽]([^()（）﹙﹚⁽⁾]+)[)）﹚⁾]")
_MAX_NESTED = 8


def without_notes(text: str) -> str:
    """Return a model's text without the notes that only this check may write, whatever their spelling.

    Remove invisible characters before. If notes are nested more than 8 deep, all parentheses are removed.
    """
    for _ in range(_MAX_NESTED):
        kept = _PARENTHESES.sub(lambda match: "" if _is_note(match[1]) else match[0], text)
        if kept == text:
            return text
        text = kept
    return text.translate(str.maketrans("()（）﹙﹚⁽⁾", " " * 8))


def _is_note(inside: str) -> bool:
    return _NOTE.fullmatch(" ".join(normalize_for_comparison(inside).casefold().split())) is not None


class Verdict(StrEnum):
    """The result for one statement."""

    SUPPORTED = "supported"
    READ_FROM_PICTURE = "read from picture"
    """Not in the page's words; a vision model that was given the cited picture wrote it."""
    FROM_CAPTION = "from caption"
    """Only in the caption that a model generated for the cited picture."""
    NOT_FOUND = "not found"


@dataclass(frozen=True)
class GroundingSource:
    """What a passage can support.

    `words` are those of the passage, its page and its place. `seen`: the model was given the picture, and readers can
    be shown it. `captioner` is the name of the model that generated `caption`.
    """

    words: str
    seen: bool = False
    caption: str = ""
    captioner: str = ""

    @cached_property
    def page(self) -> PageText:
        """The words alone."""
        return PageText.of(self.words)

    @cached_property
    def captioned_page(self) -> PageText:
        """The words and the generated caption."""
        return PageText.of(f"{self.words}\n{self.caption}")


@dataclass(frozen=True)
class GroundingResult:
    """An answer's statements, each with its verdict and with the numbers and names that no source has.

    `read_from` are the passages whose picture has to be shown to readers. `captioners` are by index of the statement.
    """

    text: str
    statements: tuple[Statement, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ()
    read_from: tuple[int, ...] = ()
    captioners: Mapping[int, str] = field(default_factory=dict)

    @property
    def not_found(self) -> list[int]:
        """Indices of the statements that are not supported."""
        return [index for index, verdict in enumerate(self.verdicts) if verdict is Verdict.NOT_FOUND]

    def annotated(self) -> str:
        """Return the text with a note after every statement that the words of its page do not support."""
        text = self.text
        for index in reversed(range(len(self.statements))):
            note = self._note(index)
            if note:
                at = self.statements[index].note_position
                text = f"{text[:at]} {note}{text[at:]}"
        return text

    def _note(self, index: int) -> str:
        match self.verdicts[index]:
            case Verdict.SUPPORTED:
                return ""
            case Verdict.READ_FROM_PICTURE:
                return READ_NOTE
            case Verdict.FROM_CAPTION:
                return caption_note(self.captioners[index])
            case Verdict.NOT_FOUND:
                return NOT_FOUND_NOTE


def check_grounding(text: str, sources: Mapping[int, GroundingSource], max_read: int = 3) -> GroundingResult:
    """Compare each statement with the passages it cites; a statement without citations with those of its paragraph.

    If its paragraph has none either, it is compared with all sources. The citations in `text` are written as [1][3]
    and name only keys of `sources`. At most `max_read` passages count as read from their pictures, because no more
    pictures are shown.
    """
    statements, read_from, language = split_statements(text), dict[int, None](), detect_language(text)
    verdicts: list[Verdict] = []
    all_missing: list[tuple[str, ...]] = []
    captioners: dict[int, str] = {}
    for index, statement in enumerate(statements):
        cited = [number for number in statement.cited or tuple(sources) if number in sources]
        pages = [sources[number].page for number in cited]
        missing = find_missing(statement, pages, language)
        verdict = Verdict.SUPPORTED
        if missing:
            captioned = [sources[number] for number in cited if sources[number].caption]
            seen = [
                number
                for number in cited
                if sources[number].seen and (number in read_from or len(read_from) < max_read)
            ]
            if seen:
                verdict = Verdict.READ_FROM_PICTURE
                read_from[seen[0]] = None
            elif captioned and not find_missing(
                statement, [*pages, *(source.captioned_page for source in captioned)], language
            ):
                verdict = Verdict.FROM_CAPTION
                captioners[index] = captioned[0].captioner
            else:
                verdict = Verdict.NOT_FOUND
        verdicts.append(verdict)
        all_missing.append(missing)
    return GroundingResult(text, tuple(statements), tuple(verdicts), tuple(all_missing), tuple(read_from), captioners)
