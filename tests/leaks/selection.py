"""Steps, and the objects of a workspace that a step can choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from bot.demo.slack_server.state import SLACKBOT, Conversation, Person, SlackFile
from tests.leaks.simulation import Simulation

T = TypeVar("T")


class Step(NamedTuple):
    """A kind of step, and three numbers that choose what it acts on."""

    kind: str
    a: int
    b: int
    c: int

    @classmethod
    def parse(cls, line: str) -> Step:
        """Return the step that `str` made this line of."""
        kind, a, b, c = line.strip().rsplit(" ", 3)
        return cls(kind, int(a), int(b), int(c))

    def __str__(self) -> str:
        return f"{self.kind} {self.a} {self.b} {self.c}"


def pick(items: Sequence[T], number: int) -> T | None:
    return items[number % len(items)] if items else None


def people(simulation: Simulation) -> list[Person]:
    """Return the people who can take a step, without Slackbot."""
    people = simulation.state.people.values()
    return [each for each in people if not each.is_bot and not each.deleted and each.id != SLACKBOT]


def spaces(simulation: Simulation) -> list[Conversation]:
    return list(simulation.state.conversations.values())


def channels(simulation: Simulation) -> list[Conversation]:
    return [each for each in spaces(simulation) if each.kind in ("channel", "group")]


def writable_conversation(simulation: Simulation, number: int, person: Person | None) -> Conversation | None:
    """Return a conversation that this person can write in."""
    if person is None:
        return None
    joined = [each for each in spaces(simulation) if person.id in each.members and not each.archived]
    return pick(joined, number)


def shared_files(simulation: Simulation) -> list[SlackFile]:
    return [
        file
        for id, file in simulation.state.files.items()
        if id in simulation.shares and not file.deleted and file.shares
    ]
