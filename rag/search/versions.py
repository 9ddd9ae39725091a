"""Recognize versions of a document, and rank the newer one first: "Price list 2025.pdf" and "Price list 2026.pdf"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from sqlalchemy import Connection

from rag.catalog.chunks import page_texts
from rag.catalog.scope import shares_shown
from rag.model.search import PageKey, Scope
from rag.search.near_duplicates import MAX_COMPARED, is_twin, template_words
from rag.text import fold

_SAME_SCORE = 0.9
"""Versions with at least this share of the best one's score fit the question equally well."""

_SECONDS = 60
"""Versions that are shared within this time have no order by it."""

_MARK = re.compile(
    r"\b(?:v|ver|version|rev|revision|r|draft|stand|fassung|entwurf|borrador|bozza|rascunho)[ .]?\d[\d. ]*"
    r"|\b(?:final|draft|copy|kopie|copie|copia|kopia|old|new|neu|alt|latest|current|updated|update|signed|entwurf)\b"
    r"|\b(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-z]{0,6}\b"
    r"|\b(?:q[1-4]|h[12]|fy ?\d{2,4})\b|\(\d{1,2}\)|\b(?:19|20)\d{2}(?:[ .]?\d{2}(?:[ .]?\d{2})?)?\b"
    r"|\b\d{1,2}[ .]\d{1,2}[ .](?:19|20)?\d{2}\b"
)
"""What names of versions differ by: numbers of versions, words such as "final", dates, years and quarters."""

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")
_VERSION = re.compile(r"\b(?:v|ver|version|rev|revision)[ .]?(\d+(?:[ .]\d+)*)")
_WANTS_BOTH = re.compile(r"\b(?:history|changed|changes|compare|compared|difference)\b", re.IGNORECASE)
_WANTS_NEWEST = re.compile(
    r"\b(?:current(?:ly)?|latest|newest|most recent|up[- ]to[- ]date|today"
    r"|aktuell\w*|neue?ste\w*|actuel\w*|plus récent\w*|actual|actuales|vigentes?|más reciente\w*"
    r"|attual\w*|più recent\w*|huidige|actuele|nieuwste|atual|atuais|mais recente\w*|aktualn\w*|najnowsz\w*"
    r"|текущ\w*|актуальн\w*|новейш\w*)\b"
    r"|最新|現在|現行|当前|目前|现行",
    re.IGNORECASE,
)
_WANTS_OLD = re.compile(
    r"\b(?:old|older|oldest|previous|former|earlier|original|first version|outdated|superseded"
    r"|alte|alten|ältere|vorherige|frühere|ursprüngliche|ancien|ancienne|précédent\w*"
    r"|antigu[oa]|anterior|vecchi[oa]|precedente|oude|vorige|star[aey]|poprzedni\w*|стар\w+|прежн\w+|предыдущ\w+)\b"
    r"|旧|以前|前の版|上一版",
    re.IGNORECASE,
)
"""Words that ask for another version than the newest one."""


@dataclass(frozen=True, slots=True)
class RankedVersions:
    """Pages, best first, with newer versions in the places of older ones, and {older page: the newest version's}."""

    pages: tuple[PageKey, ...]
    newer: Mapping[PageKey, PageKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Candidate:
    page: PageKey
    name: str
    family: str
    words: frozenset[str]
    shared_at: float

    @property
    def years(self) -> tuple[str, ...]:
        return tuple(_YEAR.findall(self.name))

    @property
    def marks(self) -> frozenset[str]:
        """Return the years and version numbers in the name."""
        return frozenset((*self.years, *(found[0].strip() for found in _VERSION.finditer(self.name))))

    @property
    def age(self) -> tuple[tuple[int, ...], tuple[str, ...], float]:
        """Return what orders versions, oldest first: the version's number, the year in the name, when it was shared."""
        found = _VERSION.search(self.name)
        number = tuple(int(part) for part in re.findall(r"\d+", found[1])) if found else ()
        return number, self.years[-1:], self.shared_at // _SECONDS


def rank_versions(
    connection: Connection, question: str, pages: Sequence[PageKey], scores: Mapping[PageKey, float], scope: Scope
) -> RankedVersions:
    """Return the pages with the newest version of each page before older ones that fit the question equally well.

    `scores` are those by words.

    Two pages are versions if their files have the same name but for dates and marks of versions, and most of their
    words in common. A version that the question names by its year or number comes first, or the newest one if it asks
    for that, however well the others fit. A question about an older version has the newest last; one about changes
    keeps the order. Only shares inside the scope count.
    """
    families = _families(_candidates(connection, list(pages[:MAX_COMPARED]), scope))
    order = {page: place for place, page in enumerate(pages)}
    ranked, newer = list(pages), dict[PageKey, PageKey]()
    for family in families:
        newest = max(family, key=lambda one: one.age)
        if not _WANTS_BOTH.search(question):
            compared = family if _is_decided(family, question) else _equal(family, scores)
            preferred = sorted(compared, key=lambda one: (_is_meant(one, family, question), one.age), reverse=True)
            if newest in preferred and _WANTS_OLD.search(question):
                preferred.remove(newest)
                preferred.append(newest)
            for place, one in zip(sorted(order[one.page] for one in compared), preferred, strict=True):
                ranked[place] = one.page
        newer |= {one.page: newest.page for one in family if one.age < newest.age}
    return RankedVersions(tuple(ranked), newer)


def version_family(name: str) -> str:
    """Return a file name without its ending, dates, years and marks of versions: the same for all versions."""
    words = re.sub(r"[^\w().]+|_", " ", fold(PurePath(name).stem))
    return " ".join(re.sub(r"[\W_]+", " ", _MARK.sub(" ", words)).split())


def _candidates(connection: Connection, pages: Sequence[PageKey], scope: Scope) -> list[_Candidate]:
    documents = {document for document, _ in pages}
    if len(documents) < 2:
        return []
    shares = shares_shown(connection, documents, scope)
    families: dict[int, str] = {}
    for document, shown in shares.items():
        families[document] = version_family(shown.attachment or shown.name)
    known = [family for family in families.values() if family]
    alike = [page for page in pages if known.count(families.get(page[0], "")) > 1]
    texts = page_texts(connection, alike)
    return [
        _Candidate(
            page,
            re.sub(r"[\W_]+", " ", fold(shares[page[0]].attachment or shares[page[0]].name)),
            families[page[0]],
            template_words(texts[page]),
            shares[page[0]].posted.shared_at,
        )
        for page in alike
        if page in texts
    ]


def _families(candidates: Sequence[_Candidate]) -> list[list[_Candidate]]:
    """Return the groups of two or more pages that are versions of each other, each of another document."""
    groups: list[list[_Candidate]] = []
    for one in candidates:
        group = next((group for group in groups if _is_version(one, group)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return [group for group in groups if len(group) > 1]


def _is_version(one: _Candidate, group: Sequence[_Candidate]) -> bool:
    first = group[0]
    return (
        one.family == first.family
        and all(one.page[0] != other.page[0] for other in group)
        and is_twin(one.words, first.words)
    )


def _is_decided(family: Sequence[_Candidate], question: str) -> bool:
    """Return whether the question says which version it asks for."""
    is_named = any(_is_meant(one, family, question) for one in family)
    return is_named or _WANTS_NEWEST.search(question) is not None


def _equal(family: Sequence[_Candidate], scores: Mapping[PageKey, float]) -> list[_Candidate]:
    """Return the versions that fit the question as well as the best one."""
    best = max(scores.get(one.page, 0.0) for one in family)
    return [one for one in family if scores.get(one.page, 0.0) >= _SAME_SCORE * best]


def _is_meant(one: _Candidate, family: Sequence[_Candidate], question: str) -> bool:
    """Return whether the question names the year or the version of this file, and not of another one."""
    asked = f" {re.sub(r'[^a-z0-9]+', ' ', fold(question))} "
    named = {mark for mark in one.marks if f" {mark} " in asked}
    return any(named - other.marks for other in family if other is not one)
