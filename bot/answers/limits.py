"""Apply the limits in a question, such as "the PDF that Ada posted last week in #ops", to its scope. Pure.

Limits only narrow a scope: a channel outside it cannot be named, and a person's files are those that the scope has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.access.names import Names, fold
from bot.answers.task import join
from bot.slack.events import Question
from bot.slack.file_kinds import EXTENSIONS
from bot.slack.files import LINK
from bot.slack.message_text import as_mentions, resolve, resolve_mentions
from bot.slack.messages import limit_texts
from rag import HERE, ME, FileType, LimitedQuery, QueryLimits, Scope, ShareFilter, read_limits


@dataclass(frozen=True, slots=True)
class LimitedQuestion:
    """What to search for, and where. `remark` says how the limits were understood; `wants_list`: the files within the
    limits are an answer; without limits, all files, and `text` is what asks for them."""

    text: str
    scope: Scope
    remark: str = ""
    wants_list: bool = False


def apply_limits(question: Question, text: str, scope: Scope, names: Names, asked_at: float) -> LimitedQuestion:
    """Return a question without its limits, and its scope narrowed by them. `asked_at`: seconds since 1970."""
    now = datetime.fromtimestamp(asked_at, names.zone)
    read = read_limits(as_mentions(text), now, is_person=names.is_person, is_channel=names.is_channel)
    unknown = join(*(limit_texts.unknown_limit(operator.name, operator.value) for operator in read.not_understood))
    if read.limits.is_empty:
        return LimitedQuestion(resolve(text, names.labels), scope, unknown, read.wants_list)
    understood = limit_texts.understood_limits(read.limits, _labels(read.limits, names), now.date())
    return LimitedQuestion(
        resolve_mentions(read.text, names.labels),
        _narrow(question, read, scope, names),
        join(understood, unknown),
        read.wants_list,
    )


def _narrow(question: Question, read: LimitedQuery, scope: Scope, names: Names) -> Scope:
    limits = read.limits
    spaces = scope.spaces
    if limits.channels:
        named = {_channel(name, question, names) for name in limits.channels}
        spaces = frozenset(named) if spaces is None else spaces & named
    people = [_people(name, question, names) for name in limits.people]
    wanted = ShareFilter(
        shared_by=frozenset().union(*people) if people else None,
        since=limits.since.timestamp() if limits.since else None,
        before=limits.before.timestamp() if limits.before else None,
        extensions=frozenset().union(*(EXTENSIONS[type] for type in limits.types)),
        kinds=frozenset({LINK}) if FileType.LINK in limits.types else frozenset(),
    )
    return replace(scope, spaces=spaces, shares=wanted)


def _channel(name: str, question: Question, names: Names) -> str:
    if name == HERE:
        return question.channel
    return names.channels.get(fold(name), name)


def _people(name: str, question: Question, names: Names) -> frozenset[str]:
    if name == ME:
        return frozenset({question.user})
    if name.startswith("<@"):
        return frozenset({name[2:-1]})
    return names.people.get(fold(name), frozenset())


def _labels(limits: QueryLimits, names: Names) -> dict[str, str]:
    people = {name: names.label(name[2:-1]) for name in limits.people if name.startswith("<@")}
    channels = {name: names.label(names.channels.get(fold(name), name)) or f"#{name}" for name in limits.channels}
    return {name: label for name, label in (people | channels).items() if label}
