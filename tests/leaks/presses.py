"""Steps that press, choose and look: buttons of answers, shortcuts on messages, the command, Home."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.db import tables
from bot.demo.slack_server.state import Conversation, Json, Message, Person
from bot.listeners import interactions
from tests.leaks.choosing import Step, open_to, people, pick, spaces
from tests.leaks.oracle import can_open
from tests.leaks.papers import TOPICS, TORN, name_of
from tests.leaks.town import Leak, Town

NO_PAPER = -1


def _press(town: Town, kind: str, a: int, b: int) -> None:
    """One of the newest answers' buttons of a kind, by somebody who reads it."""
    found = [
        (space, message, element)
        for space in town.world.conversations.values()
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
    before = {message.ts for space in town.world.conversations.values() for message in space.messages}
    ask()
    town.hear()
    town.bot.placeholders.step()
    town.look()
    for space in town.world.conversations.values():
        for message in space.messages:
            if message.ts in before or not any(one.get("action_id") == "stop" for one in _elements(message)):
                continue
            person = pick(_readers(town, space), b)
            with town.rag.read_transaction() as connection:
                row = connection.execute(
                    tables.question.select().where(tables.question.c.placeholder == message.ts)
                ).first()
            if person is None or row is None:
                return
            town.ws.click(person.id, space.id, message.ts, "stop", "stop")
            town.hear()
            with town.rag.read_transaction() as connection:
                halted = connection.scalar(
                    tables.question.select()
                    .with_only_columns(tables.question.c.cancellation)
                    .where(tables.question.c.id == row.id)
                )
            if halted and person.id != row.user:
                raise Leak("somebody stopped another's answer")
            return


def _shortcut(town: Town, name: str, a: int, b: int, with_files: bool) -> Message | None:
    """A shortcut on a message, by somebody who reads it; the message."""
    spaces = [each for each in town.world.conversations.values() if each.members]
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


def _command(town: Town, a: int, b: int, c: int) -> None:
    person = pick(people(town), a)
    mine = [each for each in town.world.conversations.values() if person is not None and person.id in each.members]
    space = pick(mine, b)
    if person is not None and space is not None:
        words = ("status", f"find pass word port {TOPICS[c % len(TOPICS)]}")[c % 2]
        town.ws.command(person.id, space.id, interactions.COMMAND, words)
        town.asked = (person.id, space.id)


def _home(town: Town, a: int) -> None:
    person = pick(people(town), a)
    if person is not None:
        town.ws.open_home(person.id)


def _readers(town: Town, space: Conversation) -> list[Person]:
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


# ---------------------------------------------------------------- the steps


def torn(town: Town, step: Step) -> None:
    """A file that cannot be read: it has nothing but a name."""
    person = pick(people(town), step.a)
    space = open_to(town, step.b, person)
    if space is not None and person is not None:
        name, before = len(town.shares), set(town.world.files)
        town.ws.post(person.id, space.id, files=[(name_of(name), TORN)])
        [file] = set(town.world.files) - before
        town.shares[file] = (NO_PAPER, name)


def follow_up(town: Town, step: Step) -> None:
    """Somebody goes on in a thread that Magpie answered in, without a mention."""
    threads = {
        (space.id, message.thread_ts)
        for space in spaces(town)
        for message in space.messages
        if message.user == town.ws.bot_user and message.thread_ts and not space.archived
    }
    chosen = pick(sorted(threads, key=lambda one: one[1])[-8:], step.a)
    if chosen is None:
        return
    members = [each for each in people(town) if each.id in town.world.conversations[chosen[0]].members]
    person = pick(members, step.b)
    if person is not None:
        words = f"and which one has the {TOPICS[step.c % len(TOPICS)]}?"
        town.ws.post(person.id, chosen[0], words, thread_ts=chosen[1])


def press(kind: str) -> Callable[[Town, Step], None]:
    return lambda town, step: _press(town, kind, step.a, step.b)


def found_goes(town: Town, step: Step) -> None:
    """A file that was found this moment is deleted wherever it lies."""
    document = pick(town.rag.found[:3], step.a)
    if document is not None:
        with town.rag.read_transaction() as connection:
            rows = connection.exec_driver_sql("SELECT ref FROM source WHERE document_id = ?", (document,)).all()
        for (file,) in rows:
            if file in town.world.files and not town.world.files[file].deleted:
                town.ws.delete_file(file)


def shown_goes(town: Town, step: Step) -> None:
    """A paper that the model was shown this moment is deleted wherever it lies."""
    paper = pick(town.generator.shown, step.a)
    for file, (number, _) in list(town.shares.items()):
        if number == paper and not town.world.files[file].deleted:
            town.ws.delete_file(file)


def asker_goes(town: Town, step: Step) -> None:
    """Who used the command last leaves the conversation where they did."""
    person, channel = town.asked
    space = town.world.conversations.get(channel)
    if space is not None and person in space.members and space.kind in ("channel", "group") and len(space.members) > 2:
        town.ws.leave(person, channel)


def command_and_go(town: Town, step: Step) -> None:
    """Who looks for pages in a channel leaves it before they are told."""
    town.rag.meanwhile = town.during(lambda: asker_goes(town, step))
    _command(town, step.a, step.b, step.c | 1)
    town.work()
    town.rag.meanwhile = None


def similar(town: Town, step: Step) -> None:
    _shortcut(town, interactions.FIND_SIMILAR, step.a, step.b, with_files=step.c % 3 == 0)


def index(town: Town, step: Step) -> None:
    """And sometimes the file goes before anybody looks at it, and is elsewhere still."""
    message = _shortcut(town, interactions.INDEX_FILES, step.a, step.b, with_files=True)
    if message is not None:  # someone who can read it wants it back, also what was forgotten
        town.forgotten.difference_update(message.files)
    if message is not None and step.c % 2:
        town.hear()
        file = town.world.files[message.files[0]]
        if any(share.conversation == message.channel for share in file.shares):
            person = pick(people(town), step.a)
            other = open_to(town, step.b, person)
            if other is not None and person is not None and other.id != message.channel:
                town.ws.share(person.id, file.id, other.id)
                town.forgotten.discard(file.id)
            town.ws.unshare(file.id, message.channel)


def command(town: Town, step: Step) -> None:
    _command(town, step.a, step.b, step.c)


def home(town: Town, step: Step) -> None:
    _home(town, step.a)
