"""What one person may see, as entries by key. The page receives nothing else.

Full members see every public channel. Guests and people of other companies see only the conversations they are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from bot.demo.slack_server.state import Conversation, Json, Message, Person, SlackFile, State

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types that a browser shows and that cannot run scripts."""


def can_see(state: State, person: Person, conversation: Conversation) -> bool:
    if person.id in conversation.members:
        return True
    return conversation.kind == "channel" and not conversation.shared and not person.guest and person.team == state.team


def visible_conversations(state: State, person: Person) -> list[Conversation]:
    return [conversation for conversation in state.conversations.values() if can_see(state, person, conversation)]


def visible_people(state: State, person: Person, conversations: Iterable[Conversation]) -> list[Person]:
    """Return the people this person can see. Guests and strangers see only those they share a conversation with."""
    visible_ids = {each for conversation in conversations for each in conversation.members} | {person.id, state.bot.id}
    if not person.guest and person.team == state.team:
        visible_ids |= {each.id for each in state.people.values() if each.team == state.team}
    return [each for each in state.people.values() if each.id in visible_ids]


def visible_file(state: State, person: Person, file_id: str) -> SlackFile | None:
    """A file of this person's, shared where they are, or shown in a block that they see."""
    file = state.files.get(file_id)
    if file is None or file.deleted:
        return None
    conversations = visible_conversations(state, person)
    shared = {share.conversation for share in file.shares} & {conversation.id for conversation in conversations}
    if file.owner == person.id or shared:
        return file
    shown = [message.blocks for conversation in conversations for message in conversation.messages]
    shown += [each.blocks for each in state.ephemerals if each.ephemeral_to == person.id]
    shown += [view["blocks"] for view in _views(state, person).values()]
    return file if any(file_id in file_ids_in(state, blocks) for blocks in shown) else None


def visible_entries(state: State, person: Person, image_sizes: ImageSizes) -> dict[str, Json]:
    """Return everything this person may see, by key. Call it under the state's lock."""
    conversations = visible_conversations(state, person)
    entries: dict[str, Json] = {"me": {"id": person.id, "team": state.team, "bot": state.bot.id}}
    for each in visible_people(state, person, conversations):
        entries[f"people/{each.id}"] = _person(state, each)
    ids: set[str] = set()
    for conversation in conversations:
        entries[f"conversations/{conversation.id}"] = _conversation(state, person, conversation)
        for message in conversation.messages:
            entries[f"messages/{conversation.id}/{message.ts}"] = _message(state, message)
            ids |= {*message.files, *file_ids_in(state, message.blocks)}
    here = {conversation.id for conversation in conversations}
    for message in state.ephemerals:
        if message.ephemeral_to == person.id and message.channel in here:
            entries[f"messages/{message.channel}/{message.ts}"] = _message(state, message)
            ids |= file_ids_in(state, message.blocks)
    for key, view in _views(state, person).items():
        entries[key] = view
        ids |= file_ids_in(state, view["blocks"])
    entries |= _work(state, here)
    for each_id in sorted(ids):
        entries[f"files/{each_id}"] = _file(state.files[each_id], image_sizes)
    return entries


def _work(state: State, here: set[str]) -> dict[str, Json]:
    """Return what the app shows of its work in these conversations, and what it suggests to ask."""
    found: dict[str, Json] = {
        f"statuses/{channel}/{ts}": {"text": text}
        for (channel, ts), text in state.statuses.items()
        if text and channel in here
    }
    found |= {
        f"sessions/{channel}/{ts}": {"status": session.status, "title": session.title}
        for (channel, ts), session in state.sessions.items()
        if channel in here
    }
    prompts = {channel: each for channel, each in state.prompts.items() if channel in here}
    return found | {f"prompts/{channel}": {"prompts": each} for channel, each in prompts.items()}


def _views(state: State, person: Person) -> dict[str, Json]:
    found = {f"views/{key}": view for key, view in state.views.items() if state.viewers.get(key) == person.id}
    return found | ({"home": state.homes[person.id]} if person.id in state.homes else {})


def file_ids_in(state: State, blocks: Any) -> set[str]:
    """Return the ids of files that blocks show, by id or by link."""
    return {found for given in _slack_files(blocks) if (found := _file_id(state, given))}


def _slack_files(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        for each in value:
            yield from _slack_files(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "slack_file" and isinstance(each, dict):
                yield each
            else:
                yield from _slack_files(each)


def _file_id(state: State, given: Json) -> str:
    if given.get("id") in state.files:
        return str(given["id"])
    url = str(given.get("url", ""))
    return next((each for each in state.files if f"-{each}/" in url or f"/{each}/" in url), "")


def _person(state: State, person: Person) -> Json:
    payload = {"id": person.id, "name": person.name, "guest": person.guest, "bot": person.is_bot}
    return payload | {"stranger": person.team != state.team, "deleted": person.deleted, "app": person is state.bot}


def _conversation(state: State, person: Person, conversation: Conversation) -> Json:
    payload = {
        "id": conversation.id,
        "kind": conversation.kind,
        "name": conversation.name,
        "shared": conversation.shared,
    }
    payload |= {"members": list(conversation.members), "joined": person.id in conversation.members}
    return payload | {"archived": conversation.archived, "bot": state.has_bot(conversation)}


def _message(state: State, message: Message) -> Json:
    payload = {
        "channel": message.channel,
        "ts": message.ts,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "files": message.files,
        "thread": message.thread_ts if message.thread_ts != message.ts else "",
        "subtype": message.subtype,
        "reactions": message.reactions,
        "edited": message.edited,
    }
    payload["tasks"] = [task._asdict() for task in message.tasks.values()]
    return payload | {"ephemeral": bool(message.ephemeral_to), "streaming": state.is_streaming(message)}


def _file(file: SlackFile, image_sizes: ImageSizes) -> Json:
    if file.deleted:
        return {"id": file.id, "deleted": True}
    payload: Json = {"id": file.id, "name": file.name, "title": file.title, "owner": file.owner, "size": file.size}
    return payload | {"mimetype": file.mimetype, "deleted": False, "pixels": image_sizes.of(file)}


class ImageSizes:
    """Width and height of images, read once each."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[int, int] | None] = {}

    def of(self, file: SlackFile) -> tuple[int, int] | None:
        """Return (width, height), or None if the file is not an image that Pillow can open."""
        if file.mimetype not in IMAGE_TYPES:
            return None
        if file.id not in self._cache:
            self._cache[file.id] = _size(file.data)
        return self._cache[file.id]


def _size(data: bytes) -> tuple[int, int] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None
