"""The protocol that every lane implements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from rag.errors import TryAgain
from rag.model.search import Scope
from rag.search.query import Query, QueryKind
from rag.search.ranking import Ranking


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """The status of a lane. If it is off, `reason` says why and `fix` how to turn it on; both are empty if it is on."""

    reason: str = ""
    fix: str = ""

    @property
    def is_on(self) -> bool:
        return not self.reason

    def __str__(self) -> str:
        """Return `on`, or `off: reason (fix: what to do)`."""
        if self.is_on:
            return "on"
        return f"off: {self.reason} (fix: {self.fix})" if self.fix else f"off: {self.reason}"


ON = LaneStatus()


class LaneUnavailable(TryAgain):
    """A lane cannot answer this query, though it is on; the message is the reason."""

    @property
    def status(self) -> LaneStatus:
        return LaneStatus(str(self), self.hint)


class Lane(Protocol):
    """A way to rank pages. `name` appears in settings, JSON and reports."""

    name: ClassVar[str]
    accepts: ClassVar[frozenset[QueryKind]]
    needs_candidates: ClassVar[bool]
    """Whether the lane reads `query.candidates`; such lanes run after all others."""

    def status(self) -> LaneStatus:
        """Return whether the lane is on. May open a model, never waits for a download."""
        ...

    def rank(self, query: Query, scope: Scope) -> Ranking | None:
        """Return the pages in scope, best first; None if the query gives this lane nothing to search for.

        Raise LaneUnavailable if the lane cannot answer this time.
        """
        ...
