"""What people can open in the workspace, computed from the state of the Slack server alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bot.demo.slack_server.state import Conversation, Message, State
from tests.leaks.marked_documents import WORD_MARK


class Place(NamedTuple):
    """A file in a message."""

    file: str
    channel: str
    message: str


def places_of(state: State, file: str) -> set[Place]:
    """Return the messages that share a file, in all conversations."""
    return {Place(file, share.conversation, share.ts) for share in state.files[file].shares}


def standing(state: State) -> dict[Place, Message]:
    """Return the files in the messages of people, in the conversations that Magpie is in and that have readers."""
    return {
        Place(file, space.id, message.ts): message
        for space in state.conversations.values()
        if state.has_bot(space) and has_readers(state, space)
        for message in written(state, space)
        for file in message.files
        if not state.files[file].deleted
    }


def has_readers(state: State, space: Conversation) -> bool:
    """Return whether a person is left in a direct message. Magpie may keep what is in it until the next sweep."""
    people = [state.people[each] for each in space.members]
    return space.kind != "im" or any(not person.is_bot and not person.deleted for person in people)


def written(state: State, space: Conversation) -> Iterator[Message]:
    """Yield the messages of a conversation that stand, without those of Magpie."""
    for message in space.messages:
        if message.user != state.bot.id and message.subtype != "tombstone":
            yield message


def words_in(message: Message) -> set[int]:
    """Return the numbers of the marked words in a message and in those that it forwards or shows."""
    texts = [message.text, *(forward.text for forward in message.forwards)]
    return {int(mark) for text in texts for mark in WORD_MARK.findall(text)}


def is_question(state: State, place: Place) -> bool:
    """Return whether a message asks Magpie something, so that pictures in it belong to the question."""
    space = state.conversations[place.channel]
    return space.kind == "im" or f"<@{state.bot.id}>" in state.message(place.channel, place.message).text
