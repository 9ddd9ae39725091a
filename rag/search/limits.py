"""Read who, where, when and what type a question asks for. Limits only narrow a search.

Operators such as `from:ada` always apply. Phrases such as "the PDF that Ada posted last week" apply if they are about
sharing a file; see rag.search.limit_phrases. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rag.model.search import FileType
from rag.search.limit_dates import Period, read_period
from rag.search.limit_lexicon import ME as ME
from rag.search.limit_lexicon import Lexicon, Tag, lexicon
from rag.search.limit_phrases import HERE as HERE
from rag.search.limit_phrases import (
    Names,
    Phrase,
    asks_for_files,
    find_phrases,
    has_topic,
    mentioned_channel,
    mentioned_person,
)
from rag.search.limit_tokens import fold, tokenize
from rag.search.limit_words import LANGUAGES

_MAX_PHRASE_TOKENS = 300
"""Longer questions contain a pasted text, whose words are not about the search: only operators apply."""

_MAX_LIST = 100
"""Characters of a question for all files, such as "which files do you have?"."""

_OPERATOR = re.compile(
    r"(?<![\w:/.@#-])(?P<name>from|in|since|after|before|on|type):"
    r"(?:\"(?P<quoted>[^\"\n]{1,100})\"|“(?P<curly>[^”\n]{1,100})”|(?P<mention><[@#][^<>\s]{1,200}>)|(?P<plain>[^\s\"“”<>]{1,100}))",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}。，、؟"
_SPACES = re.compile(r"\s+")
_BEFORE_PUNCTUATION = re.compile(r" ([.,;:!?。，、؟]+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Limits of a search; an empty field does not limit. A file must meet every field, by any value of it.

    - `people`: who shared the file, as written: a name, ME, or Slack's <@U1>
    - `channels`: where: a name without "#", an id (from Slack's <#C1|ops>), or HERE
    - `since`, `before`: when it was shared, in the asker's time zone; `since` is included, `before` is not
    - `types`: the types of files
    """

    people: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    types: frozenset[FileType] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.channels or self.since or self.before or self.types)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as written: `from:ada` has the name "from" and the value "ada"."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class LimitedQuery:
    """A question, split into what to search for and where.

    - `text`: the question without its limits; empty if nothing is left to search for
    - `wants_list`: a list of the files within the limits is an answer, or of all files if there are no limits
    - `not_understood`: operators with a value that is not known; they are still in `text`
    """

    text: str
    limits: QueryLimits = field(default_factory=QueryLimits)
    wants_list: bool = False
    not_understood: tuple[Operator, ...] = ()


def read_limits(
    question: str,
    now: datetime,
    *,
    is_person: Callable[[str], bool],
    is_channel: Callable[[str], bool],
    languages: Collection[str] = LANGUAGES,
) -> LimitedQuery:
    """Return the limits in a question, and the question without them.

    `now` is the current time in the asker's zone. `is_person` and `is_channel` say whether a name exists, as written,
    in any case; a phrase with another name is part of the topic. ME, HERE and Slack's mentions always exist.
    Raise ValueError if `now` has no time zone.
    """
    if now.utcoffset() is None:
        raise ValueError("`now` needs the time zone of the person who asks")
    lexicons = [lexicon(language) for language in languages]
    limits, removed, not_understood = _read_operators(question, is_person, is_channel, lexicons, now)
    rest = _without(question, removed)
    phrases = _best_phrases(rest, is_person, is_channel, lexicons, now)
    applied: list[Phrase] = []
    for phrase in phrases:
        narrowed = _narrow(limits, phrase)
        if narrowed is not None:
            limits = narrowed
            applied.append(phrase)
    if limits.is_empty:
        is_list = len(question) <= _MAX_LIST and any(asks_for_files(tokenize(question), words) for words in lexicons)
        return LimitedQuery(question, wants_list=is_list, not_understood=not_understood)
    text = _clean(_without(rest, [(phrase.start, phrase.end) for phrase in applied]))
    tokens = tokenize(text)
    if not all(has_topic(tokens, words) for words in lexicons) or not any(token.is_word for token in tokens):
        text = ""
    asks_list = any(phrase.asks_list for phrase in applied)
    return LimitedQuery(text, limits, asks_list or not text, not_understood)


def _best_phrases(
    question: str,
    is_person: Callable[[str], bool],
    is_channel: Callable[[str], bool],
    lexicons: list[Lexicon],
    now: datetime,
) -> list[Phrase]:
    """Return the phrases in the language that explains most of the question; the first one of equals.

    Languages that know less than half as many words as the best one are skipped, to save time.
    """
    tokens = tokenize(question)
    if len(tokens) > _MAX_PHRASE_TOKENS:
        return []
    names = Names(question, tokens, is_person, is_channel)
    counts = [sum(token.text in words.entries for token in tokens) for words in lexicons]
    least = max(counts, default=0) / 2
    found = [
        find_phrases(tokens, words, names, now) for words, count in zip(lexicons, counts, strict=True) if count >= least
    ]
    return max(found, key=lambda phrases: sum(phrase.end - phrase.start for phrase in phrases), default=[])


def _narrow(limits: QueryLimits, phrase: Phrase) -> QueryLimits | None:
    """Return the limits narrowed by a phrase; None if it says another person, channel or type, or no time is left."""
    for given, said in (
        (limits.people, phrase.people),
        (limits.channels, phrase.channels),
        (limits.types, phrase.types),
    ):
        if given and said and set(given) != set(said):
            return None
    period = Period(limits.since, limits.before) & phrase.period
    if period.is_empty:
        return None
    return QueryLimits(
        limits.people or phrase.people,
        limits.channels or phrase.channels,
        period.since,
        period.before,
        limits.types or phrase.types,
    )


# ---------------------------------------------------------------- operators


def _read_operators(
    question: str,
    is_person: Callable[[str], bool],
    is_channel: Callable[[str], bool],
    lexicons: list[Lexicon],
    now: datetime,
) -> tuple[QueryLimits, list[tuple[int, int]], tuple[Operator, ...]]:
    """Return the limits of the operators, their places in the question, and the operators that are not understood.

    Several people, channels or types are alternatives; several times narrow.
    """
    people: dict[str, None] = {}
    channels: dict[str, None] = {}
    types: frozenset[FileType] = frozenset()
    period = Period()
    removed: list[tuple[int, int]] = []
    not_understood: list[Operator] = []
    for operator, start, end in _operators(question):
        if operator.name == "from" and (person := _person(operator.value, is_person)):
            people[person] = None
        elif operator.name == "in" and (channel := _channel(operator.value, is_channel)):
            channels[channel] = None
        elif operator.name == "type" and (named := _types(operator.value, lexicons)):
            types |= named
        elif operator.name not in ("from", "in", "type") and (said := _time(operator, lexicons, now)):
            period = period & said
        else:
            not_understood.append(operator)
            continue
        removed.append((start, end))
    limits = QueryLimits(tuple(people), tuple(channels), period.since, period.before, types)
    return limits, removed, tuple(not_understood)


def _operators(question: str) -> Iterator[tuple[Operator, int, int]]:
    for match in _OPERATOR.finditer(question):
        value, end = match["quoted"] or match["curly"] or match["mention"], match.end()
        if value is None:
            value = match["plain"].rstrip(_TRAILING)
            end -= len(match["plain"]) - len(value)
        if value.strip():
            yield Operator(match["name"].lower(), value.strip()), match.start(), end


def _person(value: str, is_person: Callable[[str], bool]) -> str | None:
    if (mentioned := mentioned_person(value)) is not None:
        return mentioned
    name = value.removeprefix("@")
    if name.casefold() == ME:
        return ME
    return name if name and is_person(name) else None


def _channel(value: str, is_channel: Callable[[str], bool]) -> str | None:
    if (mentioned := mentioned_channel(value)) is not None:
        return mentioned
    name = value.removeprefix("#")
    if name.casefold() == HERE and not value.startswith("#"):
        return HERE
    return name if name and is_channel(name) else None


def _types(value: str, lexicons: list[Lexicon]) -> frozenset[FileType]:
    """Return the types that a value names: `pdf`, `pdf,slides`, or nouns of the languages; none if one is unknown."""
    named = [_type(part, lexicons) for part in value.split(",")]
    return frozenset().union(*named) if all(named) else frozenset()


def _type(value: str, lexicons: list[Lexicon]) -> frozenset[FileType]:
    names = frozenset(FileType)
    if fold(value) in names:
        return frozenset({FileType(fold(value))})
    tokens = tokenize(value)
    for words in lexicons:
        for entry in words.find(tokens, 0) if tokens else ():
            if entry.tag is Tag.FILE and len(entry.words) == len(tokens) and entry.value != "file":
                return frozenset({FileType.IMAGE if entry.value == "picture" else FileType(entry.value)})
    return frozenset()


def _time(operator: Operator, lexicons: list[Lexicon], now: datetime) -> Period | None:
    """Return the time of a `since:`, `after:`, `before:` or `on:`; `last-week` is the same as "last week"."""
    for value in dict.fromkeys((operator.value, operator.value.replace("-", " ").replace("_", " "))):
        tokens = tokenize(value)
        for words in lexicons:
            found = read_period(tokens, 0, words, now) if tokens else None
            if found is not None and found.length == len(tokens):
                return _bounded(operator.name, found.period)
    return None


def _bounded(name: str, period: Period) -> Period | None:
    if name == "on":
        return period
    if name == "since":
        return Period(since=period.since)
    if name == "before":
        return Period(before=period.since)
    return Period(since=period.before) if period.before is not None else None


# ---------------------------------------------------------------- text


def _without(text: str, places: list[tuple[int, int]]) -> str:
    """Return a text with a space in each of these places."""
    kept, position = [], 0
    for start, end in sorted(places):
        kept.append(text[position:start])
        position = max(position, end)
    return " ".join([*kept, text[position:]])


def _clean(text: str) -> str:
    return _BEFORE_PUNCTUATION.sub(r"\1", _SPACES.sub(" ", text)).strip(" ,;")
