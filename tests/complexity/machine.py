"""A backtracking engine for regular expressions that matches like `re` and counts its steps.

Steps are the characters, positions and branches that are tried. They are the same on every computer, so that a test
can distinguish linear from quadratic growth without a clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from re import _compiler, _parser  # type: ignore[attr-defined]
from typing import Any

Node = tuple[Any, Any]
Then = Callable[[int], int | None]
"""Matches the rest of the pattern at a position. Returns the end of the match, or None."""
Matcher = Callable[[int, Then], int | None]

_OPS = _parser  # the parser's module holds the names of its nodes
_REPEATS = (_OPS.MAX_REPEAT, _OPS.MIN_REPEAT, _OPS.POSSESSIVE_REPEAT)
_SINGLE = (_OPS.LITERAL, _OPS.NOT_LITERAL, _OPS.ANY, _OPS.IN)


class TooManySteps(Exception):
    """The limit of steps is exceeded."""


@dataclass
class Machine:
    """Runs one pattern. Larger bounds of repeats are lowered to `max_bound`, so that short texts exceed them."""

    pattern: re.Pattern[str]
    max_bound: int | None = None
    limit: int = 10_000_000
    steps: int = 0
    _text: str = ""
    _groups: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tree = _parser.parse(self.pattern.pattern, self.pattern.flags)
        self._start = self._sequence(list(self._tree), self.pattern.flags)
        self._may_start = self._first(list(self._tree), self.pattern.flags)

    def run(self, text: str, method: str, at: int = 0) -> None:
        """Do what `match`, `fullmatch`, `search` or, for any other name, `finditer` does."""
        if method in ("match", "fullmatch"):
            self.match(text, at, full=method == "fullmatch")
        else:
            self.spans(text, at, max_spans=1 if method == "search" else len(text) + 1)

    def spans(self, text: str, at: int = 0, max_spans: float = float("inf")) -> list[tuple[int, int]]:
        """Return the spans that `finditer` finds from a position on, at most `max_spans`."""
        self._text = text
        found: list[tuple[int, int]] = []
        after_empty = False
        while at <= len(text) and len(found) < max_spans:
            end = self._match_at(at, not_empty=after_empty) if self._may_start(at) else None
            if end is None:
                at, after_empty = at + 1, False
            else:
                found.append((at, end))
                at, after_empty = end, end == at
        return found

    def match(self, text: str, at: int = 0, *, full: bool) -> bool:
        """Return whether the pattern matches at a position, up to the end of the text if `full`."""
        self._text = text
        self._groups.clear()
        return self._start(at, lambda end: end if not full or end == len(text) else None) is not None

    def _match_at(self, start: int, *, not_empty: bool) -> int | None:
        self._groups.clear()
        return self._start(start, lambda end: None if not_empty and end == start else end)

    def _count(self) -> None:
        self.steps += 1
        if self.steps > self.limit:
            raise TooManySteps

    def _sequence(self, nodes: list[Node], flags: int) -> Matcher:
        """Return a matcher of nodes one after the other. Single characters need no call for the rest of the pattern."""
        singles = [self._single(node, flags) if node[0] in _SINGLE else None for node in nodes]
        others = [None if node[0] in _SINGLE else self._node(node, flags) for node in nodes]
        length = len(nodes)

        def run(at: int, then: Then, index: int = 0) -> int | None:
            while index < length and (fits := singles[index]) is not None:
                if not fits(at):
                    return None
                at, index = at + 1, index + 1
            if index == length:
                return then(at)
            matcher, following = others[index], index + 1
            assert matcher is not None
            return matcher(at, then if following == length else lambda end: run(end, then, following))

        return run

    def _node(self, node: Node, flags: int) -> Matcher:
        kind, given = node
        if kind is _OPS.AT:
            return self._position(node, flags)
        if kind in _REPEATS:
            return self._repeat(kind, given[0], given[1], given[2], flags)
        if kind is _OPS.BRANCH:
            branches = [list(each) for each in given[1]]
            return self._branch([(self._first(each, flags), self._sequence(each, flags)) for each in branches])
        if kind is _OPS.SUBPATTERN:
            group, added, removed, inside = given
            return self._group(group, self._sequence(list(inside), (flags | added) & ~removed))
        if kind is _OPS.ATOMIC_GROUP:
            return self._atomic(self._sequence(list(given), flags))
        if kind in (_OPS.ASSERT, _OPS.ASSERT_NOT):
            direction, inside = given
            back = inside.getwidth()[0] if direction < 0 else 0
            return self._look(self._sequence(list(inside), flags), back, expected=kind is _OPS.ASSERT)
        if kind is _OPS.GROUPREF:
            return self._back_reference(given)
        raise NotImplementedError(f"{kind} in {self.pattern.pattern!r}")

    def _compiled(self, node: Node, flags: int) -> re.Pattern[str]:
        inside = _parser.SubPattern(self._tree.state, [node])
        made: re.Pattern[str] = _compiler.compile(inside, flags & ~re.DEBUG)
        return made

    def _first(self, nodes: list[Node], flags: int) -> Callable[[int], bool]:
        """Return a check of the first character, which `re` does before it tries a pattern or a branch."""
        singles = _first_singles(nodes, flags)
        if singles is None:
            return self._always
        tests = [self._compiled(node, own).match for node, own in singles]
        known: dict[str, bool] = {}

        def may_start(at: int) -> bool:
            self._count()
            sign = self._text[at : at + 1]
            if sign not in known:
                known[sign] = bool(sign) and any(test(sign) for test in tests)
            return known[sign]

        return may_start

    def _always(self, at: int) -> bool:
        del at
        self._count()
        return True

    def _single(self, node: Node, flags: int) -> Callable[[int], bool]:
        compiled = self._compiled(node, flags)
        known: dict[str, bool] = {}

        def fits(at: int) -> bool:
            self._count()
            if at >= len(self._text):
                return False
            sign = self._text[at]
            if sign not in known:
                known[sign] = compiled.match(sign) is not None
            return known[sign]

        return fits

    def _position(self, node: Node, flags: int) -> Matcher:
        compiled = self._compiled(node, flags)

        def run(at: int, then: Then) -> int | None:
            self._count()
            return then(at) if compiled.match(self._text, at) else None

        return run

    def _branch(self, ways: list[tuple[Callable[[int], bool], Matcher]]) -> Matcher:
        def run(at: int, then: Then) -> int | None:
            for may_start, way in ways:
                if may_start(at) and (end := way(at, then)) is not None:
                    return end
            return None

        return run

    def _group(self, group: int | None, inside: Matcher) -> Matcher:
        if group is None:
            return inside

        def run(at: int, then: Then) -> int | None:
            before = self._groups.get(group)

            def closed(end: int) -> int | None:
                kept = self._groups.get(group)
                self._groups[group] = (at, end)
                if (found := then(end)) is None and kept is not None:
                    self._groups[group] = kept
                return found

            found = inside(at, closed)
            if found is None and before is not None:
                self._groups[group] = before
            return found

        return run

    def _back_reference(self, group: int) -> Matcher:
        def run(at: int, then: Then) -> int | None:
            self._count()
            first, last = self._groups[group]
            captured = self._text[first:last]
            return then(at + len(captured)) if self._text.startswith(captured, at) else None

        return run

    def _atomic(self, inside: Matcher) -> Matcher:
        def run(at: int, then: Then) -> int | None:
            end = inside(at, lambda end: end)
            return None if end is None else then(end)

        return run

    def _look(self, inside: Matcher, back: int, *, expected: bool) -> Matcher:
        def run(at: int, then: Then) -> int | None:
            self._count()
            matches = at >= back and inside(at - back, lambda end: end) is not None
            return then(at) if matches == expected else None

        return run

    def _repeat(self, kind: Any, lower: int, upper: Any, inside: Any, flags: int) -> Matcher:
        lower, upper = self._bounds(lower, upper)
        nodes = list(inside)
        if len(nodes) == 1 and nodes[0][0] in _SINGLE and kind is not _OPS.MIN_REPEAT:
            return self._repeat_single(self._single(nodes[0], flags), lower, upper, give_back=kind is _OPS.MAX_REPEAT)
        body = self._sequence(nodes, flags)
        lazy = kind is _OPS.MIN_REPEAT

        def run(at: int, then: Then, count: int = 0) -> int | None:
            self._count()

            def more() -> int | None:
                if count >= upper:
                    return None
                return body(at, lambda end: None if end == at and count >= lower else run(end, then, count + 1))

            def done() -> int | None:
                return then(at) if count >= lower else None

            for way in (done, more) if lazy else (more, done):
                if (found := way()) is not None:
                    return found
            return None

        return self._atomic(run) if kind is _OPS.POSSESSIVE_REPEAT else run

    def _bounds(self, lower: int, upper: Any) -> tuple[int, float]:
        if upper is _OPS.MAXREPEAT:
            upper = float("inf")
        if self.max_bound is None:
            return lower, upper
        return min(lower, self.max_bound), upper if upper == float("inf") else min(upper, self.max_bound)

    def _repeat_single(self, fits: Callable[[int], bool], lower: int, upper: float, *, give_back: bool) -> Matcher:
        def run(at: int, then: Then) -> int | None:
            end = at
            while end - at < upper and fits(end):
                end += 1
            while end - at >= lower:
                self._count()
                if (found := then(end)) is not None or not give_back:
                    return found
                end -= 1
            return None

        return run


def _first_singles(nodes: list[Node], flags: int) -> list[tuple[Node, int]] | None:
    """Return what the first character can be, with flags, or None if it is unknown or the pattern can match nothing."""
    found: list[tuple[Node, int]] = []
    for kind, given in nodes:
        if kind in (_OPS.AT, _OPS.ASSERT, _OPS.ASSERT_NOT):
            continue
        if kind in _SINGLE:
            return [*found, ((kind, given), flags)]
        optional, ways = False, []
        if kind in _REPEATS:
            optional, ways = given[0] == 0, [(list(given[2]), flags)]
        elif kind is _OPS.SUBPATTERN:
            ways = [(list(given[3]), (flags | given[1]) & ~given[2])]
        elif kind is _OPS.BRANCH:
            ways = [(list(each), flags) for each in given[1]]
        elif kind is _OPS.ATOMIC_GROUP:
            ways = [(list(given), flags)]
        for inside, own in ways:
            singles = _first_singles(inside, own)
            if singles is None:
                return None
            found += singles
        if not ways:
            return None
        if not optional:
            return found
    return None


def repeats_in(tree: Any) -> Iterator[tuple[list[Node], Any, Any]]:
    """Yield (nodes before it, its body, its upper bound) of every repeat."""
    yield from _repeats(list(tree), [])


def _repeats(nodes: list[Node], before: list[Node]) -> Iterator[tuple[list[Node], Any, Any]]:
    for index, (kind, given) in enumerate(nodes):
        earlier = before + nodes[:index]
        if kind in _REPEATS:
            yield earlier, given[2], given[1]
            yield from _repeats(list(given[2]), earlier)
        elif kind is _OPS.BRANCH:
            for each in given[1]:
                yield from _repeats(list(each), earlier)
        elif kind is _OPS.SUBPATTERN:
            yield from _repeats(list(given[3]), earlier)
        elif kind in (_OPS.ATOMIC_GROUP,):
            yield from _repeats(list(given), earlier)
        elif kind in (_OPS.ASSERT, _OPS.ASSERT_NOT):
            yield from _repeats(list(given[1]), earlier)
