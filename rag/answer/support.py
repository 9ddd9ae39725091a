"""Whether pages support a statement: what it says has to be on them, and beside the same words.

A number that is on the page says nothing if it belongs to something else there: of the values of one kind, the
statement's own has to be the nearest to the statement's other words, or nearly so.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.analysis.languages import question_language
from rag.analysis.pieces import split_spaceless
from rag.answer.codes import find_codes
from rag.answer.comparison import find_comparisons
from rag.answer.function_words import detect_language
from rag.answer.name_rivals import exchanged_names
from rag.answer.names import find_full_names, find_names
from rag.answer.nearness import nearness, words_near
from rag.answer.negation import Polarity, knows_negations
from rag.answer.numbers import Value, find_numerals, normalize_text
from rag.answer.page_text import Fact, Layout, PageText, clause_polarities, kind_of, lay_out
from rag.answer.range_ends import is_other_end
from rag.answer.scatter import is_scattered
from rag.answer.statements import Statement
from rag.answer.units import unit_of
from rag.text import split_words

_RIVAL = 1.1
"""How much better a value has to fit than the statement's own, so that the statement is wrong."""

_MIN_RIVAL = 0.07
"""The least by which it has to fit better, in words that stand next to it."""

_MIN_CLAUSE = 0.5
"""Share of the words of a clause that a clause of the page must have, so that the two can contradict each other."""

_MIN_CLAUSE_WORDS = 2

_MIN_DENIED = 0.5
"""Share of the words of a denial without values that one clause of the page must have: a page that says nothing of it
does not deny it."""

_AGREEING = 0.75
"""Share of the words of the best contradicting clause that an agreeing one needs to outweigh it."""

_NO_YEAR = 0.75
"""What the fit of another number counts if the statement's own can be a year."""

_BESIDE = 0.3
"""What a word in the clause beside counts."""

_MIN_SHARED = 0.45
"""Share of a statement's content words that its pages must have, in their language. Every paraphrase of `make
bench-grounding` without values has at least half of its words from its own page."""

_MIN_SHARED_BESIDE_VALUES = 0.25
_MIN_WORDS_BESIDE_VALUES = 4
"""The same for a statement with numbers, codes or names that are on its pages, from this number of words on. One with
one word fewer needs one of them."""


_SAID_ONCE = frozenset({"date", "url", "e-mail", "path", "option", "file", "word"})
"""Kinds of values that a sentence has no reason to name twice."""

_LEAD = 48
"""Characters before a value that are looked at."""

_YEAR = re.compile("(?:19|20)[0-9]{2}")


@dataclass(frozen=True, slots=True)
class _Claim:
    """A number, date or code of a statement, at `start` to `end`."""

    kind: str
    written: str
    start: int
    end: int
    readings: tuple[frozenset[Value], ...]
    unit: str = ""
    lead: str = ""
    """The words before it."""


def find_missing(statement: Statement, pages: Sequence[PageText], language: str) -> tuple[str, ...]:
    """Return the numbers, codes and names that the pages do not support, and clauses that they contradict.

    Return the whole statement if it shares too few words with the pages; with any of these on them, fewer are enough.
    The number of items in the list that a statement introduces is always supported. `language` is that of the answer.
    """
    text = normalize_text(statement.text)
    claims = _claims(text)
    in_claims = {at for claim in claims for at in range(claim.start, claim.end)}
    if not detect_language(text) and any(page.analyzed_in == "de" for page in pages):
        language = "de"
    names = [(at, name) for at, name in find_names(text, language, title=statement.title) if at not in in_claims]
    in_names = {at for start, name in names for at in range(start, start + len(name))}
    claims = [claim for claim in claims if claim.start not in in_names]
    layouts = {page.analyzed_in: lay_out(text, page.analyzed_in) for page in pages}
    claimed = frozenset((claim.kind, value) for claim in claims for value in claim.readings[0])
    missing = [claim.written for claim in claims if not _is_supported(claim, claimed, statement, pages, layouts)]
    missing += _repeated(claims, pages)
    missing += [name for _, name in names if not any(page.has_name(name) for page in pages)]
    if not missing:
        full = find_full_names(text, language, title=statement.title)
        missing = exchanged_names([one for one in full if one[0] not in in_claims], pages, layouts)
    has_values = bool(claims or names)
    if not missing:
        missing = _contradicted(text, pages, layouts, has_values=has_values)
    if not missing and (
        not _shares_words(text, claims, pages, layouts, has_values=has_values)
        or _is_scattered(claims, pages, layouts)
        or _is_own_comparison(text, pages, layouts)
    ):
        missing = [text.strip()]
    return tuple(dict.fromkeys(missing))


def _is_scattered(claims: Sequence[_Claim], pages: Sequence[PageText], layouts: Mapping[str, Layout]) -> bool:
    sentences = [
        [{fact.sentence for fact in page.facts.get(claim.kind, ()) if _is_own(claim, fact)} for claim in claims]
        for page in pages
    ]
    in_claims = frozenset(at for claim in claims for at in range(claim.start, claim.end))
    return is_scattered(pages, layouts, sentences, in_claims)


def _is_own_comparison(text: str, pages: Sequence[PageText], layouts: Mapping[str, Layout]) -> bool:
    """Return whether a statement compares two things, and no sentence with two of its words does."""
    if not any(find_comparisons(text)):
        return False
    for page in pages:
        words = {token.stem for token in layouts[page.analyzed_in].tokens}
        shared = Counter(sentence for word in words for sentence in page.sentences_of(word))
        if not _is_written_in(text, page) or any(shared[sentence] > 1 for sentence in page.comparisons):
            return False
    return True


def is_denied(statement: Statement, missing: Sequence[str]) -> bool:
    """Return whether a page denies a statement that denies nothing itself. `missing`: what `find_missing` returned."""
    text = normalize_text(statement.text)
    if tuple(missing) != (text.strip(),):
        return False
    language, _ = question_language(text, [word.lower() for word in split_words(text)], ())
    return not any(one.denies for one in clause_polarities(text, lay_out(text, language), language))


def share_on_page(statement: Statement, page: PageText) -> float:
    """Return the share of a statement's numbers, codes and content words that a page has; 0 if it has too few of them.

    A number alone could be on any page. Between two languages, only numbers and codes count.
    """
    text = normalize_text(statement.text)
    claims = _claims(text)
    words = {token.stem for token in lay_out(text, page.analyzed_in).tokens}
    present = sum(_is_present(claim, [page]) for claim in claims)
    shared = sum(word in page.places for word in words)
    if not claims and shared < _MIN_CLAUSE_WORDS:
        return 0.0
    if claims and present == len(claims) and not _is_written_in(text, page):
        return 1.0
    return (present + shared) / (len(claims) + len(words))


def has_content(statement: Statement) -> bool:
    """Return whether a statement says more than "Yes" or "Here it is": a number, a code, or two content words."""
    text = normalize_text(statement.text)
    words = split_words(text)
    language, _ = question_language(text, [word.lower() for word in words], ())
    return bool(_claims(text)) or len({token.stem for token in lay_out(text, language).tokens}) >= _MIN_CLAUSE_WORDS


def _claims(text: str) -> list[_Claim]:
    claims = [
        _Claim(code.kind, code.written, code.start, code.end, (frozenset({code.key}),), "", _lead(text, code.start))
        for code in find_codes(text)
    ]
    in_codes = {at for claim in claims for at in range(claim.start, claim.end)}
    for numeral in find_numerals(text):
        if numeral.start not in in_codes:
            kind = kind_of(numeral.readings[0])
            unit = unit_of(text, numeral.start, numeral.end)
            claims.append(
                _Claim(
                    kind,
                    numeral.written,
                    numeral.start,
                    numeral.end,
                    numeral.readings,
                    unit,
                    _lead(text, numeral.start),
                )
            )
    return claims


def _repeated(claims: Sequence[_Claim], pages: Sequence[PageText]) -> Iterator[str]:
    """Yield dates and codes that a statement has twice and no sentence of the pages does: "use X instead of X"."""
    count = Counter((claim.kind, claim.readings[0]) for claim in claims if claim.kind in _SAID_ONCE)
    for claim in claims:
        if count[claim.kind, claim.readings[0]] > 1:
            said = Counter(
                (number, fact.sentence)
                for number, page in enumerate(pages)
                for fact in page.facts.get(claim.kind, ())
                if _is_own(claim, fact)
            )
            if max(said.values(), default=0) < 2:
                yield claim.written


def _lead(text: str, start: int) -> str:
    return text[max(0, start - _LEAD) : start]


def _is_supported(
    claim: _Claim,
    claimed: frozenset[tuple[str, Value]],
    statement: Statement,
    pages: Sequence[PageText],
    layouts: Mapping[str, Layout],
) -> bool:
    """Return whether the pages have a value, and no rival of it fits the words around the claim better.

    A rival is a value of the same kind and unit that the statement does not claim, too, and not the other end of a
    range: words belong to both of its ends.
    """
    if claim.kind == "number" and statement.items and frozenset({str(statement.items)}) in claim.readings:
        return True
    if not _is_present(claim, pages):
        return False
    if claim.kind in ("month", "weekday"):
        return True
    is_year = any(map(_has_year, claim.readings))
    own, other, is_somewhere = 0.0, 0.0, False
    for page in pages:
        facts = page.facts.get(claim.kind, ())
        context = words_near(claim.start, claim.end, layouts[page.analyzed_in], page)
        mine = [fact for fact in facts if _is_own(claim, fact)]
        if is_other_end(claim.lead, mine, facts):
            continue
        is_somewhere = True
        own = max([own, *(nearness(context, page, fact.place) for fact in mine if _fits(claim, fact))])
        units = {claim.unit} if any(fact.unit == claim.unit for fact in mine) else {claim.unit, ""}
        ranges = {fact.range for fact in mine}
        rivals = [
            fact
            for fact in facts
            if fact.unit in units
            and fact.range not in ranges
            and not any((fact.kind, value) in claimed for value in fact.values)
        ]
        weights = [1.0 if _has_year(fact.values) or not is_year else _NO_YEAR for fact in rivals]
        near = [nearness(context, page, fact.place) for fact in rivals]
        other = max([other, *(one * weight for one, weight in zip(near, weights, strict=True))])
    return is_somewhere and (own == 0 or other <= max(own * _RIVAL, own + _MIN_RIVAL))


def _is_present(claim: _Claim, pages: Sequence[PageText]) -> bool:
    """Return whether the pages have a value at all, with its unit."""
    if claim.kind in ("number", "date", "month", "weekday"):
        known = frozenset[Value]().union(*(page.values for page in pages))
        if not any(reading <= known for reading in claim.readings):
            return False
        if claim.kind == "date" and not any(_has_date(claim, page) for page in pages):
            return False
        same = [fact for page in pages for fact in page.facts.get(claim.kind, ()) if _is_own(claim, fact)]
        return not same or any(_fits(claim, fact) for fact in same)
    (key,) = claim.readings[0]
    return any(
        any(key in fact.values for fact in page.facts.get(claim.kind, ()))
        or (claim.kind == "identifier" and page.has_name(claim.written))
        for page in pages
    )


def _has_date(claim: _Claim, page: PageText) -> bool:
    """Return whether a page has a date, or its day, month and year in one sentence."""
    for reading in claim.readings:
        if any(reading <= fact.values for fact in page.facts.get("date", ())):
            return True
        of_parts = [
            {
                fact.sentence
                for kind, facts in page.facts.items()
                for fact in facts
                if value in fact.values and (kind != "date" or _YEAR.fullmatch(value))
            }
            for value in reading
        ]
        if set[int].intersection(*of_parts):
            return True
    return False


def _is_own(claim: _Claim, fact: Fact) -> bool:
    return any(reading <= fact.values for reading in claim.readings)


def _has_year(values: Iterable[Value]) -> bool:
    return any(_YEAR.fullmatch(value) for value in values)


def _is_time(fact: Fact) -> bool:
    return any(value.startswith(("time:", "date:")) for value in fact.values)


def _fits(claim: _Claim, fact: Fact) -> bool:
    """Return whether the units do not differ. A number in a table may have its unit elsewhere; a date has none."""
    return not claim.unit or claim.unit == fact.unit or (not fact.unit and not _is_time(fact))


def _contradicted(
    text: str, pages: Sequence[PageText], layouts: Mapping[str, Layout], *, has_values: bool
) -> list[str]:
    """Return the statement if it denies what its page says, or says what its page denies."""
    for language, layout in layouts.items():
        same = [page for page in pages if page.analyzed_in == language]
        if same and knows_negations(language) and _is_contradicted(text, same, layout, language, has_values=has_values):
            return [text.strip()]
    return []


def _is_contradicted(text: str, pages: Sequence[PageText], layout: Layout, language: str, *, has_values: bool) -> bool:
    """Return whether the clauses of the pages that are nearest to a statement all have the other polarity."""
    clauses = clause_polarities(text, layout, language)
    denied = {number for number, one in enumerate(clauses) if one.denies}
    counted = clauses if len(denied) % 2 else [clauses[number] for number in sorted(denied)[:1]] or clauses
    own = Polarity(
        sum(one.denies for one in counted) % 2 == 1,
        sum(one.odd for one in counted) % 2 == 1,
        ends=any(one.ends for one in counted),
        changes=any(one.changes for one in counted),
    )
    words = {token.stem for token in layout.tokens if not own.denies or token.clause in denied}
    if len(words) < _MIN_CLAUSE_WORDS:
        words = {token.stem for token in layout.tokens}
    agreeing, contradicting = 0.0, 0.0
    for page in pages:
        for clause, score in _clause_scores(words, page).items():
            contradicts = own.contradicts(page.polarities[clause])
            if not contradicts or (own.denies and _is_beside_denial(page, clause, words)):
                agreeing = max(agreeing, score)
            else:
                contradicting = max(contradicting, score)
    known = sum(any(word in page.places for page in pages) for word in words)
    if not has_values and own.denies and not own.changes and agreeing < _MIN_DENIED * len(words):
        return True
    return contradicting >= max(_MIN_CLAUSE_WORDS, _MIN_CLAUSE * known) and agreeing < _AGREEING * contradicting


def _is_beside_denial(page: PageText, clause: int, words: set[str]) -> bool:
    """Return whether a negated clause of the same sentence has one of the words that this clause does not have."""
    return any(
        page.polarities[other].denies
        for word in words
        if clause not in page.clauses_of.get(word, ())
        for other in page.clauses_of.get(word, ())
        if page.layout.sentences[other] == page.layout.sentences[clause]
    )


def _beside(page: PageText, clause: int) -> list[int]:
    sentences = page.layout.sentences
    return [
        near for near in (clause - 1, clause + 1) if 0 <= near < len(sentences) and sentences[near] == sentences[clause]
    ]


def _clause_scores(words: set[str], page: PageText) -> dict[int, float]:
    """Return how many of the words each clause of a page has, with its subject, and a part of those beside it."""
    found: dict[int, set[str]] = defaultdict(set)
    for word in words:
        for clause in page.clauses_of.get(word, ()):
            found[clause].add(word)
    scores: dict[int, float] = {}
    for clause, own in list(found.items()):
        continued = page.layout.continued[clause]
        whole = own | found[clause - 1] if continued and clause - 1 in found else own
        around = max((len(found[near]) for near in _beside(page, clause) if near in found), default=0)
        scores[clause] = len(whole) + _BESIDE * around
    return scores


def _shares_words(
    text: str,
    claims: Sequence[_Claim],
    pages: Sequence[PageText],
    layouts: Mapping[str, Layout],
    *,
    has_values: bool,
) -> bool:
    """Return whether enough content words of a statement are on the pages; always True between two languages."""
    if has_values and any(isinstance(part, list) for word in split_words(text) for part in split_spaceless(word)):
        return True  # pairs of letters are too many to be shared
    in_claims = {at for claim in claims for at in range(claim.start, claim.end)}
    least = _MIN_WORDS_BESIDE_VALUES if has_values else _MIN_CLAUSE_WORDS
    share = _MIN_SHARED_BESIDE_VALUES if has_values else _MIN_SHARED
    for page in pages:
        words = {token.stem for token in layouts[page.analyzed_in].tokens if token.start not in in_claims}
        known = sum(word in page.places for word in words)
        if known >= share * len(words) if len(words) >= least else known or not has_values or len(words) < least - 1:
            return True
        if not _is_written_in(text, page):
            return True
    return False


def _is_written_in(text: str, page: PageText) -> bool:
    """Return whether a text is in the language of a page."""
    return (
        question_language(text, [word.lower() for word in split_words(text)], [page.analyzed_in])[0] == page.analyzed_in
    )
