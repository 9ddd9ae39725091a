"""Citations in a text: what looks like one, which are true, and how a text that cites nothing is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from rag.model import CLOSING, OPENING, ROUND, Passage
from rag.text import bare, without_invisible

NOT_FOUND = "NOT FOUND"
"""What the generator is told to say when the passages do not answer."""

# [2], [1, 3], [1-3], [^2], [passage 1 and 2], [1, p. 12], 【2】, 【2†source】, [2](https://...). Gaps are bounded, so
# that a hostile text of spaces costs no more than any other.
_SPAN = r"(?:(?:passages?|sources?)\s{0,3}|[#^])?\d+(?:\s{0,3}[-–—]\s{0,3}\d+)?"
_AND = r"(?:\s{0,3}(?:[,;&]|and)\s{0,3}|\s{1,3})"
_TAIL = r"(?:\s{0,3},?\s{0,3}(?:pp?\.|pages?)\s{0,3}[\w-]{1,12}|†[^\[\]【】［］]{0,80})?"
_CITATION = rf"[\[【［]\s{{0,3}}{_SPAN}(?:{_AND}{_SPAN})*{_TAIL}\s{{0,3}}[\]】］](?:\(https?://[^()\s]{{0,300}}\))?"
_FOUND = re.compile(_CITATION, re.IGNORECASE)
_RUN = re.compile(
    rf"(?P<before>[ \t]{{0,3}})(?P<run>{_CITATION}(?:[ \t]{{0,3}}{_CITATION})*)(?P<after>[ \t]{{0,3}})", re.IGNORECASE
)
_NUMBERS = re.compile(r"(\d+)(?:\s{0,3}[-–—]\s{0,3}(\d+))?")
_CLEAN = re.compile(r"\[(\d+)\]")
_EMPTIED = re.compile(r"[ \t]?\([ ,;]{0,9}\0[\0 ,;]*\)")
"""Parentheses that held nothing but what was taken out, for which \\0 stands meanwhile."""

_BRACKETED = re.compile(
    rf"[{re.escape(OPENING)}](\s{{0,3}}[^{re.escape(OPENING + CLOSING)}\n]{{1,40}})[{re.escape(CLOSING)}]"
)
_BEFORE, _BEHIND = " \t.,;:·•+#^'\"", " \t.,;:·•!?'\"‐-"
"""What may stand around the numbers in a bracket without making it anything but a citation: "[8.]". A minus sign before
them does."""

_NUMBER_SIGN = re.compile(r"\Ano(?=[\W\d])", re.IGNORECASE)

_COMMAS = str.maketrans("‚،、؛", ",,,;")

_MAX_PASSES = 8
"""How often the citations of a text are taken out again, because what stood around one is now another: "[1[9]7]"."""

_NOTHING_FOUND = re.compile(rf"\W*{NOT_FOUND.replace(' ', '[ _]')}[\W\d]*", re.IGNORECASE)


def check_citations(text: str, passages: Sequence[Passage]) -> tuple[str, tuple[Passage, ...]]:
    """The text with every citation written as [1][3] and unknown numbers taken out, and the passages it cites.

    A bracket of whole numbers is a citation whatever the numbers are, so [2024] goes too; [1.5] and [a] stay.
    Cited passages come in the order of first citation, none twice.
    """
    by_number = {passage.number: passage for passage in passages}
    for _ in range(_MAX_PASSES):
        checked = _checked(_undisguised(text), by_number.keys())
        if checked == text:
            break
        text = checked
    else:
        text = text.translate(ROUND)
    cited = dict.fromkeys(int(match.group(1)) for match in _CLEAN.finditer(text))
    return text.strip(), tuple(by_number[number] for number in cited)


def without_citations(text: str) -> str:
    """A document's own references, (3) for [3]: whoever reads the quotation must not take them for passages."""
    text = without_invisible(text)
    text = _BRACKETED.sub(lambda match: match[0].translate(ROUND) if _cited(match) else match[0], text)
    return _FOUND.sub(lambda match: f"({match.group().strip('[]【】［］ ')})", text)


def says_not_found(text: str) -> bool:
    """Whether a text, its citations checked, is the generator's word for `the passages do not answer`."""
    return _NOTHING_FOUND.fullmatch(text) is not None or text.lstrip().startswith(NOT_FOUND)


def _undisguised(text: str) -> str:
    """The text without invisible characters, and with what a reader takes for a citation written as one: [⑦], 〔7〕.

    What is displayed has had its invisible characters removed, so they must not hide a citation here.
    """

    return _BRACKETED.sub(lambda match: _cited(match) or match[0], without_invisible(text))


def _cited(match: re.Match[str]) -> str:
    """The citation that a match of _BRACKETED looks like, or nothing."""
    numbers = bare(match[1]).translate(_COMMAS).lstrip(_BEFORE).rstrip(_BEHIND)
    numbers = _NUMBER_SIGN.sub("", numbers).lstrip(_BEFORE)
    plain = f"[{numbers}]"
    return plain if _FOUND.fullmatch(plain) else ""


def _checked(text: str, known: Collection[int]) -> str:
    def write(match: re.Match[str]) -> str:
        numbers = dict.fromkeys(
            number for citation in _FOUND.findall(match["run"]) for number in _numbers(citation, known)
        )
        if numbers:
            return match["before"] + "".join(f"[{number}]" for number in numbers) + match["after"]
        start, end = match.span()
        before, after = text[max(0, start - 1) : start], text[end : end + 1]
        if before == "(":
            return "\0"
        if before in ("", "\n") or after == "" or after in "\n.,;:!?)":
            return ""
        apart = match["before"] or match["after"] or (before.isalnum() and after.isalnum())
        return " " if apart else ""

    text = text.replace("\0", "")
    return _EMPTIED.sub("", _RUN.sub(write, text)).replace("\0", "")


def _numbers(citation: str, known: Collection[int]) -> list[int]:
    """The passage numbers a citation names, known ones only. A page behind a number (`[1, p. 12]`) is none."""
    numbers: list[int] = []
    body = re.split(r"pp?\.|page|†|\(http", citation, maxsplit=1, flags=re.IGNORECASE)[0]
    for first, last in _NUMBERS.findall(body):
        low, high = sorted((_number(first), _number(last or first)))
        numbers += [number for number in sorted(known) if low <= number <= high]
    return numbers


def _number(digits: str) -> int:
    """Their value, or 10,000, more than any passage's number, for what has more digits than that."""
    digits = digits.lstrip("0")
    return int(digits or 0) if len(digits) <= 4 else 10_000
