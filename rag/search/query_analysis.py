"""Turn a question, or a picture with its words, into a Query."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from rag.analysis.languages import detect_language
from rag.analysis.question import make_term, question_terms
from rag.model.extraction import ExtractedPage
from rag.ports import Term
from rag.search.glossary import Expansion, Glossary
from rag.search.overviews import read_overview
from rag.search.page_phrases import find_page_references, without_page_numbers
from rag.search.query import Query
from rag.text import STOP_WORDS, part_label, tokens, with_broken_words

_TYPE = r"(?:integer|int|float|decimals?|string)"
_ANSWER_FORMAT = re.compile(
    r"(?:^|(?<=[.?!;]))\s*(?:"
    r"(?:please\s+)?(?:write|save|format|return|round|give|put|provide|express|present|answer|list|order|sort)\b[^.?!]*"
    rf"\b(?:answers?|formatted|yyyy|(?:an?|in|into|as|with)\s+(?:\w+\s+){{0,3}}(?:format|{_TYPE}))\b"
    r"|(?:please\s+)?answer\s+(?:in|with|as|by)\b"
    r"|(?:the\s+|your\s+)?(?:answer|output|result|response)s?\s+(?:shall|should|must|needs?|has|have)\b"
    r")(?:\b(?:e\.g|i\.e)\.|[^.?!]|\.(?=\S))*[.!]*",
    re.IGNORECASE,
)
"""A sentence about the form of the answer: "Round your answer to two decimals". A question after it is kept."""

_MIN_WORDS = 3
"""Words that must remain of a question; if fewer do, its instructions are kept."""

_MAX_PICTURE_TERMS = 100
"""Words of a picture that are searched for; more only take time."""

_PART_LABEL = re.compile(
    part_label(r"(?:fig(?:ure)?|table|tab|chart|exhibit|appendix|chapter|section|unit|step)s?"), re.IGNORECASE
)
"""How documents label their parts: "Figure 3", "Table 2.1"."""

_NAME = re.compile(r"(?<![.?!:;] )(?<=\s)[^\W\d_a-z][\w-]*|\b\w*\d\w*\b|\b[A-Z]{2,}\b")
"""A word with a capital inside a sentence, with a digit, or an abbreviation."""

_CHAPTERS = re.compile(r"\b(?:chapters|sections)\b", re.IGNORECASE)
_LISTED = re.compile(r"\b(?:list|name|number|title)s?\b", re.IGNORECASE)
_CHAPTER = re.compile(r"\b(?:chapter|section)\b", re.IGNORECASE)
"""Questions about chapters are answered by the table of contents."""

_THING = r"(?:report|document|presentation|paper|book|article|study|case|guide|manual|brochure|slides?|deck|thesis)"
_MADE = r"(?:authored|created|made|issued|prepared|presented|published|released|wrote|written)"
_FRONT_PAGE = re.compile(
    rf"\b(?:authors?|titles?|dates?|years?|subject|publisher)\s+(?:\w+\s+)?(?:of|is|was)\s+(?:this|the)\s+(?:\w+\s+)?{_THING}\b"
    rf"|\b{_THING}\s+(?:dates?|years?|titles?|authors?)\b"
    rf"|\b{_MADE}\s+(?:this|the)\s+(?:\w+\s+)?{_THING}\b"
    rf"|\b(?:this|the)\s+(?:\w+\s+)?{_THING}\s+(?:was\s+)?{_MADE}\b"
    r"|\bwho\s+(?:is|are|was|were)\s+the\s+(?:authors?|editors?|publishers?|plaintiffs?|defendants?)\b"
    r"|\b(?:case|docket|filing)\s+(?:number|no|id)\b|\bcover\s+page\b|\bfront\s+cover\b|\b(?:on|of)\s+the\s+cover\b",
    re.IGNORECASE,
)
"""Questions about what the first page says: author, date, addressee, the parties of a case."""


def analyze_question(
    question: str, features: Collection[str], glossary: Glossary, languages: Collection[str] = ()
) -> Query:
    """Return the query for a question; `features` are the enabled ones of settings.QUERY_FEATURES.

    `languages` are those of the texts to search: the words of a question are analyzed in each of them.
    """
    text = strip_answer_format(question) if "form" in features else question
    found = question_terms(text, languages)
    name_words = set(find_names(text))
    names = tuple(term for term in found.terms if not name_words.isdisjoint(tokens(term.text)))
    expansion = glossary.expand(text) if "glossary" in features else Expansion()
    labels = find_part_labels(text) if "parts" in features else []
    front = "front" in features and _FRONT_PAGE.search(text) is not None
    references = replace(find_page_references(text), kinds=expansion.kinds, front=front)
    related = [make_term(text, {*languages, "en"}) for text in (*labels, *expansion.words)]
    distinct: dict[str, Term] = {}
    for term in (*found.terms, *related, *found.more):
        distinct.setdefault(term.text, term)
    equivalents = {
        word: tuple(make_term(other, {*languages, "en"}) for other in others)
        for word, others in expansion.equivalents.items()
    }
    return Query(
        text,
        terms=found.terms,
        parts=found.parts,
        pairs=found.pairs,
        names=names,
        search_terms=tuple(distinct.values()),
        references=references,
        overview=read_overview(text),
        equivalents=equivalents,
        has_only_stop_words=found.has_only_stop_words,
        language=found.language,
    )


def analyze_picture(picture: Path, extracted: ExtractedPage, languages: Collection[str] = ()) -> Query:
    """Return the query for a picture, with the words recognized in it."""
    text = with_broken_words("\n".join(block.text for block in extracted.blocks))
    # Unlike a question, a picture with many words has a sure language.
    own = detect_language(text)
    terms = question_terms(text, {own} if own else languages).terms[:_MAX_PICTURE_TERMS]
    return Query(terms=terms, search_terms=terms, picture=picture)


def strip_answer_format(question: str) -> str:
    """Return the question without instructions about the form of the answer; all of it if little else is left."""
    rest = _ANSWER_FORMAT.sub(" ", question).strip()
    return rest if len(rest.split()) >= _MIN_WORDS else question


def find_names(question: str) -> list[str]:
    """Return the words of names, numbers and abbreviations in lower case, without page numbers."""
    words = (word for match in _NAME.finditer(without_page_numbers(question)) for word in tokens(match.group()))
    return [word for word in dict.fromkeys(words) if word not in STOP_WORDS]


def find_part_labels(question: str) -> list[str]:
    """Return the labels of document parts in the question, as phrases to search for: ["figure 3", "fig 3"]."""
    found: dict[str, None] = {}
    for match in _PART_LABEL.finditer(question):
        kind, number = match[1].lower().removesuffix("s"), " ".join(tokens(match[2]))
        found[f"{kind} {number}"] = None
        if kind in ("fig", "figure"):
            found |= dict.fromkeys((f"figure {number}", f"fig {number}"))
    if _asks_for_chapters(question):
        found |= dict.fromkeys(("contents", "table of contents"))
    return list(found)


def _asks_for_chapters(question: str) -> bool:
    """Return whether the question has "chapters", or "list" before "chapter" in one sentence."""
    if _CHAPTERS.search(question):
        return True
    for sentence in re.split(r"[.?!]", question):
        listed = _LISTED.search(sentence)
        if listed and _CHAPTER.search(sentence, listed.end()):
            return True
    return False
