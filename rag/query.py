"""What a question says beside its words: how the answer should look, where it stands, what else it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
    r"|\b(?P<last>last|final)\s+(?:page|slide)\b|\b(?P<penultimate>penultimate)\s+(?:page|slide)\b",
    re.IGNORECASE,
)

_LABEL = re.compile(
    r"\b(fig(?:ure)?|table|tab|chart|exhibit|appendix|chapter|section|unit|step)s?\.?\s{0,2}"
    r"(\d{1,3}(?:[.-]\d{1,3})*[a-z]?|[ivx]{1,5})\b",
    re.IGNORECASE,
)
"""What a document itself calls a part of it: "Figure 3", "Table 2.1"."""

_SHEET, _INCOME, _CASH = "balance sheet", "statement of operations income", "statement of cash flows"

RATIOS: Mapping[str, str] = {
    r"current[ _]ratio|working[ _]capital": f"total current assets liabilities {_SHEET}",
    r"(?:quick|acid.test|cash)[ _]ratio": f"cash equivalents investments receivable current liabilities {_SHEET}",
    r"cash conversion cycle": f"inventories accounts receivable payable cost of sales revenues {_SHEET} {_INCOME}",
    r"inventory turnover|days inventory|\bdi[oh]\b": f"inventories cost of sales {_SHEET} {_INCOME}",
    r"receiv\w* turnover|days sales|\bdso\b": f"accounts receivable revenues net sales {_SHEET} {_INCOME}",
    r"payables? turnover|days payable|\bdpo\b": f"accounts payable cost of sales inventories {_SHEET} {_INCOME}",
    r"asset turnover": f"total assets revenues net sales {_SHEET} {_INCOME}",
    r"return on (?:total )?assets?|\broa\b": f"net income total assets {_SHEET} {_INCOME}",
    r"return on equity|\broe\b": f"net income total stockholders shareholders equity {_SHEET} {_INCOME}",
    r"return on (?:invested )?capital|\broic\b|\broce\b": f"operating income total debt equity {_SHEET} {_INCOME}",
    r"debt.to.equity|leverage ratio|gearing": f"total liabilities long-term debt stockholders equity {_SHEET}",
    r"\bebitda\b": f"operating income depreciation amortization {_INCOME} {_CASH}",
    r"\bebit\b|interest coverage": f"operating income interest expense income taxes {_INCOME}",
    r"operating cash flow": f"net cash provided by operating activities {_CASH}",
    r"free cash flow|\bfcf\b|\bcapex\b": f"net cash from operating activities purchases of property equipment {_CASH}",
    r"gross (?:profit )?margin|\bcogs\b": f"revenues cost of sales gross profit {_INCOME}",
    r"operating (?:profit )?margin": f"operating income revenues net sales {_INCOME}",
    r"net (?:profit )?margin|profit margin": f"net income revenues net sales {_INCOME}",
    r"effective tax rate": f"provision for income taxes income before income taxes {_INCOME}",
    r"dividend payout|retention ratio": f"dividends net income {_CASH}",
    r"earnings per share|\beps\b": f"net income per share diluted {_INCOME}",
}
"""Ratios of financial analysis and the lines of the statements they are computed from, by their textbook definitions.

No statement prints its current ratio: who asks for it is helped by the page with current assets and liabilities.
"""
_RATIOS = [(re.compile(pattern, re.IGNORECASE), lines) for pattern, lines in RATIOS.items()]


@dataclass(frozen=True, slots=True)
class Places:
    """Pages that a question names: as counted or printed (`pages`), counted from the end (`from_end`, last: 1), and
    as only printed (`printed`: "vi")."""

    pages: tuple[int, ...] = ()
    from_end: tuple[int, ...] = ()
    printed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.pages or self.from_end or self.printed)


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
        nth = _ORDINALS.get((found["nth"] or "").lower(), 1)
        if found["penultimate"]:
            ends[2] = None
        elif found["last"] or found["end"]:
            ends[nth] = None
        else:
            pages[nth] = None
    printed = dict.fromkeys(found[1].lower() for found in _ROMAN.finditer(query))
    return Places(tuple(page for page in pages if page > 0), tuple(ends), tuple(printed))


def phrases(query: str) -> list[str]:
    """What the question calls parts of a document, as phrases to search for: ["figure 3", "fig 3"]."""
    found: dict[str, None] = {}
    for match in _LABEL.finditer(query):
        kind, number = match[1].lower(), " ".join(re.findall(r"[^\W_]+", match[2].lower()))
        found[f"{kind} {number}"] = None
        if kind in ("fig", "figure"):
            found |= dict.fromkeys((f"figure {number}", f"fig {number}"))
    return list(found)


def related(query: str) -> str:
    """Words of what the question's terms are computed from; empty for most questions."""
    return " ".join(lines for pattern, lines in _RATIOS if pattern.search(query))
