"""Steps with buttons of answers, shortcuts on messages, the slash command, and the Home tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.db import tables
from bot.demo.slack_server.state import Call, Conversation, Json, Message, Person
from bot.listeners import interactions
from bot.slack import buttons
from tests.leaks.marked_documents import TOPICS, UNREADABLE, WORD_MARK, name_of, word
from tests.leaks.oracle import can_open
from tests.leaks.selection import Step, channels, people, pick, spaces, writable_conversation
from tests.leaks.simulation import Simulation
from tests.leaks.watched import UNANSWERED, Leak, Missing
from tests.leaks.world import Place

NO_DOCUMENT = -1
"""The document number of a file that cannot be read."""


def _press(simulation: Simulation, kind: str, a: int, b: int) -> None:
    """Press a button of this kind on one of the newest answers, as one of its readers."""
    found = [
        (space, message, element)
        for space in simulation.state.conversations.values()
        for message in space.messages
        if message.user == simulation.ws.bot_user
        for element in _elements(message)
        if str(element.get("action_id")).partition(":")[0] == kind
    ]
    found.sort(key=lambda each: each[1].ts)
    chosen = pick(found[-12:], a)
    if chosen is None:
        return
    space, message, element = chosen
    person = pick(_readers(simulation, space), b)
    if person is not None:
        simulation.ws.click(person.id, space.id, message.ts, str(element["action_id"]), _value(element, b))


def stop(simulation: Simulation, ask: Callable[[], None], b: int) -> None:
    """Ask, and press Stop as one of the readers. Raise Leak if a person other than the asker can stop the answer."""
    before = {message.ts for space in simulation.state.conversations.values() for message in space.messages}
    ask()
    simulation.deliver_events()
    simulation.bot.placeholders.step()
    simulation.check_output()
    for space in simulation.state.conversations.values():
        for message in space.messages:
            if message.ts in before or not any(each.get("action_id") == "stop" for each in _elements(message)):
                continue
            person = pick(_readers(simulation, space), b)
            with simulation.rag.read_transaction() as connection:
                row = connection.execute(
                    tables.question.select().where(tables.question.c.placeholder == message.ts)
                ).first()
            if person is None or row is None:
                return
            if b % 2:
                simulation.ws.click(person.id, space.id, message.ts, "stop", "stop")
            else:  # Slack's own button
                event = {"type": "agent_session_stopped", "channel": space.id, "thread_ts": row.thread}
                simulation.ws.emit(event | {"user": person.id, "streaming_message_ts": []}, space.id)
            simulation.deliver_events()
            with simulation.rag.read_transaction() as connection:
                cancelled = connection.scalar(
                    tables.question.select()
                    .with_only_columns(tables.question.c.cancellation)
                    .where(tables.question.c.id == row.id)
                )
            if cancelled and person.id != row.user:
                raise Leak("a person stopped the answer to another person's question")
            return


def _shortcut(
    simulation: Simulation, name: str, a: int, b: int, with_files: bool
) -> tuple[Message, Person] | tuple[None, None]:
    """Use a shortcut on a message as one of its readers. Return both."""
    spaces = [each for each in simulation.state.conversations.values() if each.members]
    space = pick(spaces, a)
    if space is None:
        return None, None
    person = pick(_readers(simulation, space), b)
    messages = [
        each for each in space.messages if bool(each.files) is with_files and not each.subtype.startswith("channel")
    ]
    message = pick([each for each in messages if each.subtype != "tombstone"], b)
    if person is None or message is None:
        return None, None
    simulation.pointed_at.add((person.id, space.id, message.ts.replace(".", "")))
    simulation.ws.shortcut(person.id, space.id, message.ts, name)
    return message, person


def _command(simulation: Simulation, a: int, b: int, c: int) -> None:
    person = pick(people(simulation), a)
    joined = [
        each for each in simulation.state.conversations.values() if person is not None and person.id in each.members
    ]
    space = pick(joined, b)
    if person is not None and space is not None:
        words = ("status", f"find pass word port {TOPICS[c % len(TOPICS)]}")[c % 2]
        simulation.ws.command(person.id, space.id, interactions.COMMAND, words)
        simulation.last_command = (person.id, space.id)


def _home(simulation: Simulation, a: int) -> None:
    person = pick(people(simulation), a)
    if person is not None:
        simulation.ws.open_home(person.id)


def _readers(simulation: Simulation, space: Conversation) -> list[Person]:
    return [each for each in people(simulation) if can_open(simulation.state, each, space)]


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


def share_unreadable_file(simulation: Simulation, step: Step) -> None:
    """Share a file that cannot be read, of which only the name can leak."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if space is not None and person is not None:
        name, before = len(simulation.shares), set(simulation.state.files)
        simulation.ws.post(person.id, space.id, files=[(name_of(name), UNREADABLE)])
        [file] = set(simulation.state.files) - before
        simulation.shares[file] = (NO_DOCUMENT, name)


def ask_too_early(simulation: Simulation, step: Step) -> None:
    """Share two files, ask before they are read what no file answers, and have it answered again by the button."""
    share_unreadable_file(simulation, Step("", step.a // 7, step.b // 7, step.c))
    share_unreadable_file(simulation, step)
    asked_in = writable_conversation(simulation, step.c, pick(people(simulation), step.c // 3))
    person = None if asked_in is None else pick(_members(simulation, asked_in), step.b)
    if asked_in is None or person is None:
        return
    simulation.deliver_events()
    asked = simulation.ws.post(person.id, asked_in.id, f"<@{simulation.ws.bot_user}> where is {UNANSWERED}?")
    simulation.deliver_events()
    while simulation.bot.placeholders.step() or simulation.bot.answers.step():
        simulation.check_output()
    for message in asked_in.messages:
        if message.thread_ts == asked and any(each.get("action_id") == buttons.AGAIN for each in _elements(message)):
            simulation.ws.click(person.id, asked_in.id, message.ts, buttons.AGAIN, buttons.AGAIN)
            simulation.deliver_events()
            simulation.bot.receipts.step()
            simulation.check_output()
            return


def _members(simulation: Simulation, space: Conversation) -> list[Person]:
    return [each for each in people(simulation) if each.id in space.members]


def follow_up(simulation: Simulation, step: Step) -> None:
    """Ask in a thread that has an answer, without a mention."""
    threads = {
        (space.id, message.thread_ts)
        for space in spaces(simulation)
        for message in space.messages
        if message.user == simulation.ws.bot_user and message.thread_ts and not space.archived
    }
    chosen = pick(sorted(threads, key=lambda each: each[1])[-8:], step.a)
    if chosen is None:
        return
    members = [each for each in people(simulation) if each.id in simulation.state.conversations[chosen[0]].members]
    person = pick(members, step.b)
    if person is not None:
        words = f"and which one has the {TOPICS[step.c % len(TOPICS)]}?"
        simulation.ws.post(person.id, chosen[0], words, thread_ts=chosen[1])


def press(kind: str) -> Callable[[Simulation, Step], None]:
    return lambda simulation, step: _press(simulation, kind, step.a, step.b)


def delete_found_file(simulation: Simulation, step: Step) -> None:
    """Delete a file that the last search found, in all conversations."""
    document = pick(simulation.rag.last_found[:3], step.a)
    if document is not None:
        with simulation.rag.read_transaction() as connection:
            rows = connection.exec_driver_sql(
                "SELECT ref FROM source WHERE document_id = ?1 OR document_id IN "
                "(SELECT document_id FROM attachment WHERE attached_id = ?1)",
                (document,),
            ).all()
        for (file,) in rows:
            if file in simulation.state.files and not simulation.state.files[file].deleted:
                simulation.ws.delete_file(file)


def delete_shown_document(simulation: Simulation, step: Step) -> None:
    """Delete all files of a document that was in the last prompt."""
    document = pick(simulation.generator.last_shown, step.a)
    for file, (number, _) in list(simulation.shares.items()):
        if document in simulation.numbers_in(number) and not simulation.state.files[file].deleted:
            simulation.ws.delete_file(file)


def remove_asker(simulation: Simulation, step: Step) -> None:
    """Remove the person who used the last command from the channel where they used it."""
    person, channel = simulation.last_command
    space = simulation.state.conversations.get(channel)
    if space is not None and person in space.members and space.kind in ("channel", "group") and len(space.members) > 2:
        simulation.ws.leave(person, channel)


def command_and_leave(simulation: Simulation, step: Step) -> None:
    """Search with the command, and leave the channel before the result is posted."""
    simulation.rag.hook = simulation.interrupting(lambda: remove_asker(simulation, step))
    _command(simulation, step.a, step.b, step.c | 1)
    simulation.run_until_idle()
    simulation.rag.hook = None


def look_and_ask(simulation: Simulation, step: Step) -> None:
    """Look at any channel, and ask in the direct message."""
    person, channel = pick(people(simulation), step.a), pick(channels(simulation), step.b)
    if person is None or channel is None:
        return
    simulation.ws.look_at(person.id, channel.id)
    direct = simulation.ws.direct(person.id)
    simulation.ws.post(person.id, direct, f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?")


def ask_what_no_file_says(simulation: Simulation, step: Step) -> None:
    """Ask what no file answers, in marked words, and open Home as an admin.

    Raise Leak if it shows the words of a direct message.
    """
    asker, admin = pick(people(simulation), step.a), pick(people(simulation), step.b)
    space = writable_conversation(simulation, step.c, asker)
    if space is None or asker is None or admin is None:
        return
    number = len(simulation.words)
    simulation.words.add(number)
    words = f"where is {UNANSWERED} {word(number)}?"
    simulation.ws.post(asker.id, space.id, f"<@{simulation.ws.bot_user}> {words}")
    simulation.run_until_idle()
    simulation.ws.set_admin(admin.id)
    simulation.ws.open_home(admin.id)
    simulation.run_until_idle()
    shown = {word(int(number)) for number in WORD_MARK.findall(str(simulation.ws.home(admin.id)))}
    for other in simulation.state.conversations.values():
        if other.kind in ("im", "mpim"):
            said = "\n".join(message.text for message in other.messages)
            if any(mark in said for mark in shown):
                raise Leak("Home shows a question of a direct message")
    simulation.ws.set_admin(admin.id, admin=False)


def ask_directly_and_leave(simulation: Simulation, step: Step) -> None:
    """Ask in a direct message, and leave every private channel before the model writes."""
    person = pick(people(simulation), step.a)
    if person is None:
        return

    def leave() -> None:
        for space in channels(simulation):
            if space.kind == "group" and person.id in space.members and len(space.members) > 2:
                simulation.ws.leave(person.id, space.id)

    simulation.generator.hook = simulation.interrupting(leave)
    topic = TOPICS[step.c % len(TOPICS)]
    direct = simulation.ws.direct(person.id)
    simulation.ws.post(person.id, direct, f"which pass word and port has the {topic} at night?")
    simulation.run_until_idle()
    simulation.generator.hook = None


def similar(simulation: Simulation, step: Step) -> None:
    _shortcut(simulation, interactions.FIND_SIMILAR, step.a, step.b, with_files=step.c % 3 == 0)


def index(simulation: Simulation, step: Step) -> None:
    """Use the shortcut that indexes files. Sometimes share the file in another message, and unshare it here or delete
    the message before it is read.

    A person who is not in the conversation is told so, and nothing is indexed. Raise Missing if the person is not told
    anything.
    """
    calls = len(simulation.ws.calls_after(0))
    message, user = _shortcut(simulation, interactions.INDEX_FILES, step.a, step.b, with_files=True)
    if message is None or user is None:
        return
    is_member = user.id in simulation.state.conversations[message.channel].members
    if is_member and message.user != simulation.ws.bot_user:
        asked = {Place(file, message.channel, message.ts) for file in message.files}
        simulation.requested |= asked
        simulation.forgotten -= asked  # the shortcut restores a forgotten file
    if step.c % 2:
        simulation.deliver_events()
        file = simulation.state.files[message.files[0]]
        if any(share.conversation == message.channel for share in file.shares):
            person = pick(people(simulation), step.a)
            other = writable_conversation(simulation, step.b, person)
            is_deleted = step.c % 4 == 3
            if other is not None and person is not None and (is_deleted or other.id != message.channel):
                simulation.ws.share(person.id, file.id, other.id)
            if is_deleted:
                simulation.ws.delete_message(message.channel, message.ts)
            else:
                simulation.ws.unshare(file.id, message.channel)
    simulation.run_until_idle()
    if not any(_is_shown_to(call, user) for call in simulation.ws.calls_after(calls)):
        raise Missing("a person is not told whether a file is indexed", message)


def _is_shown_to(call: Call, user: Person) -> bool:
    """Return whether a call shows something to this person alone, or answers their interaction."""
    is_ephemeral = call.method == "chat.postEphemeral" and call.arguments.get("user") == user.id
    return is_ephemeral or call.method == "response_url"


def command(simulation: Simulation, step: Step) -> None:
    _command(simulation, step.a, step.b, step.c)


def home(simulation: Simulation, step: Step) -> None:
    _home(simulation, step.a)
