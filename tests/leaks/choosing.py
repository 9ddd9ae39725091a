"""A step, and what there is in a workspace to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from bot.demo.slack_server.state import Conversation, Person, SlackFile
from tests.leaks.town import Town

T = TypeVar("T")


class Step(NamedTuple):
    kind: str
    a: int
    b: int
    c: int

    def __str__(self) -> str:
        return f"{self.kind} {self.a} {self.b} {self.c}"


def pick(some: Sequence[T], number: int) -> T | None:
    return some[number % len(some)] if some else None


def people(town: Town) -> list[Person]:
    return [each for each in town.world.people.values() if not each.is_bot and not each.deleted]


def spaces(town: Town) -> list[Conversation]:
    return list(town.world.conversations.values())


def channels(town: Town) -> list[Conversation]:
    return [each for each in spaces(town) if each.kind in ("channel", "group")]


def open_to(town: Town, number: int, person: Person | None) -> Conversation | None:
    """A conversation that this person may write in."""
    if person is None:
        return None
    mine = [each for each in spaces(town) if person.id in each.members and not each.archived]
    return pick(mine, number)


def shared(town: Town) -> list[SlackFile]:
    return [file for id, file in town.world.files.items() if id in town.shares and not file.deleted and file.shares]
