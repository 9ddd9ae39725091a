"""What one person may see, as entries under keys: the page gets these and nothing else.

Full members see every public channel; guests and people of other companies only the conversations they are in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from bot.demo.slack_server.state import Json, Message, Person, SlackFile, Space, World

PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types that a browser shows and that cannot run anything."""


def sees(world: World, person: Person, space: Space) -> bool:
    if person.id in space.members:
        return True
    return space.kind == "channel" and not space.shared and not person.guest and person.team == world.team


def visible_spaces(world: World, person: Person) -> list[Space]:
    return [space for space in world.spaces.values() if sees(world, person, space)]


def visible_people(world: World, person: Person, spaces: Iterable[Space]) -> list[Person]:
    """Colleagues know each other; a guest or a stranger knows whom they share a conversation with."""
    known = {each for space in spaces for each in space.members} | {person.id, world.bot.id}
    if not person.guest and person.team == world.team:
        known |= {each.id for each in world.people.values() if each.team == world.team}
    return [each for each in world.people.values() if each.id in known]


def visible_file(world: World, person: Person, file_id: str) -> SlackFile | None:
    """A file of this person's, shared where they are, or shown in a block that they see."""
    file = world.files.get(file_id)
    if file is None or file.deleted:
        return None
    spaces = visible_spaces(world, person)
    shared = {share.space for share in file.shares} & {space.id for space in spaces}
    if file.owner == person.id or shared:
        return file
    shown = [message.blocks for space in spaces for message in space.messages]
    shown += [each.blocks for each in world.ephemerals if each.ephemeral_to == person.id]
    shown += [view["blocks"] for view in _views(world, person).values()]
    return file if any(file_id in ids_in(world, blocks) for blocks in shown) else None


def seen(world: World, person: Person, sizes: Sizes) -> dict[str, Json]:
    """Call it under the world's lock."""
    spaces = visible_spaces(world, person)
    told: dict[str, Json] = {"me": {"id": person.id, "team": world.team, "bot": world.bot.id}}
    for each in visible_people(world, person, spaces):
        told[f"people/{each.id}"] = _person(world, each)
    ids: set[str] = set()
    for space in spaces:
        told[f"spaces/{space.id}"] = _space(world, person, space)
        for message in space.messages:
            told[f"messages/{space.id}/{message.ts}"] = _message(world, message)
            ids |= {*message.files, *ids_in(world, message.blocks)}
    here = {space.id for space in spaces}
    for message in world.ephemerals:
        if message.ephemeral_to == person.id and message.channel in here:
            told[f"messages/{message.channel}/{message.ts}"] = _message(world, message)
            ids |= ids_in(world, message.blocks)
    for key, view in _views(world, person).items():
        told[key] = view
        ids |= ids_in(world, view["blocks"])
    for (channel, ts), status in world.statuses.items():
        if channel in here and status:
            told[f"statuses/{channel}/{ts}"] = {"text": status}
    for channel, prompts in world.prompts.items():
        if channel in here:
            told[f"prompts/{channel}"] = {"prompts": prompts}
    for each_id in sorted(ids):
        told[f"files/{each_id}"] = _file(world.files[each_id], sizes)
    return told


def _views(world: World, person: Person) -> dict[str, Json]:
    found = {f"views/{key}": view for key, view in world.views.items() if world.viewers.get(key) == person.id}
    return found | ({"home": world.homes[person.id]} if person.id in world.homes else {})


def ids_in(world: World, blocks: Any) -> set[str]:
    """Files that blocks show, by id or by a link of theirs."""
    return {found for given in _slack_files(blocks) if (found := _file_id(world, given))}


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


def _file_id(world: World, given: Json) -> str:
    if given.get("id") in world.files:
        return str(given["id"])
    url = str(given.get("url", ""))
    return next((each for each in world.files if f"-{each}/" in url or f"/{each}/" in url), "")


def _person(world: World, person: Person) -> Json:
    told = {"id": person.id, "name": person.name, "guest": person.guest, "bot": person.is_bot}
    return told | {"stranger": person.team != world.team, "deleted": person.deleted, "app": person is world.bot}


def _space(world: World, person: Person, space: Space) -> Json:
    told = {"id": space.id, "kind": space.kind, "name": space.name, "shared": space.shared}
    told |= {"members": list(space.members), "joined": person.id in space.members}
    return told | {"archived": space.archived, "bot": world.bot_in(space)}


def _message(world: World, message: Message) -> Json:
    told = {
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
    return told | {"ephemeral": bool(message.ephemeral_to), "streaming": world.streaming(message)}


def _file(file: SlackFile, sizes: Sizes) -> Json:
    if file.deleted:
        return {"id": file.id, "deleted": True}
    told: Json = {"id": file.id, "name": file.name, "title": file.title, "owner": file.owner, "size": file.size}
    return told | {"mimetype": file.mimetype, "deleted": False, "pixels": sizes.of(file)}


class Sizes:
    """Width and height of pictures, looked up once each."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, int] | None] = {}

    def of(self, file: SlackFile) -> tuple[int, int] | None:
        """None for what is no picture, or none that Pillow can open."""
        if file.mimetype not in PICTURES:
            return None
        if file.id not in self._known:
            self._known[file.id] = _size(file.data)
        return self._known[file.id]


def _size(data: bytes) -> tuple[int, int] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None
