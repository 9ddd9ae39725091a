"""Citations in a text: recognize and normalize them, and remove those that name no passage."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.model.extraction import CLOSING, OPENING, ROUND
from rag.model.search import Passage
from rag.text import normalize_for_comparison, without_invisible

NOT_FOUND = "NOT FOUND"
"""What the generator is asked to write if the passages do not answer the question."""

# [2], [1, 3], [1-3], [^2], [passage 1 and 2], [1, p. 12], 【2】, 【2†source】, [2](https://...). Gaps have a maximum
# length, so that a hostile text full of spaces takes no more time than other text.
_SPAN = r"(?:(?:passages?|sources?)\s{0,3}|[#^])?\d+(?:\s{0,3}[-–—]\s{0,3}\d+)?"
_AND = r"(?:\s{0,3}(?:[,;&]|and)\s{0,3}|\s{1,3})"
_TAIL = r"(?:\s{0,3},?\s{0,3}(?:pp?\.|pages?)\s{0,3}[\w-]{1,12}|†[^\[\]【】［］]{0,80})?"
_CITATION = rf"[\[【［]\s{{0,3}}{_SPAN}(?:{_AND}{_SPAN})*{_TAIL}\s{{0,3}}[\]】］](?:\(https?://[^()\s]{{0,300}}\))?"
_CITATION_PATTERN = re.compile(_CITATION, re.IGNORECASE)
_RUN = re.compile(
    rf"(?P<before>[ \t]{{0,3}})(?P<run>{_CITATION}(?:[ \t]{{0,3}}{_CITATION})*)(?P<after>[ \t]{{0,3}})", re.IGNORECASE
)
_RANGES = re.compile(r"(\d+)(?:\s{0,3}[-–—]\s{0,3}(\d+))?")
_NORMALIZED = re.compile(r"\[(\d+)\]")
_EMPTY_PARENTHESES = re.compile(r"[ \t]?\([ ,;]{0,9}\0[\0 ,;]*\)")
"""Parentheses from which all content was removed; \\0 marks the removed places."""

_BRACKETED = re.compile(
    rf"[{re.escape(OPENING)}](\s{{0,3}}[^{re.escape(OPENING + CLOSING)}\n]{{1,40}})[{re.escape(CLOSING)}]"
)
_IGNORED_BEFORE, _IGNORED_AFTER = " \t.,;:·•+#^'\"", " \t.,;:·•!?'\"‐-"
"""Signs before and after the numbers of a citation that are ignored, as in "[8.]". With a minus sign before them, the
numbers are not a citation."""

_NUMBER_SIGN = re.compile(r"\Ano(?=[\W\d])", re.IGNORECASE)

_COMMAS = str.maketrans("‚،、؛", ",,,;")

_MAX_PASSES = 8
"""Removing a citation can join its surroundings to another one, as in "[1[9]7]"; the text is checked up to 8 times."""

_NOTHING_FOUND = re.compile(rf"\W*{NOT_FOUND.replace(' ', '[ _]')}[\W\d]*", re.IGNORECASE)


def check_citations(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Passage, ...]]:
    """Return the text with every citation written as [1][3] and unknown numbers removed, and the cited passages.

    A bracket of whole numbers is a citation whatever the numbers are: [2024] is removed, [1.5] and [a] are kept. The
    passages are in the order of first citation.
    """
    by_number = {passage.number: passage for passage in passages}
    for _ in range(_MAX_PASSES):
        checked = _normalize(_unmask(text), by_number.keys())
        if checked == text:
            break
        text = checked
    else:
        text = text.translate(ROUND)
    cited = dict.fromkeys(int(match.group(1)) for match in _NORMALIZED.finditer(text))
    return text.strip(), tuple(by_number[number] for number in cited)


def without_citations(text: str) -> str:
    """Return a document's text with its own references in round brackets, (3) for [3], so that they cite no passage."""
    text = without_invisible(text)
    text = _BRACKETED.sub(lambda match: match[0].translate(ROUND) if _as_citation(match) else match[0], text)
    return _CITATION_PATTERN.sub(lambda match: f"({match[0].strip('[]【】［］ ')})", text)


def says_not_found(text: str) -> bool:
    """Return whether the generator says that the passages do not answer; `text` has its citations checked."""
    return _NOTHING_FOUND.fullmatch(text) is not None or text.lstrip().startswith(NOT_FOUND)


def _unmask(text: str) -> str:
    """Return the text without invisible characters, and with look-alikes such as [⑦] or 〔7〕 written as citations.

    Displayed text has its invisible characters removed, so they must not hide a citation here.
    """
    return _BRACKETED.sub(lambda match: _as_citation(match) or match[0], without_invisible(text))


def _as_citation(match: re.Match[str]) -> str:
    """Return the citation that a match of _BRACKETED looks like, or an empty string."""
    numbers = normalize_for_comparison(match[1]).translate(_COMMAS).lstrip(_IGNORED_BEFORE).rstrip(_IGNORED_AFTER)
    numbers = _NUMBER_SIGN.sub("", numbers).lstrip(_IGNORED_BEFORE)
    citation = f"[{numbers}]"
    return citation if _CITATION_PATTERN.fullmatch(citation) else ""


def _normalize(text: str, known: Collection[int]) -> str:
    """Return the text with its citations written as [1][3], without those that name none of the known numbers."""

    def write(match: re.Match[str]) -> str:
        citations = _CITATION_PATTERN.findall(match["run"])
        numbers = dict.fromkeys(number for citation in citations for number in _cited_numbers(citation, known))
        if numbers:
            return match["before"] + "".join(f"[{number}]" for number in numbers) + match["after"]
        start, end = match.span()
        before, after = text[max(0, start - 1) : start], text[end : end + 1]
        if before == "(":
            return "\0"
        if before in ("", "\n") or after == "" or after in "\n.,;:!?)":
            return ""
        needs_space = match["before"] or match["after"] or (before.isalnum() and after.isalnum())
        return " " if needs_space else ""

    text = text.replace("\0", "")
    return _EMPTY_PARENTHESES.sub("", _RUN.sub(write, text)).replace("\0", "")


def _cited_numbers(citation: str, known: Collection[int]) -> list[int]:
    """Return the known passage numbers in a citation. A page behind a number (`[1, p. 12]`) does not count."""
    numbers: list[int] = []
    body = re.split(r"pp?\.|page|†|\(http", citation, maxsplit=1, flags=re.IGNORECASE)[0]
    for first, last in _RANGES.findall(body):
        low, high = sorted((_parse_number(first), _parse_number(last or first)))
        numbers += [number for number in sorted(known) if low <= number <= high]
    return numbers


def _parse_number(digits: str) -> int:
    """Return the value of up to 4 digits; 10,000, which is more than any passage's number, for more digits."""
    digits = digits.lstrip("0")
    return int(digits or 0) if len(digits) <= 4 else 10_000
