"""Find the phrases in a question that say who shared a file, where, when and of what type.

A question is a row of parts: file nouns, verbs of sharing, people, channels, times and linking words. A phrase is a run
of parts without another word in between. It limits the search only if it is tied to sharing, see `_is_tied`: a date
or a name alone belongs to the topic ("the revenue of 2019").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from rag.model.search import FileType
from rag.search.limit_dates import Period, read_period
from rag.search.limit_lexicon import ME, Lexicon, Tag
from rag.search.limit_tokens import Token

_ABOUT_PEOPLE = frozenset({"picture", "slides"})
"""File nouns that, with a name, often mean what is in the file: "Ada's photo", "Ada's presentation"."""

_MAX_NAME = 4
_MAX_CJK_NAME = 6
"""Tokens of a name; Chinese and Japanese have one for each character."""

_MAX_NAME_LENGTH = 100

_BOUNDS = frozenset({Tag.SINCE, Tag.BEFORE, Tag.AFTER})
_LINKS = frozenset({Tag.LINKING, Tag.AT, Tag.BY, Tag.GENITIVE, Tag.POSSESSIVE, Tag.AUXILIARY}) | _BOUNDS
_NO_TOPIC = _LINKS | {Tag.ME_AFTER_BY, Tag.ASKING, Tag.EMPTY, Tag.FILE, Tag.HERE, Tag.THIS_CHANNEL}
_VERBS = frozenset({Tag.SHARED, Tag.SENT, Tag.I_SHARED})
_STRONG_VERBS = _VERBS - {Tag.SENT}
_PLACES = frozenset({Tag.CHANNEL, Tag.HERE, Tag.THIS_CHANNEL})
_LIMITS = _PLACES | {Tag.PERSON, Tag.ME_AFTER_BY, Tag.I_SHARED, Tag.PERIOD}
_ALL = frozenset("all any alle todos todas tous toutes tutti tutte wszystkie все كل جميع 全て すべて 所 所有".split())
"""Linking words between "list" and "files"."""

HERE = "here"

_TYPES: dict[str, frozenset[FileType]] = {
    "file": frozenset(),
    "picture": frozenset({FileType.IMAGE}),
    "slides": frozenset({FileType.SLIDES, FileType.PDF}),
}
"""What the nouns mean that are not names of types. Slides are often shared as a PDF."""


class Names:
    """The known people and channels in a question. Each place is looked up once for all languages."""

    def __init__(
        self,
        question: str,
        tokens: Sequence[Token],
        is_person: Callable[[str], bool],
        is_channel: Callable[[str], bool],
    ) -> None:
        self._question = question
        self._tokens = tokens
        self._is_person = is_person
        self._is_channel = is_channel
        self._people: dict[int, tuple[int, str] | None] = {}
        self._channels: dict[int, str | None] = {}

    def person(self, at: int) -> tuple[int, str] | None:
        """Return (tokens, name as written) of the longest known name that starts at a token, or None."""
        if at not in self._people:
            self._people[at] = self._find_person(at)
        return self._people[at]

    def channel(self, at: int) -> str | None:
        """Return the channel that a token such as "#ops" names, or None."""
        if at not in self._channels:
            token = self._tokens[at]
            name = self._question[token.start + 1 : token.end]
            self._channels[at] = name if self._is_channel(name) else None
        return self._channels[at]

    def _find_person(self, at: int) -> tuple[int, str] | None:
        """ "@ada" is also a name."""
        first = at + 1 if self._tokens[at].text == "@" else at
        if first >= len(self._tokens) or not self._tokens[first].is_word:
            return None
        for length in range(_MAX_CJK_NAME if self._tokens[first].is_cjk else _MAX_NAME, 0, -1):
            name = self._tokens[first : first + length]
            if len(name) == length and name[-1].is_word and name[-1].end - name[0].start <= _MAX_NAME_LENGTH:
                written = self._question[name[0].start : name[-1].end]
                if self._is_person(written):
                    return first + length - at, written
        return None


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase that limits a search, and its place in the question. `asks_list`: the words ask for a list of files."""

    start: int
    end: int
    people: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    period: Period = field(default_factory=Period)
    types: frozenset[FileType] = frozenset()
    asks_list: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a question, from token `at` until before token `end`; `tag` is None for any other word."""

    tag: Tag | None
    at: int
    end: int
    value: str = ""
    period: Period | None = None
    is_relative: bool = False


def find_phrases(tokens: Sequence[Token], words: Lexicon, names: Names, now: datetime) -> list[Phrase]:
    """Return the phrases in a question of one language, in their order."""
    if not any(token.text in words.anchors for token in tokens):
        return []
    parts = list(_split(tokens, words, names, now))
    if not any(part.tag in _LIMITS - _PLACES for part in parts) and asks_for_files(tokens, words):
        listed = _phrase(parts, tokens)
        return [replace(listed, asks_list=True)] if listed.channels or listed.types else []
    if not any(part.tag in _LIMITS for part in parts):
        return []
    parts = _drop_topics(_resolve_bounds(parts, words.bounds_follow))
    topics = sum(_is_topic(part, tokens) for part in parts)
    phrases = []
    for first, last in _runs(parts):
        run = parts[first:last]
        before = parts[first - 1].tag if first else None
        is_rest_empty = topics == sum(_is_topic(part, tokens) for part in run)
        if _is_tied(run, before, ends=_ends_clause(parts, last, tokens), is_rest_empty=is_rest_empty):
            phrases.append(_phrase(run, tokens))
    return phrases


def has_topic(tokens: Sequence[Token], words: Lexicon) -> bool:
    """Return whether a question has words to search for, besides words that ask for any files."""
    at = 0
    while at < len(tokens):
        entry = words.longest(tokens, at)
        if tokens[at].is_word and (entry is None or entry.tag not in _NO_TOPIC or entry.value not in ("", "file")):
            return True
        at += len(entry.words) if entry else 1
    return False


def asks_for_files(tokens: Sequence[Token], words: Lexicon) -> bool:
    """Return whether a question asks which files there are and nothing else: "which files are here?".

    A question about a file has a verb or an article before it: "what is in the file?".
    """
    before: Tag | None = None
    is_asked, is_all, at = False, False, 0
    while at < len(tokens):
        entry = words.longest(tokens, at)
        if tokens[at].is_word and (entry is None or entry.tag not in _NO_TOPIC):
            return False
        tag = entry.tag if entry else None
        is_all = is_all or tokens[at].text in _ALL
        if tag is not Tag.LINKING or not is_all:
            is_asked = is_asked or (before is Tag.ASKING and tag is Tag.FILE)
            before = tag
        at += len(entry.words) if entry else 1
    return is_asked


def _is_topic(part: _Part, tokens: Sequence[Token]) -> bool:
    return part.tag not in _NO_TOPIC and any(token.is_word for token in tokens[part.at : part.end])


# ---------------------------------------------------------------- parts


def _split(tokens: Sequence[Token], words: Lexicon, names: Names, now: datetime) -> Iterator[_Part]:
    at, previous = 0, None
    while at < len(tokens):
        part = _mention(tokens, at, names) or _period(tokens, at, words, previous, now)
        entry = words.longest(tokens, at)
        if part is not None and entry is not None and len(entry.words) > part.end - part.at:
            part = None
        if part is None and entry is not None:
            part = _Part(entry.tag, at, at + len(entry.words), entry.value)
        if part is None:
            part = _person(at, names, is_date=_is_date_word(tokens, at, words, previous))
        part = part or _Part(None, at, at + 1)
        yield part
        at, previous = part.end, part.tag


def _mention(tokens: Sequence[Token], at: int, names: Names) -> _Part | None:
    text = tokens[at].text
    if text[0] not in "<#":
        return None
    if (person := mentioned_person(text)) is not None:
        return _Part(Tag.PERSON, at, at + 1, person)
    channel = mentioned_channel(text)
    if channel is None and text.startswith("#") and len(text) > 1:
        channel = names.channel(at)
    return None if channel is None else _Part(Tag.CHANNEL, at, at + 1, channel)


def mentioned_person(text: str) -> str | None:
    """Return <@U1> for Slack's <@U1> and <@U1|ada>, or None."""
    return f"<@{text[2:-1].partition('|')[0]}>" if text.startswith("<@") and text.endswith(">") else None


def mentioned_channel(text: str) -> str | None:
    """Return C1 for Slack's <#C1> and <#C1|ops>, or None."""
    return text[2:-1].partition("|")[0] if text.startswith("<#") and text.endswith(">") else None


def _period(tokens: Sequence[Token], at: int, words: Lexicon, previous: Tag | None, now: datetime) -> _Part | None:
    found = read_period(tokens, at, words, now)
    if found is None or (found.is_bare and previous not in (Tag.AT, Tag.SINCE, Tag.BEFORE, Tag.AFTER)):
        return None
    return _Part(Tag.PERIOD, at, at + found.length, period=found.period, is_relative=found.is_relative)


def _is_date_word(tokens: Sequence[Token], at: int, words: Lexicon, previous: Tag | None) -> bool:
    """Return whether a month or weekday follows a preposition: "photos from May" is not about a person."""
    return previous in (Tag.BY, Tag.GENITIVE, Tag.AT, *_BOUNDS) and any(
        entry.tag in (Tag.MONTH, Tag.WEEKDAY) for entry in words.find(tokens, at)
    )


def _person(at: int, names: Names, *, is_date: bool) -> _Part | None:
    """Return the name that starts at a token; not one word that is rather a date, such as "May"."""
    found = names.person(at)
    if found is None or (is_date and found[0] == 1):
        return None
    return _Part(Tag.PERSON, at, at + found[0], found[1])


def _resolve_bounds(parts: list[_Part], bounds_follow: bool) -> list[_Part]:
    """Return the parts with "since Monday" as one period. An article may stand between the two."""
    resolved: list[_Part] = []
    for part in parts:
        if part.tag is Tag.PERIOD:
            position = len(resolved) - 1
            if position > 0 and resolved[position].tag is Tag.LINKING:
                position -= 1
            if position >= 0 and resolved[position].tag in _BOUNDS:
                bound = resolved[position]
                del resolved[position:]
                part = replace(part, at=bound.at, period=_bounded(part, bound.tag))
        elif bounds_follow and part.tag in _BOUNDS and resolved and resolved[-1].tag is Tag.PERIOD:
            period = resolved.pop()
            part = replace(period, end=part.end, period=_bounded(period, part.tag))
        resolved.append(part)
    return resolved


def _bounded(part: _Part, bound: Tag | None) -> Period:
    period = part.period or Period()
    if bound is Tag.SINCE:
        return Period(since=period.since)
    return Period(before=period.since) if bound is Tag.BEFORE else Period(since=period.before)


def _drop_topics(parts: list[_Part]) -> list[_Part]:
    """Return the parts without tags of words that belong to the topic.

    "last week's meeting", "to Ada", "the picture of 2019": what follows a possessive, or the date after "of".
    """
    kept: list[_Part] = []
    for index, part in enumerate(parts):
        before = parts[index - 1].tag if index else None
        after = [following.tag for following in parts[index + 1 : index + 3]]
        is_owner = after[:1] == [Tag.POSSESSIVE] and after[1:] not in ([Tag.FILE], [Tag.SHARED], [Tag.SENT])
        is_topic = part.tag in (Tag.PERIOD, Tag.PERSON) and is_owner and part.value != ME
        if part.tag is Tag.PERIOD and before in (Tag.GENITIVE, Tag.BY):
            is_topic = is_topic or not part.is_relative
        if part.tag is Tag.PERSON and before is Tag.AT:
            is_topic = True
        if part.tag is Tag.ME_AFTER_BY:
            part = replace(part, tag=Tag.PERSON if before in (Tag.BY, Tag.GENITIVE) else Tag.EMPTY, value=ME)
        kept.append(replace(part, tag=None) if is_topic else part)
    return kept


# ---------------------------------------------------------------- runs


def _runs(parts: Sequence[_Part]) -> Iterator[tuple[int, int]]:
    """Yield (first, end) of each run of parts that may be a phrase, without linking words at its end."""
    first = 0
    while first < len(parts):
        last = first
        while last < len(parts) and parts[last].tag not in (None, Tag.EMPTY, Tag.COUNTING):
            last += 1
        following = last + 1
        if first and parts[first - 1].tag in (None, Tag.EMPTY):
            first = _skip_leading_periods(parts, first, last)
        while last > first and _is_loose(parts[max(last - 2, first) : last]):
            last -= 1
        if last > first:
            yield first, last
        first = following


def _is_loose(run: Sequence[_Part]) -> bool:
    """Return whether the last part only links the run to what follows: not "hat" in "geteilt hat"."""
    last, before = run[-1].tag, run[-2].tag if len(run) > 1 else None
    return last in _LINKS - {Tag.POSSESSIVE} and not (last is Tag.AUXILIARY and before in _VERBS)


def _skip_leading_periods(parts: Sequence[_Part], first: int, last: int) -> int:
    """Return where a run starts after another word: a time that follows it directly belongs to the topic."""
    position = first
    while position < last and parts[position].tag in _LINKS:
        position += 1
    return position + 1 if position < last and parts[position].tag is Tag.PERIOD else first


def _ends_clause(parts: Sequence[_Part], last: int, tokens: Sequence[Token]) -> bool:
    return last == len(parts) or not tokens[parts[last].at].is_word


def _is_tied(run: Sequence[_Part], before: Tag | None, *, ends: bool, is_rest_empty: bool) -> bool:
    """Return whether a run is about sharing.

    `before`: the part in front of it; `ends`: a sentence or clause ends after it; `is_rest_empty`: the rest of the
    question has no topic.
    """
    tags = {part.tag for part in run}
    is_verb = bool(tags & _VERBS) or _has_infinitive(run)
    is_person = Tag.PERSON in tags or Tag.I_SHARED in tags
    is_noun = Tag.FILE in tags
    if is_verb and is_person:
        if any(left.tag is Tag.BY and right.tag is Tag.PERSON for left, right in pairwise(run)):
            return True
        has_context = bool(tags & {Tag.FILE, Tag.ASKING, Tag.PERIOD, *_PLACES})
        return has_context or (
            ends and bool(tags & _STRONG_VERBS) and run[-1].tag in (*_VERBS, Tag.PERSON, Tag.AUXILIARY)
        )
    if is_noun and _has_sender(run):
        return True
    if (is_verb and tags & _PLACES) or (is_noun and tags & {Tag.CHANNEL, Tag.THIS_CHANNEL}):
        return True
    if before is Tag.COUNTING or Tag.PERIOD not in tags:
        return False
    is_relative = all(part.is_relative for part in run if part.tag is Tag.PERIOD)
    if is_verb and (is_noun or Tag.ASKING in tags):
        return is_relative or (is_noun and bool(tags & _STRONG_VERBS))
    return is_noun and is_relative and is_rest_empty


def _has_infinitive(run: Sequence[_Part]) -> bool:
    """Return whether the run has a verb such as "post" after an auxiliary."""
    tags = [part.tag for part in run]
    return Tag.AUXILIARY in tags and Tag.INFINITIVE in tags[tags.index(Tag.AUXILIARY) :]


def _has_sender(run: Sequence[_Part]) -> bool:
    """Return whether a file noun and a person belong together: "PDFs from Ada", "Ada's PDFs"."""
    noun = ""
    for index, part in enumerate(run):
        if part.tag is Tag.FILE:
            noun = part.value
        if part.tag is not Tag.PERSON:
            continue
        link = run[index - 1].tag if index else None
        if noun and (link is Tag.BY or (link is Tag.GENITIVE and noun not in _ABOUT_PEOPLE)):
            return True
        after = run[index + 1 : index + 5]
        owned = [(other.tag, other.value) for other in after if other.tag is not Tag.LINKING][:2]
        if [tag for tag, _ in owned] == [Tag.POSSESSIVE, Tag.FILE] and owned[1][1] not in _ABOUT_PEOPLE:
            return True
    return False


def _phrase(run: Sequence[_Part], tokens: Sequence[Token]) -> Phrase:
    people = dict.fromkeys(part.value for part in run if part.tag is Tag.PERSON)
    if any(part.tag is Tag.I_SHARED for part in run):
        people[ME] = None
    channels = dict.fromkeys(part.value for part in run if part.tag is Tag.CHANNEL)
    if any(part.tag in (Tag.HERE, Tag.THIS_CHANNEL) for part in run):
        channels[HERE] = None
    period = Period()
    for part in run:
        period = period & (part.period or Period())
    return Phrase(
        tokens[run[0].at].start,
        tokens[run[-1].end - 1].end,
        tuple(people),
        tuple(channels),
        period,
        _types(run),
        any(part.tag is Tag.ASKING for part in run),
    )


def _types(run: Sequence[_Part]) -> frozenset[FileType]:
    """Return the types that the nouns name; none if one of them is any file ("files and PDFs")."""
    types: frozenset[FileType] = frozenset()
    is_any = False
    for index, part in enumerate(run):
        if part.tag is Tag.FILE:
            near = [other.value for other in run[max(index - 1, 0) : index + 2] if other.tag is Tag.FILE]
            is_any = is_any or set(near) == {"file"}
            types |= _TYPES[part.value] if part.value in _TYPES else {FileType(part.value)}
    return frozenset() if is_any else types
