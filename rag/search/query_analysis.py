"""What a question says beside its words: how the answer should look, where it stands, what else it is called."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from rag.text import STOP_WORDS, content_words, tokens

_TYPE = r"(?:integer|int|float|decimals?|string)"
_FORM = re.compile(
    r"(?:^|(?<=[.?!;]))\s*(?:"
    r"(?:please\s+)?(?:write|save|format|return|round|give|put|provide|express|present|answer|list|order|sort)\b[^.?!]*"
    rf"\b(?:answers?|formatted|yyyy|(?:an?|in|into|as|with)\s+(?:\w+\s+){{0,3}}(?:format|{_TYPE}))\b"
    r"|(?:please\s+)?answer\s+(?:in|with|as|by)\b"
    r"|(?:the\s+|your\s+)?(?:answer|output|result|response)s?\s+(?:shall|should|must|needs?|has|have)\b"
    r")(?:\b(?:e\.g|i\.e)\.|[^.?!]|\.(?=\S))*[.!]*",
    re.IGNORECASE,
)
"""A sentence that says how the answer should look: "Round your answer to two decimals". What is asked after it, is
asked."""

_LEAST_WORDS = 3

_NUMBERS = r"\d{1,4}(?:\s*(?:,|and|&|to|-|–)\s*(?:(?:page|p\.|slide)\s*)?\d{1,4})*"
_PAGES = re.compile(rf"\b(?:pages?|pp?\.|pg\.?|slides?)\s*(?:no\.?\s*|number\s*|#\s*)?({_NUMBERS})\b", re.IGNORECASE)
_ROMAN = re.compile(r"\b(?:pages?|pp?\.)\s*([ivxlc]{1,8})\b", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,4})\s*(?:to|-|–)\s*(\d{1,4})")
_LONGEST_RANGE = 20

_ORDINALS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        ("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th", "sixth 6th", "seventh 7th", "eighth 8th"), 1
    )
    for word in words.split()
}
_ORDINAL = re.compile(
    rf"\b(?P<nth>{'|'.join(_ORDINALS)})(?P<end>[\s-]+(?:to[\s-]+)?last)?\s+(?:page|slide)\b"
    rf"|\b(?:page|slide)\s+(?:(?:at|is)\s+)?the\s+(?P<counted>{'|'.join(_ORDINALS)})[\s-]+(?:to[\s-]+)?last\b"
    r"|\b(?P<last>last|final)\s+(?:page|slide)\b|\b(?P<penultimate>penultimate)\s+(?:page|slide)\b",
    re.IGNORECASE,
)

_LABEL = re.compile(
    r"\b(fig(?:ure)?|table|tab|chart|exhibit|appendix|chapter|section|unit|step)s?\.?\s{0,2}"
    r"(\d{1,3}(?:[.-]\d{1,3})*[a-z]?|[ivx]{1,5})\b",
    re.IGNORECASE,
)
"""What a document itself calls a part of it: "Figure 3", "Table 2.1"."""

SHEET, INCOME, CASH = "balance sheet", "statement of operations income", "statement of cash flows"

RATIOS: Mapping[str, str] = {
    r"current[ _]ratio|working[ _]capital": f"total current assets liabilities {SHEET}",
    r"(?:quick|acid.test|cash)[ _]ratio": f"cash equivalents investments receivable current liabilities {SHEET}",
    r"cash conversion cycle": f"inventories accounts receivable payable cost of sales revenues {SHEET} {INCOME}",
    r"inventory turnover|days inventory|\bdi[oh]\b": f"inventories cost of sales {SHEET} {INCOME}",
    r"receiv\w{0,9} turnover|days sales|\bdso\b": f"accounts receivable revenues net sales {SHEET} {INCOME}",
    r"payables? turnover|days payable|\bdpo\b": f"accounts payable cost of sales inventories {SHEET} {INCOME}",
    r"asset turnover": f"total assets revenues net sales {SHEET} {INCOME}",
    r"return on (?:total )?assets?|\broa\b": f"net income total assets {SHEET} {INCOME}",
    r"return on equity|\broe\b": f"net income total stockholders shareholders equity {SHEET} {INCOME}",
    r"return on (?:invested )?capital|\broic\b|\broce\b": f"operating income total debt equity {SHEET} {INCOME}",
    r"debt.to.equity|leverage ratio|gearing": f"total liabilities long-term debt stockholders equity {SHEET}",
    r"\bebitda\b": f"operating income depreciation amortization {INCOME} {CASH}",
    r"\bebit\b|interest coverage": f"operating income interest expense income taxes {INCOME}",
    r"operating cash flow": f"net cash provided by operating activities {CASH}",
    r"free cash flow|\bfcf\b|\bcapex\b": f"net cash from operating activities purchases of property equipment {CASH}",
    r"gross (?:profit )?margin|\bcogs\b": f"revenues cost of sales gross profit {INCOME}",
    r"operating (?:profit )?margin": f"operating income revenues net sales {INCOME}",
    r"net (?:profit )?margin|profit margin": f"net income revenues net sales {INCOME}",
    r"effective tax rate": f"provision for income taxes income before income taxes {INCOME}",
    r"dividend payout|retention ratio": f"dividends net income {CASH}",
    r"earnings per share|\beps\b": f"net income per share diluted {INCOME}",
}
"""Ratios of financial analysis and the lines of the statements they are computed from, by their textbook definitions.

No statement prints its current ratio: who asks for it is helped by the page with current assets and liabilities.
"""
_RATIOS = [(re.compile(pattern, re.IGNORECASE), lines) for pattern, lines in RATIOS.items()]

_QUOTIENT = re.compile(r"\b(?:ratio|turnover|margin|return on)\b", re.IGNORECASE)
_HOME = {
    SHEET: re.compile(
        r"\bassets?\b|liabilit|\bdebt\b|\bequity\b|inventor(?:y|ies)|receivable|payable|cash balance|working capital",
        re.IGNORECASE,
    ),
    INCOME: re.compile(r"\brevenues?\b|\bsales\b|\bcosts? of\b|\bincome\b|profit|expense|\btax", re.IGNORECASE),
    CASH: re.compile(r"cash flow|capital expenditure", re.IGNORECASE),
}
"""Where the terms of a ratio that has no name of its own stand: "interest expense to long-term debt ratio"."""

_NAME = re.compile(r"(?<![.?!:;] )(?<=\s)[^\W\d_a-z][\w-]*|\b\w*\d\w*\b|\b[A-Z]{2,}\b")
"""What is written with a capital inside a sentence, has a digit, or is an abbreviation."""

_CHAPTERS = re.compile(r"\b(?:chapters|sections)\b", re.IGNORECASE)
_LISTED = re.compile(r"\b(?:list|name|number|title)s?\b", re.IGNORECASE)
_CHAPTER = re.compile(r"\b(?:chapter|section)\b", re.IGNORECASE)
"""Who asks for chapters, asks for what the table of contents lists."""

_THING = r"(?:report|document|presentation|paper|book|article|study|case|guide|manual|brochure|slides?|deck|thesis)"
_MADE = r"(?:authored|created|made|issued|prepared|presented|published|released|wrote|written)"
_FRONT = re.compile(
    rf"\b(?:authors?|titles?|dates?|years?|subject|publisher)\s+(?:\w+\s+)?(?:of|is|was)\s+(?:this|the)\s+(?:\w+\s+)?{_THING}\b"
    rf"|\b{_THING}\s+(?:dates?|years?|titles?|authors?)\b"
    rf"|\b{_MADE}\s+(?:this|the)\s+(?:\w+\s+)?{_THING}\b"
    rf"|\b(?:this|the)\s+(?:\w+\s+)?{_THING}\s+(?:was\s+)?{_MADE}\b"
    r"|\bwho\s+(?:is|are|was|were)\s+the\s+(?:authors?|editors?|publishers?|plaintiffs?|defendants?)\b"
    r"|\b(?:case|docket|filing)\s+(?:number|no|id)\b|\bcover\s+page\b|\bfront\s+cover\b|\b(?:on|of)\s+the\s+cover\b",
    re.IGNORECASE,
)
"""What a document says of itself, on its first page: who wrote it, when, for whom; the parties of a case."""


@dataclass(frozen=True, slots=True)
class Places:
    """Pages that a question names: as counted or printed (`pages`), counted from the end (`from_end`, last: 1), as
    only printed (`printed`: "vi"), by what stands there (`statements`), and the first of all (`front`)."""

    pages: tuple[int, ...] = ()
    from_end: tuple[int, ...] = ()
    printed: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    front: bool = False

    def __bool__(self) -> bool:
        return bool(self.pages or self.from_end or self.printed or self.statements or self.front)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is made of a question. `about`: it, without what it says of its answer's form. `words`: those that say what
    it is about. `searched`: these, what goes with them, and names once more, for they count twice."""

    about: str
    words: tuple[str, ...]
    searched: tuple[str, ...]
    places: Places


def asked_for(query: str, tricks: Collection[str]) -> Asked:
    """The question taken apart; `tricks` are those of settings.TRICKS that are used."""
    about = matter(query) if "form" in tricks else query
    words = content_words(about)
    more = phrases(about) if "parts" in tricks else []
    if "ratios" in tricks:
        more += content_words(related(about))
    twice = names(about) if "names" in tricks else []
    named = places(about)
    if "ratios" not in tricks:
        named = replace(named, statements=())
    if "front" not in tricks:
        named = replace(named, front=False)
    return Asked(about, tuple(words), (*dict.fromkeys(words + more), *twice), named)


def matter(query: str) -> str:
    """The question without what it says about the answer's form; all of it when little else is left."""
    rest = _FORM.sub(" ", query).strip()
    return rest if len(rest.split()) >= _LEAST_WORDS else query


def places(query: str) -> Places:
    """The pages the question names, in its order."""
    pages: dict[int, None] = {}
    ends: dict[int, None] = {}
    for found in _PAGES.finditer(query):
        numbers = found[1]
        for span in _RANGE.finditer(numbers):
            first, last = int(span[1]), int(span[2])
            if first < last <= first + _LONGEST_RANGE:
                pages |= dict.fromkeys(range(first, last + 1))
        pages |= dict.fromkeys(int(number) for number in re.findall(r"\d+", numbers))
    for found in _ORDINAL.finditer(query):
        nth = _ORDINALS.get(_folded(found["nth"] or ""), 1)
        if found["penultimate"]:
            ends[2] = None
        elif found["counted"]:
            ends[_ORDINALS.get(_folded(found["counted"]), 1)] = None
        elif found["last"] or found["end"]:
            ends[nth] = None
        else:
            pages[nth] = None
    printed = dict.fromkeys(found[1].lower() for found in _ROMAN.finditer(query))
    named = tuple(page for page in pages if page > 0)
    return Places(named, tuple(ends), tuple(printed), _statements(query), bool(_FRONT.search(query)))


def _folded(word: str) -> str:
    """A word as _ORDINALS has it: IGNORECASE also matches "fİrst" and "firſt"."""
    return word.replace("İ", "i").casefold()


def _statements(query: str) -> tuple[str, ...]:
    lines, quotient = related(query), _QUOTIENT.search(query)
    return tuple(name for name, home in _HOME.items() if name in lines or (quotient and home.search(query)))


def names(query: str) -> list[str]:
    """The words of names, numbers and abbreviations in the question, lower case, but for numbers of pages."""
    told = (word for match in _NAME.finditer(_PAGES.sub(" ", query)) for word in tokens(match.group()))
    found = dict.fromkeys(told)
    return [word for word in found if word not in STOP_WORDS]


def phrases(query: str) -> list[str]:
    """What the question calls parts of a document, as phrases to search for: ["figure 3", "fig 3"]."""
    found: dict[str, None] = {}
    for match in _LABEL.finditer(query):
        kind, number = match[1].lower(), " ".join(re.findall(r"[^\W_]+", match[2].lower()))
        found[f"{kind} {number}"] = None
        if kind in ("fig", "figure"):
            found |= dict.fromkeys((f"figure {number}", f"fig {number}"))
    if _asks_for_chapters(query):
        found |= dict.fromkeys(("contents", "table of contents"))
    return list(found)


def _asks_for_chapters(query: str) -> bool:
    """Whether it says "chapters", or in one sentence first "list" and then "chapter"."""
    if _CHAPTERS.search(query):
        return True
    for sentence in re.split(r"[.?!]", query):
        listed = _LISTED.search(sentence)
        if listed and _CHAPTER.search(sentence, listed.end()):
            return True
    return False


def related(query: str) -> str:
    """Words of what the question's terms are computed from; empty for most questions."""
    line = " ".join(query.split())
    return " ".join(lines for pattern, lines in _RATIOS if pattern.search(line))
