"""Check each statement of an answer against its cited pages, find the page of those without one, and keep what holds.

The check is lexical on purpose: a number, name or code that is not on the cited page, or that stands beside other words
there, was invented or misread. It cannot detect every false statement that uses only words of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from rag.answer.function_words import detect_language
from rag.answer.messages import READ_NOTE, caption_note
from rag.answer.numbers import find_numerals, normalize_text
from rag.answer.page_text import PageText
from rag.answer.pronouns import with_subject
from rag.answer.shown_text import Edit, edited
from rag.answer.statements import Form, Statement, split_statements
from rag.answer.support import find_missing, has_content, is_denied, share_on_page
from rag.answer.table_cells import with_cells
from rag.text import normalize_for_comparison, split_words

_NOTE = re.compile(r"not found (?:on|in) the cited page|read from the picture|from a caption written by.*", re.DOTALL)
_PARENTHESES = re.compile(r"\s?[(（﹙⁽]([^()（）﹙﹚⁽⁾]+)[)）﹚⁾]")
_CITATION = re.compile(r"\[\d+\]")
_MAX_NESTED = 8

_MIN_SHARE = 0.55
"""Share of a statement's content that a passage has which is cited for it although the model did not cite it."""


_NEARLY = 0.9
"""Share of the best passage's share that another one needs."""


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
    NEUTRAL = "neutral"
    """Says nothing of its own, such as a heading, "Yes", or what introduces a list."""
    NOT_FOUND = "not found"
    UNUSABLE = "unusable"
    """Not a statement for readers, such as a part of the prompt."""


@dataclass(frozen=True)
class GroundingSource:
    """What a passage can support.

    `words` are those of the passage, its page and its place. `seen`: the model was given the picture, and readers can
    be shown it. `captioner` is the name of the model that generated `caption`. `read_words` may remember what it
    returned for the same words.
    """

    words: str
    seen: bool = False
    caption: str = ""
    captioner: str = ""
    read_words: Callable[[str], PageText] = field(default=PageText.of, compare=False)

    @cached_property
    def page(self) -> PageText:
        """The words alone."""
        return self.read_words(with_cells(self.words))

    @cached_property
    def captioned_page(self) -> PageText:
        """The words and the generated caption."""
        return self.read_words(with_cells(f"{self.words}\n{self.caption}"))


@dataclass(frozen=True)
class Checked:
    """A statement and its verdict.

    `missing` are the numbers, names and codes that no cited page supports. `cited` are the passages that support it:
    others than it cites itself if the check found a better one. `captioner` wrote the caption that supports it.
    """

    statement: Statement
    verdict: Verdict
    missing: tuple[str, ...] = ()
    cited: tuple[int, ...] = ()
    captioner: str = ""

    @property
    def holds(self) -> bool:
        return self.verdict in _HOLDING

    @property
    def is_cited(self) -> bool:
        """Whether the model itself cited a passage for it."""
        return bool(self.cited) and not self.statement.inherited

    @property
    def note(self) -> str:
        """The note that readers get."""
        if self.verdict is Verdict.READ_FROM_PICTURE:
            return READ_NOTE
        return caption_note(self.captioner) if self.verdict is Verdict.FROM_CAPTION else ""


_HOLDING = frozenset({Verdict.SUPPORTED, Verdict.READ_FROM_PICTURE, Verdict.FROM_CAPTION})


@dataclass(frozen=True)
class GroundingResult:
    """An answer's checked statements. `read_from` are the passages whose picture has to be shown to readers."""

    text: str
    checked: tuple[Checked, ...] = ()
    read_from: tuple[int, ...] = ()

    @property
    def held(self) -> int:
        """The number of statements that hold; headings and the like do not count."""
        return sum(one.holds for one in self.checked)

    @property
    def not_found(self) -> list[Checked]:
        """The statements that their pages do not support."""
        return [one for one in self.checked if one.verdict is Verdict.NOT_FOUND]

    def shown_text(self) -> str:
        """Return the text of the statements that hold, with their notes and citations; nothing if none holds.

        A heading, or what introduces a list, stays if something below it does.
        """
        kept = self._kept()
        edits = [
            Edit(one.statement, one.note, self._new_citations(one))
            if index in kept
            else Edit(one.statement, keep=False)
            for index, one in enumerate(self.checked)
        ]
        return edited(self.text, edits) if kept else ""

    def _new_citations(self, one: Checked) -> tuple[int, ...]:
        """Return the citations to write: those that the check found, and those of a paragraph that lost a statement."""
        is_own = one.cited == one.statement.cited and not one.statement.inherited
        is_whole = one.statement.inherited and one.cited == one.statement.cited and not self._is_shortened
        return () if is_own or is_whole or not one.holds else one.cited

    @cached_property
    def _is_shortened(self) -> bool:
        return any(not one.holds and one.verdict is not Verdict.NEUTRAL for one in self.checked)

    def _kept(self) -> set[int]:
        """Return the indices of the statements that hold, and of the neutral ones that belong to them."""
        kept = {index for index, one in enumerate(self.checked) if one.holds}
        if not kept:
            return kept
        below, rows, items = 0, 0, 0  # kept below the next heading, table head, and introduction of a list
        follows = True
        for index in reversed(range(len(self.checked))):
            one, statement, form = (
                self.checked[index],
                self.checked[index].statement,
                self.checked[index].statement.form,
            )
            if one.verdict is Verdict.NEUTRAL:
                in_list = items > 0 and (items == statement.items or not _counts(statement))
                stays = in_list if statement.items else follows
                if {Form.HEADING: below > 0, Form.HEAD: rows > 0}.get(form, stays):
                    kept.add(index)
            else:
                follows = one.holds
            below = below + (index in kept)
            if form is Form.HEADING and (index == 0 or self.checked[index - 1].statement.form is not Form.HEADING):
                below = 0
            rows = rows + (index in kept) if form is Form.ROW else 0
            items = items + (index in kept) if form is Form.ITEM else 0
        return kept


def _counts(statement: Statement) -> bool:
    """Return whether a statement gives the number of items that follow."""
    numerals = find_numerals(normalize_text(statement.text))
    return any(frozenset({str(statement.items)}) in numeral.readings for numeral in numerals)


class Checker:
    """Checks the statements of one reply: each alone once it is complete, and at the end the reply as a whole.

    What held when it was checked alone holds at the end, too, so that readers can be shown it at once. `sources`: what
    each passage can support, by its number. At most `max_read` passages count as read from their pictures, because no
    more pictures are shown. The first statement may be about what the `question` names.
    """

    def __init__(self, sources: Mapping[int, GroundingSource], max_read: int = 3, question: str = "") -> None:
        self._sources = sources
        self._question = question
        self._before = question
        self._max_read = max_read
        self._read_from: dict[int, None] = {}
        self._held: dict[tuple[str, tuple[int, ...]], Checked] = {}

    def check_alone(self, statement: Statement, language: str) -> Checked:
        """Compare a statement with the passages it cites; without citations, with all. `language`: of the reply."""
        checked = self._check(statement, self._before, language)
        self._before = statement.text
        if checked.holds:
            self._held[statement.text, statement.cited] = checked
        return checked

    def check_text(self, text: str, is_unusable: Callable[[str], bool] = lambda _: False) -> GroundingResult:
        """Compare each statement with the passages it cites; one without citations with those of its paragraph.

        What they do not support is compared with all passages; if one supports it, that is cited instead. The citations
        in `text` are written as [1][3] and name only passages that are known. Statements that `is_unusable` are not
        compared.
        """
        language = detect_language(text)
        statements = split_statements(text)
        before = [self._question, *(one.text for one in statements)]
        checked = [
            Checked(one, Verdict.UNUSABLE) if is_unusable(one.text) else self._check_in_text(one, said, language)
            for one, said in zip(statements, before, strict=False)
        ]
        if all(one.verdict is Verdict.NEUTRAL for one in checked):  # "Yes [1]" may be the whole answer
            checked = [replace(one, verdict=Verdict.SUPPORTED) if one.is_cited else one for one in checked]
        return GroundingResult(text, tuple(checked), tuple(self._read_from))

    def _check_in_text(self, statement: Statement, before: str, language: str) -> Checked:
        held = self._held.get((statement.text, () if statement.inherited else statement.cited))
        if held is not None and not statement.inherited:
            return replace(held, statement=statement)
        checked = self._check(statement, before, language)
        return checked if checked.holds or held is None else replace(held, statement=statement)

    def _check(self, statement: Statement, before: str, language: str) -> Checked:
        """Return the verdict on a statement, read as if it named what "it" means: what the text before it is about."""
        named = replace(statement, text=with_subject(statement.text, before, language))
        checked = _check(named, self._sources, language, self._read_from, self._max_read)
        return replace(checked, statement=statement)


def check_grounding(
    text: str,
    sources: Mapping[int, GroundingSource],
    max_read: int = 3,
    is_unusable: Callable[[str], bool] = lambda _: False,
) -> GroundingResult:
    """Check a whole reply; see Checker."""
    return Checker(sources, max_read).check_text(text, is_unusable)


def says(text: str, statement: Statement) -> bool:
    """Return whether an answer has a statement, perhaps in other words."""
    plain = _CITATION.sub(" ", text)
    if f" {_words(statement.text)} " in f" {_words(plain)} ":
        return True
    unnumbered = replace(statement, cited=())  # the answer is none of the passages
    return bool(_find_passage(unnumbered, {1: GroundingSource(plain)}, detect_language(plain)))


def _words(text: str) -> str:
    return " ".join(split_words(text)).casefold()


def _check(
    statement: Statement,
    sources: Mapping[int, GroundingSource],
    language: str,
    read_from: dict[int, None],
    max_read: int,
) -> Checked:
    cited = statement.cited
    if statement.title or statement.items or not has_content(statement):
        missing = find_missing(statement, [source.page for source in sources.values()], language)
        return Checked(statement, Verdict.NOT_FOUND if missing else Verdict.NEUTRAL, missing, cited)
    missing = find_missing(statement, [sources[number].page for number in cited or sources], language)
    if cited and not missing:
        return Checked(statement, Verdict.SUPPORTED, (), cited)
    found = _find_passage(statement, sources, language)
    if found:
        return Checked(statement, Verdict.SUPPORTED, (), (found,))
    seen = [number for number in cited if sources[number].seen and (number in read_from or len(read_from) < max_read)]
    if seen:
        read_from[seen[0]] = None
        return Checked(statement, Verdict.READ_FROM_PICTURE, missing, cited)
    captioned = [sources[number] for number in cited if sources[number].caption]
    pages = [*(sources[number].page for number in cited), *(source.captioned_page for source in captioned)]
    if captioned and not find_missing(statement, pages, language):
        return Checked(statement, Verdict.FROM_CAPTION, missing, cited, captioned[0].captioner)
    return Checked(statement, Verdict.NOT_FOUND, missing, cited)


def _find_passage(statement: Statement, sources: Mapping[int, GroundingSource], language: str) -> int:
    """Return the passage that a statement is about, if it supports the statement and is not cited for it; else 0.

    A passage with less of the statement than another one is about something else: that it does not contradict the
    statement says nothing. If one of several with as much of it denies it, they disagree, and none is cited.
    """
    shares = {number: share_on_page(statement, source.page) for number, source in sources.items()}
    best, found = max(shares.values(), default=0.0), 0
    for number in sorted(shares, key=lambda number: (-shares[number], number)):
        if shares[number] < max(_MIN_SHARE, _NEARLY * best):
            break
        missing = find_missing(statement, [sources[number].page], language)
        if shares[number] == best and is_denied(statement, missing):
            return 0
        if not missing and number not in statement.cited:
            found = found or number
    return found
