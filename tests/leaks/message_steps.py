"""Steps with messages: words around files, edits, threads, forwards, pasted links, other apps, order of events."""

from __future__ import annotations

import random
from collections.abc import Callable

from bot.demo.slack_server.state import Conversation, Message, Person, SlackFile
from tests.leaks import world
from tests.leaks.catalog_checks import is_shown
from tests.leaks.marked_documents import TOPICS, WORD_MARK, MarkedDocument, name_of, word
from tests.leaks.selection import Step, channels, people, pick, shared_files, spaces, writable_conversation
from tests.leaks.simulation import Simulation
from tests.leaks.watched import Leak
from tests.leaks.world import Place


def share_with_words(simulation: Simulation, step: Step) -> None:
    """Share a known file, or one or two new ones, in a message with words of its own, sometimes in a thread."""
    space, person = _place_to_write(simulation, step)
    if space is None or person is None:
        return
    known = pick(shared_files(simulation), step.c)
    thread = _thread(space, step.c) if step.c % 3 == 0 else ""
    text = _new_words(simulation)
    if known is not None and step.c % 2:
        simulation.ws.share(person.id, known.id, space.id, text, thread_ts=thread)
    else:
        _upload(simulation, person, space, step, text, thread)


def share_twice(simulation: Simulation, step: Step) -> None:
    """Share a file in a second message of the same conversation, and delete one of the two, the other, or none.

    Sometimes Slack says as well that the file left the conversation, without the message.
    """
    places = [each for each in _file_places(simulation) if not simulation.state.conversations[each.channel].archived]
    place = pick(places, step.a)
    if place is None:
        return
    space = simulation.state.conversations[place.channel]
    person = pick([each for each in people(simulation) if each.id in space.members], step.b)
    if person is None:
        return
    words = _new_words(simulation) if space.kind != "im" else ""
    second = simulation.ws.share(person.id, place.file, space.id, words)
    if step.c % 2:
        simulation.run_until_idle()
    delete = (place.message, second, "")[step.c % 3]
    if delete:
        simulation.ws.delete_message(space.id, delete)
        if step.b % 3 == 0:
            event = {"type": "file_unshared", "file_id": place.file, "user_id": person.id, "channel_id": space.id}
            simulation.ws.emit(event | {"event_ts": simulation.state.next_ts()}, space.id)


def edit_words(simulation: Simulation, step: Step) -> None:
    """Write other words into a message with files, or none."""
    message = pick(_with_words(simulation), step.a)
    if message is not None:
        simulation.ws.edit(message.channel, message.ts, _new_words(simulation) if step.b % 3 else "only a file")


def take_file_out(simulation: Simulation, step: Step) -> None:
    """Take a file out of a message, by an edit."""
    message = pick(_with_words(simulation), step.a)
    if message is not None:
        out = pick(message.files, step.b)
        simulation.ws.edit(message.channel, message.ts, files=[each for each in message.files if each != out])


def delete_words(simulation: Simulation, step: Step) -> None:
    message = pick(_with_words(simulation), step.a)
    if message is not None:
        simulation.ws.delete_message(message.channel, message.ts)


def forward(simulation: Simulation, step: Step) -> None:
    """Forward a message with files, with or without a question about it."""
    person, space = pick(people(simulation), step.a), None
    if person is not None:
        space = writable_conversation(simulation, step.b, person)
    if person is None or space is None:
        return
    found = [
        each for each in _with_files(simulation) if person.id in simulation.state.conversations[each.channel].members
    ]
    message = pick(found, step.c)
    if message is not None:
        text = f"<@{simulation.ws.bot_user}> which port has this?" if step.c % 2 else "look at this"
        simulation.ws.forward(person.id, message.channel, message.ts, space.id, text)


def paste_link(simulation: Simulation, step: Step) -> None:
    """Ask about a link to a file or message, which the asker may or may not be able to open."""
    person, message = pick(people(simulation), step.a), pick(_with_files(simulation), step.b)
    space = writable_conversation(simulation, step.c, person)
    if person is None or message is None or space is None:
        return
    file = message.files[0]
    link = simulation.ws.file_link(file) if step.c % 2 else simulation.ws.link(message.channel, message.ts)
    simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> which pass word and port are in <{link}>?")


def ask_in_thread(simulation: Simulation, step: Step) -> None:
    """Ask in the thread of a message with files, sometimes with a bare mention."""
    message = pick(_with_files(simulation), step.a)
    space = None if message is None else simulation.state.conversations[message.channel]
    if message is None or space is None or space.archived:
        return
    person = pick([each for each in people(simulation) if each.id in space.members], step.b)
    if person is not None:
        words = ("", "which pass word is in here?", f"what does it say about the {TOPICS[step.c % len(TOPICS)]}?")
        text = f"<@{simulation.ws.bot_user}> {words[step.c % 3]}"
        simulation.ws.post(person.id, space.id, text, thread_ts=message.thread_ts or message.ts)


def ask_with_limits(simulation: Simulation, step: Step) -> None:
    """Ask who shared what, where and when, in words or as limits."""
    person, other = pick(people(simulation), step.a), pick(people(simulation), step.b // 3)
    space, channel = writable_conversation(simulation, step.b, person), pick(channels(simulation), step.c)
    if person is None or other is None or space is None or channel is None:
        return
    asked = (
        f"what did <@{other.id}> share about the {TOPICS[step.c % len(TOPICS)]}?",
        f"pass word port from:{other.name}",
        f"pass word port in:#{channel.name}",
        "what was shared here today?",
        "pass word port since:yesterday type:pdf",
        f"what did {other.name} post in <#{channel.id}>?",
    )
    simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> {asked[step.c % len(asked)]}")


def ask_for_words(simulation: Simulation, step: Step) -> None:
    """Ask for the words that some message has beside its file, in a question that is not marked; or for the name of
    some file, which need not be shared here."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if person is not None and space is not None:
        names = sorted(name for _, name in simulation.shares.values()) if step.c % 2 else []
        name = pick(names, step.c // 2)
        asked = "where is the plan for the winter?" if name is None else f"what is in {name_of(name)}?"
        simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> {asked}")


def ask_with_typing_error(simulation: Simulation, step: Step) -> None:
    """Ask for the word of a document, which need not be shared here, with a letter missing."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    number = pick(sorted({document for document, _ in simulation.shares.values()}), step.c)
    if person is not None and space is not None and number is not None:
        code = MarkedDocument(number).code
        simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> what is under {code[:6]}{code[7:]}?")


def mention_first(simulation: Simulation, step: Step) -> None:
    """Share a file with a question whose app_mention comes first, without files, or instead of the message."""
    quirks = simulation.ws.quirks
    order, has_files = quirks.mention_order, quirks.mention_files
    space, person = _place_to_write(simulation, step)
    if space is None or person is None:
        return
    quirks.mention_order, quirks.mention_files = ("before", "instead")[step.c % 2], step.c % 4 == 3
    try:
        text = f"<@{simulation.ws.bot_user}> which pass word and port are in this?"
        _upload(simulation, person, space, step, text, "")
        simulation.deliver_events()
    finally:
        quirks.mention_order, quirks.mention_files = order, has_files


def shuffle_events(simulation: Simulation, step: Step) -> None:
    """Share, edit and delete in a moment, and deliver the events in any order, some of them twice."""
    space, person = _place_to_write(simulation, step)
    if space is None or person is None:
        return
    chance = random.Random(step.c)
    simulation.deliver_events()
    before = len(space.messages)
    _upload(simulation, person, space, step, _new_words(simulation), "")
    if len(space.messages) == before:  # there is no document yet
        return
    message = space.messages[before]
    for _ in range(chance.randrange(1, 3)):
        simulation.ws.edit(space.id, message.ts, _new_words(simulation))
    if chance.random() < 0.3:
        simulation.ws.edit(space.id, message.ts, files=[])
    messages = [message]
    known = pick(shared_files(simulation), step.c)
    if known is not None:
        second = simulation.ws.share(person.id, known.id, space.id, _new_words(simulation))
        messages.append(simulation.state.message(space.id, second))
    if chance.random() < 0.5:
        simulation.ws.delete_message(space.id, chance.choice(messages).ts)
    files = [file for each in messages if each in space.messages for file in each.files]
    if files and chance.random() < 0.4:
        simulation.ws.unshare(chance.choice(files), space.id)
    elif files and chance.random() < 0.4:
        simulation.ws.delete_file(chance.choice(files))
    simulation.shuffle = chance
    try:
        simulation.deliver_events()
    finally:
        simulation.shuffle = None


def lose_share(simulation: Simulation, step: Step) -> None:
    """Share a file of which Magpie hears nothing, and sweep. Sometimes delete the message when the sweep has found the
    file, but not the message."""
    space, person = _place_to_write(simulation, step)
    if space is None or person is None or not simulation.documents:
        return
    simulation.deliver_events()
    simulation.ws.faults.lose_events(4)
    before = len(space.messages)
    _upload(simulation, person, space, step, _new_words(simulation) if step.c % 2 else "", "")
    simulation.ws.faults.clear()
    simulation.unannounced |= {
        Place(file, space.id, space.messages[before].ts) for file in space.messages[before].files
    }
    simulation.bot.sweep_all()
    if step.c % 4 == 3:
        _delete_unlocated(simulation, space.messages[before])


def other_app(simulation: Simulation, step: Step) -> None:
    """Another app, a workflow or Slackbot writes, sometimes in a person's name, with or without a mention."""
    ws = simulation.ws
    space = pick([each for each in channels(simulation) if not each.archived], step.a)
    if space is None:
        return
    app = pick(list(simulation.state.other_apps.values()), step.b) or ws.apps.add("Dispatcher")
    question = f"which pass word and port has the {TOPICS[step.c % len(TOPICS)]} at night?"
    text = f"<@{ws.bot_user}> {question}" if step.c % 3 else question
    person = pick([each for each in people(simulation) if each.id in space.members], step.b)
    match step.c % 5:
        case 0:
            ws.apps.post_as_slackbot(space.id, text)
        case 1 | 2 if person is not None:
            ws.apps.post_for(app, person.id, space.id, text)
        case _:
            ws.apps.post(app, space.id, text)


def _delete_unlocated(simulation: Simulation, message: Message) -> None:
    """Run jobs until a list of files has a message's file, and delete the message before it is looked up. Raise Leak if
    the file is not hidden at once."""
    place = Place(message.files[0], message.channel, "")
    while not is_shown(simulation, place) and simulation.bot.maintenance.step():
        pass
    simulation.ws.delete_message(message.channel, message.ts)
    simulation.deliver_events()
    if is_shown(simulation, place):
        raise Leak("a file of a deleted message is visible until it is looked up")


# ---------------------------------------------------------------- the messages to choose from


def _place_to_write(simulation: Simulation, step: Step) -> tuple[Conversation | None, Person | None]:
    """Return a conversation and a person in it. No direct message: there, every message is a question."""
    person = pick(people(simulation), step.a)
    if person is None:
        return None, None
    joined = [each for each in spaces(simulation) if person.id in each.members and not each.archived]
    return pick([each for each in joined if each.kind != "im"], step.b), person


def _with_files(simulation: Simulation) -> list[Message]:
    """Return the messages with documents that people wrote."""
    return [
        message
        for space in spaces(simulation)
        for message in world.written(simulation.state, space)
        if any(file in simulation.shares and not simulation.state.files[file].deleted for file in message.files)
    ]


def _with_words(simulation: Simulation) -> list[Message]:
    return [each for each in _with_files(simulation) if WORD_MARK.search(each.text)]


def _file_places(simulation: Simulation) -> list[Place]:
    files: list[SlackFile] = shared_files(simulation)
    return sorted(place for file in files for place in world.places_of(simulation.state, file.id))


def _thread(space: Conversation, number: int) -> str:
    roots = [each.ts for each in space.messages if not each.thread_ts and not each.subtype.startswith("channel")]
    return pick(roots, number) or ""


def _new_words(simulation: Simulation) -> str:
    """Return a text with a marked word."""
    number = len(simulation.words)
    simulation.words.add(number)
    return f"the plan {word(number)} for the winter"


def _upload(simulation: Simulation, person: Person, space: Conversation, step: Step, text: str, thread: str) -> None:
    """Post one or two new files with documents that exist."""
    documents = [pick(simulation.documents, step.c + number) for number in range(1 + step.b % 2)]
    names = range(len(simulation.shares), len(simulation.shares) + len(documents))
    new = [(document, name) for document, name in zip(documents, names, strict=True) if document is not None]
    if not new:
        return
    before = list(simulation.state.files)
    files = [(name_of(name), document.content) for document, name in new]
    simulation.ws.post(person.id, space.id, text, files=files, thread_ts=thread)
    posted = [file for file in simulation.state.files if file not in before]
    for file, (document, name) in zip(posted, new, strict=True):
        simulation.shares[file] = (document.number, name)


STEPS: dict[str, Callable[[Simulation, Step], None]] = {
    "words": share_with_words,
    "share twice": share_twice,
    "edit words": edit_words,
    "take out": take_file_out,
    "delete words": delete_words,
    "forward": forward,
    "paste link": paste_link,
    "ask in thread": ask_in_thread,
    "ask with limits": ask_with_limits,
    "ask for words": ask_for_words,
    "ask with typing error": ask_with_typing_error,
    "mention first": mention_first,
    "shuffle": shuffle_events,
    "lose share": lose_share,
    "other app": other_app,
}
WEIGHTS = {"words": 12, "share twice": 6, "edit words": 5, "take out": 4, "delete words": 4, "forward": 4} | {
    "paste link": 4,
    "ask in thread": 8,
    "ask with limits": 6,
    "ask for words": 5,
    "ask with typing error": 8,
    "mention first": 5,
    "shuffle": 6,
    "lose share": 4,
    "other app": 4,
}
