"""The words of one language, indexed by their first token. Built once for each language, when it is first needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import import_module

from rag.search.limit_tokens import Token, fold, tokenize
from rag.search.limit_words import COMMON_FILES, LimitWords

NUMBER = "0"
ME = "me"

_COMMAS = ",،、，"


class Tag(Enum):
    """The parts of a phrase that limits a search; see LimitWords for the words of each."""

    FILE = auto()
    SHARED = auto()
    SENT = auto()
    I_SHARED = auto()
    INFINITIVE = auto()
    AUXILIARY = auto()
    BY = auto()
    GENITIVE = auto()
    POSSESSIVE = auto()
    AT = auto()
    HERE = auto()
    THIS_CHANNEL = auto()
    SINCE = auto()
    BEFORE = auto()
    AFTER = auto()
    LINKING = auto()
    ASKING = auto()
    EMPTY = auto()
    COUNTING = auto()
    PERSON = auto()
    ME_AFTER_BY = auto()
    CHANNEL = auto()
    PERIOD = auto()
    WEEKDAY = auto()
    MONTH = auto()
    RECENT = auto()
    AGO = auto()
    JOINER = auto()


DATES = frozenset({Tag.PERIOD, Tag.WEEKDAY, Tag.MONTH, Tag.RECENT, Tag.AGO, Tag.JOINER})


@dataclass(frozen=True, slots=True)
class Entry:
    """A phrase of the language. `value` is a file type, a period, a unit, or the number of a weekday or month."""

    words: tuple[str, ...]
    tag: Tag
    value: str = ""

    def matches(self, tokens: Sequence[Token], at: int) -> bool:
        if at + len(self.words) > len(tokens):
            return False
        return all(
            tokens[at + index].is_number if word == NUMBER else tokens[at + index].text == word
            for index, word in enumerate(self.words)
        )


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Phrases by their first token, longest first. `bounds_follow`: "since" and the like follow the time."""

    entries: dict[str, tuple[Entry, ...]]
    anchors: frozenset[str]
    """First tokens of the words without which no phrase limits a search."""
    dates: frozenset[str]
    """First tokens of times, without numbers."""
    bounds_follow: bool = False

    def find(self, tokens: Sequence[Token], at: int) -> Iterator[Entry]:
        """Yield the phrases that start at a token, longest first."""
        key = NUMBER if tokens[at].is_number else tokens[at].text
        return (entry for entry in self.entries.get(key, ()) if entry.matches(tokens, at))

    def longest(self, tokens: Sequence[Token], at: int) -> Entry | None:
        """Return the longest phrase that starts at a token, without words that occur in dates only."""
        return next((entry for entry in self.find(tokens, at) if entry.tag not in DATES), None)


_ANCHORS = frozenset({Tag.FILE, Tag.SHARED, Tag.SENT, Tag.I_SHARED, Tag.INFINITIVE})


@cache
def lexicon(language: str) -> Lexicon:
    """Return the lexicon of one of limit_words.LANGUAGES."""
    words: LimitWords = import_module(f"rag.search.limit_words.{language}").WORDS
    entries: dict[tuple[str, ...], dict[Tag, Entry]] = {}
    for entry in _entries(words):
        if entry.words:
            entries.setdefault(entry.words, {}).setdefault(entry.tag, entry)
    by_first: dict[str, list[Entry]] = {}
    for tagged in entries.values():
        for entry in tagged.values():
            by_first.setdefault(entry.words[0], []).append(entry)
    return Lexicon(
        {first: tuple(sorted(group, key=lambda entry: -len(entry.words))) for first, group in by_first.items()},
        _first_tokens(by_first, _ANCHORS),
        _first_tokens(by_first, DATES - {Tag.JOINER}),
        words.bounds_follow,
    )


def _first_tokens(by_first: Mapping[str, Sequence[Entry]], tags: Collection[Tag]) -> frozenset[str]:
    return frozenset(first for first, group in by_first.items() if any(entry.tag in tags for entry in group))


def _entries(words: LimitWords) -> Iterator[Entry]:
    """Yield all phrases of a language. If a phrase has several meanings, the first one comes first."""
    for files in (words.files, COMMON_FILES):
        for name, phrases in files.items():
            yield from _phrases(phrases, Tag.FILE, name)
    for tag, phrases in (
        (Tag.I_SHARED, words.i_shared),
        (Tag.SHARED, words.shared),
        (Tag.SENT, words.sent),
        (Tag.INFINITIVE, words.infinitives),
        (Tag.AUXILIARY, words.auxiliaries),
        (Tag.COUNTING, words.counting),
        (Tag.THIS_CHANNEL, words.this_channel),
        (Tag.HERE, words.here),
        (Tag.SINCE, words.since),
        (Tag.BEFORE, words.before),
        (Tag.AFTER, words.after),
        (Tag.GENITIVE, words.genitive),
        (Tag.BY, words.by),
        (Tag.POSSESSIVE, words.possessive),
        (Tag.AT, words.at),
        (Tag.ASKING, words.asking),
        (Tag.LINKING, words.linking),
        (Tag.ME_AFTER_BY, words.me_after_by),
        (Tag.EMPTY, words.empty),
        (Tag.JOINER, words.date_joiners),
    ):
        yield from _phrases(phrases, tag)
    yield from _phrases(words.me, Tag.PERSON, ME)
    yield from (Entry((fold(comma),), Tag.LINKING) for comma in _COMMAS)
    yield from _date_entries(words)


def _date_entries(words: LimitWords) -> Iterator[Entry]:
    for name, phrases in words.periods.items():
        yield from _phrases(phrases, Tag.PERIOD, name)
    for tag, templates in ((Tag.RECENT, words.recent), (Tag.AGO, words.ago)):
        for unit, phrases in templates.items():
            yield from _phrases(phrases, tag, unit)
    for number, variants in enumerate(words.weekdays.split(",")):
        for name in variants.split("/"):
            yield from _phrases(name, Tag.WEEKDAY, str(number))
            yield from _phrases(words.weekday_phrases.replace(NUMBER, name.strip()), Tag.WEEKDAY, str(number))
    for number, variants in enumerate(words.months.split(","), start=1):
        for name in variants.split("/"):
            yield from _phrases(name, Tag.MONTH, str(number))


def _phrases(phrases: str, tag: Tag, value: str = "") -> Iterator[Entry]:
    for phrase in phrases.split(","):
        yield Entry(tuple(token.text for token in tokenize(phrase)), tag, value)
