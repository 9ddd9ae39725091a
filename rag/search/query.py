"""The query of one search, and what is computed once for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from time import perf_counter

from rag.catalog.share_names import NameMatch
from rag.errors import OperatorMustAct, TryAgain
from rag.model.search import PageKey
from rag.ports import Term, Vector
from rag.search.glossary import PageKind


class QueryKind(StrEnum):
    """The kinds of queries: a question in words, or a picture."""

    QUESTION = "question"
    PICTURE = "picture"


STAGES = ("translate", "embed", "words", "vectors", "pixels", "page-images", "fuse", "rerank")


class StageClock:
    """Milliseconds that one search spent in each stage."""

    def __init__(self) -> None:
        self.milliseconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the `with` block to a stage."""
        started = perf_counter()
        try:
            yield
        finally:
            self.milliseconds[stage] += (perf_counter() - started) * 1000


class QueryVectors:
    """A cache of the query's vectors, with one entry per embedder: two lanes share CLIP."""

    def __init__(self) -> None:
        self._results: dict[str, list[Vector] | OperatorMustAct | TryAgain] = {}

    def get(self, embedder: str, embed: Callable[[], list[Vector]]) -> list[Vector]:
        """Return the vectors that `embed` made when this embedder was first asked for.

        Raise OperatorMustAct or TryAgain as `embed` did; it is not called again.
        """
        if embedder not in self._results:
            try:
                self._results[embedder] = embed()
            except (OperatorMustAct, TryAgain) as error:
                self._results[embedder] = error
        result = self._results[embedder]
        if isinstance(result, list):
            return result
        raise result


@dataclass(frozen=True, slots=True)
class PageReferences:
    """The pages that a question names.

    - `pages`: by number, counted or printed
    - `from_end`: counted from the end; the last page is 1
    - `printed`: by a label that is only printed ("vi")
    - `kinds`: by what the page contains; see rag.search.glossary
    - `front`: the first page
    """

    pages: tuple[int, ...] = ()
    from_end: tuple[int, ...] = ()
    printed: tuple[str, ...] = ()
    kinds: tuple[PageKind, ...] = ()
    front: bool = False

    def __bool__(self) -> bool:
        return bool(self.pages or self.from_end or self.printed or self.kinds or self.front)


@dataclass(frozen=True, slots=True)
class Query:
    """A question in words, or a picture with the words recognized in it (then `picture` is set).

    - `text`: the question without instructions about the form of its answer
    - `terms`: its content words
    - `parts`: the parts of its codes and dates, which are searched for too
    - `pairs`: the phrases of two terms that are neighbors
    - `names`: the terms that are names, numbers or abbreviations
    - `search_terms`: what full-text search looks for: terms and related words
    - `overview`: set for a question about a whole document, see rag.search.overviews.read_overview
    - `name_matches`: the files in scope whose names have words of it
    - `named`: the documents that the question names, if only these are searched
    - `equivalents`: synonyms from the glossary, by the text of a term
    - `unsure`: the texts of terms that were corrected: the reader may have meant another word
    - `has_only_stop_words`: its terms are stop words, because it has no others
    - `language`: of the question, if its stop words tell it
    - `candidates`: the pages of the lanes that ran first, best first, and the chunk that shows each of them
    """

    text: str = ""
    terms: tuple[Term, ...] = ()
    parts: tuple[Term, ...] = ()
    pairs: tuple[Term, ...] = ()
    names: tuple[Term, ...] = ()
    search_terms: tuple[Term, ...] = ()
    references: PageReferences = field(default_factory=PageReferences)
    overview: str | None = None
    name_matches: tuple[NameMatch, ...] = ()
    named: frozenset[int] = frozenset()
    equivalents: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    has_only_stop_words: bool = False
    language: str = ""
    picture: Path | None = None
    candidates: tuple[PageKey, ...] = ()
    candidate_chunks: Mapping[PageKey, int] = field(default_factory=dict)
    vectors: QueryVectors = field(default_factory=QueryVectors)
    clock: StageClock = field(default_factory=StageClock)

    @property
    def kind(self) -> QueryKind:
        return QueryKind.QUESTION if self.picture is None else QueryKind.PICTURE
