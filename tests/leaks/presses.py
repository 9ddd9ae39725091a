"""Steps that press, choose and look: buttons of answers, shortcuts on messages, the command, Home."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from bot import line
from bot.surfaces import listeners
from bot.workspace.state import Json, Message, Person, Space
from tests.leaks.oracle import can_open
from tests.leaks.papers import TOPICS
from tests.leaks.town import Leak, Town

T = TypeVar("T")


def pick(some: Sequence[T], number: int) -> T | None:
    return some[number % len(some)] if some else None


def people(town: Town) -> list[Person]:
    return [each for each in town.world.people.values() if not each.is_bot and not each.deleted]


def press(town: Town, kind: str, a: int, b: int) -> None:
    """One of the newest answers' buttons of a kind, by somebody who reads it."""
    found = [
        (space, message, element)
        for space in town.world.spaces.values()
        for message in space.messages
        if message.user == town.ws.bot_user
        for element in _elements(message)
        if str(element.get("action_id")).partition(":")[0] == kind
    ]
    found.sort(key=lambda one: one[1].ts)
    chosen = pick(found[-12:], a)
    if chosen is None:
        return
    space, message, element = chosen
    person = pick(_readers(town, space), b)
    if person is not None:
        town.ws.click(person.id, space.id, message.ts, str(element["action_id"]), _value(element, b))


def stop(town: Town, ask: Callable[[], None], b: int) -> None:
    """A question is asked and somebody who reads it presses Stop: nobody else's press may end it."""
    before = {message.ts for space in town.world.spaces.values() for message in space.messages}
    ask()
    town.hear()
    town.bot.questions.greet()
    town.look()
    for space in town.world.spaces.values():
        for message in space.messages:
            if message.ts in before or not any(one.get("action_id") == "stop" for one in _elements(message)):
                continue
            person = pick(_readers(town, space), b)
            with town.rag.reading() as connection:
                row = connection.execute(
                    line.question.select().where(line.question.c.placeholder == message.ts)
                ).first()
            if person is None or row is None:
                return
            town.ws.click(person.id, space.id, message.ts, "stop", "stop")
            town.hear()
            with town.rag.reading() as connection:
                halted = connection.scalar(
                    line.question.select().with_only_columns(line.question.c.halt).where(line.question.c.id == row.id)
                )
            if halted and person.id != row.user:
                raise Leak("somebody stopped another's answer")
            return


def shortcut(town: Town, name: str, a: int, b: int, with_files: bool) -> Message | None:
    """A shortcut on a message, by somebody who reads it; the message."""
    spaces = [each for each in town.world.spaces.values() if each.members]
    space = pick(spaces, a)
    if space is None:
        return None
    person = pick(_readers(town, space), b)
    some = [
        each for each in space.messages if bool(each.files) is with_files and not each.subtype.startswith("channel")
    ]
    message = pick([each for each in some if each.subtype != "tombstone"], b)
    if person is None or message is None:
        return None
    town.ws.shortcut(person.id, space.id, message.ts, name)
    return message


def command(town: Town, a: int, b: int, c: int) -> None:
    person = pick(people(town), a)
    mine = [each for each in town.world.spaces.values() if person is not None and person.id in each.members]
    space = pick(mine, b)
    if person is not None and space is not None:
        words = ("status", f"find pass word port {TOPICS[c % len(TOPICS)]}")[c % 2]
        town.ws.command(person.id, space.id, listeners.COMMAND, words)


def home(town: Town, a: int) -> None:
    person = pick(people(town), a)
    if person is not None:
        town.ws.open_home(person.id)


def _readers(town: Town, space: Space) -> list[Person]:
    return [each for each in people(town) if can_open(town.world, each, space)]


def _elements(message: Message) -> Iterator[Json]:
    for block in message.blocks:
        if block["type"] in ("actions", "context_actions"):
            yield from block["elements"]


def _value(element: Json, number: int) -> str:
    if element["type"] == "feedback_buttons":
        return str(element[("positive_button", "negative_button")[number % 2]]["value"])
    if element["type"] == "static_select":
        return str(element["options"][number % len(element["options"])]["value"])
    return str(element["value"])
