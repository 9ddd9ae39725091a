"""People, spaces, messages and files as Slack writes them in JSON."""

from __future__ import annotations

import re
from io import BytesIO

from bot.demo.slack_server.state import Json, Message, Person, SlackFile, Space, World

STUB_KEYS = {"mode": "file_access", "file_access": "check_file_info", "created": 0, "timestamp": 0, "user": ""}


def person_json(world: World, person: Person) -> Json:
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.name.title(),
        "tz": "Europe/Berlin",
        "tz_offset": 3600,
        "profile": {"real_name": person.name.title(), "display_name": person.name}
        | ({"bot_id": person.bot_id, "api_app_id": world.app} if person.is_bot else {}),
        "is_admin": False,
        "is_owner": False,
        "is_restricted": person.guest != "",
        "is_ultra_restricted": person.guest == "single",
        "is_bot": person.is_bot,
        "is_app_user": False,
    } | ({"is_stranger": _stranger(world, person)} if person.team != world.team else {})


def _stranger(world: World, person: Person) -> bool:
    """Of another workspace, and in no conversation with us."""
    return not any(person.id in space.members for space in world.spaces.values())


def space_json(world: World, space: Space) -> Json:
    if space.kind == "im":
        other = next((each for each in space.members if each != world.bot.id), "")
        person = world.people.get(other)
        away = person is not None and person.team != world.team
        return {
            "id": space.id,
            "created": space.created,
            "is_im": True,
            "is_archived": False,
            "is_org_shared": False,
            "user": other,
            "is_user_deleted": person is not None and person.deleted,
            "is_open": True,
            "priority": 0,
        } | ({"is_ext_shared": True} if away else {})
    private = space.kind != "channel"
    return {
        "id": space.id,
        "name": space.name,
        "name_normalized": space.name,
        "is_channel": not private or space.id.startswith("C"),
        "is_group": space.kind == "group",
        "is_im": False,
        "is_mpim": space.kind == "mpim",
        "is_private": private,
        "created": space.created,
        "is_archived": space.archived,
        "is_general": False,
        "is_shared": space.shared or space.org_shared,
        "is_ext_shared": space.shared,
        "is_pending_ext_shared": space.pending,
        "is_org_shared": space.org_shared,
        "is_member": world.bot_in(space),
        "context_team_id": world.team,
        "shared_team_ids": _teams(world, space),
        "connected_team_ids": [team for team in _teams(world, space) if team != world.team],
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(space.members),
    }


def _teams(world: World, space: Space) -> list[str]:
    others = {world.people[each].team for each in space.members} if space.shared else set()
    return [world.team, *sorted(others - {world.team})]


def file_json(world: World, file: SlackFile, *, whole: bool = True) -> Json:
    """`whole`: with what only files.info and files.list tell: where it is shared, as far as the bot sees."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    if file.mode == "hidden_by_limit":
        return {"id": file.id, "mode": "hidden_by_limit"}
    fresh = world.fresh(file)
    url = f"http://{world.host}/files-pri/{world.team}-{file.id}/"
    # Spaces would end the path; Slack lowers and simplifies names in links in the same way.
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", file.name).lower()
    told: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": "" if fresh else file.mimetype,
        "filetype": "" if fresh else file.filetype,
        "pretty_type": "" if fresh else file.filetype.upper(),
        "user": file.owner,
        "user_team": world.people[file.owner].team,
        "editable": file.mode == "snippet",
        "size": file.size,
        "mode": file.mode,
        "is_external": file.external,
        "external_type": "gdrive" if file.external else "",
        "is_public": any(world.spaces[share.space].kind == "channel" for share in file.shares),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": "https://drive.example/doc" if file.external else url + plain,
        "url_private_download": "" if fresh else url + f"download/{plain}",
        "permalink": f"https://{world.domain}.slack.com/files/{file.owner}/{file.id}/{plain}",
        "has_rich_preview": False,
        "file_access": "visible",
    }
    return told | _picture(world, file, fresh, plain) | (_where(world, file) if whole else {})


def _picture(world: World, file: SlackFile, fresh: bool, plain: str) -> Json:
    if fresh or not file.mimetype.startswith("image/"):
        return {}
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(file.data)) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError):
        return {}
    thumb = f"http://{world.host}/files-tmb/{world.team}-{file.id}-x/{plain}"
    return {"original_w": width, "original_h": height, "thumb_360": thumb, "thumb_1024": thumb}


def _where(world: World, file: SlackFile) -> Json:
    """What files.info adds. A file the bot shared is listed only once the share has happened."""
    seen = world.visible_shares(file)
    shares: dict[str, dict[str, list[Json]]] = {}
    for share in seen:
        space = world.spaces[share.space]
        told = {"ts": share.ts, "channel_name": space.name, "team_id": world.team, "share_user_id": share.user}
        if share.thread_ts:
            told |= {"thread_ts": share.thread_ts}
        side = "public" if space.kind == "channel" else "private"
        shares.setdefault(side, {}).setdefault(space.id, []).append(told)

    def of(*kinds: str) -> list[str]:
        return sorted({share.space for share in seen if world.spaces[share.space].kind in kinds})

    return {
        "channels": of("channel"),
        "groups": of("group", "mpim"),
        "ims": of("im"),
        "shares": shares,
        "has_more_shares": False,
        "comments_count": 0,
    }


def stub_json(world: World, file: SlackFile) -> Json:
    """As a pushed event shows it: files that came through Slack Connect tell nothing but their id."""
    if file.connect and not file.deleted:
        return {"id": file.id} | STUB_KEYS
    return file_json(world, file, whole=False)


def message_json(world: World, message: Message, *, pushed: bool = False, metadata: bool = False) -> Json:
    """A message; `pushed`: as in an event. Its replies are counted by `parent_json`."""
    person = world.people[message.user]
    if message.subtype == "tombstone":
        said: Json = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": message.text}
        return said | {"ts": message.ts, "hidden": True} | _in_thread(world, message)
    told: Json = {"type": "message", "user": person.id, "ts": message.ts, "text": message.text, "team": person.team}
    if message.subtype:
        told["subtype"] = message.subtype
    if person.is_bot:
        told |= {"bot_id": person.bot_id, "app_id": world.app if person is world.bot else "A0OTHER0001"}
        told["bot_profile"] = {"id": person.bot_id, "name": person.name, "team_id": world.team, "deleted": False}
    else:
        told["client_msg_id"] = f"00000000-0000-4000-8000-{message.ts.replace('.', '')[-12:]}"
    if message.blocks or (message.text and not person.is_bot):
        told["blocks"] = message.blocks or [_rich(message)]
    if message.files:
        files = [world.files[each] for each in message.files]
        told["files"] = [stub_json(world, each) if pushed else file_json(world, each, whole=False) for each in files]
        told |= {"upload": message.upload, "display_as_bot": False}
    if message.edited:
        told["edited"] = {"user": person.bot_id or person.id, "ts": message.edited}
    if message.reactions:
        told["reactions"] = reactions_json(message)
    if metadata and message.metadata:
        told["metadata"] = message.metadata
    return told | _in_thread(world, message)


def _in_thread(world: World, message: Message) -> Json:
    if not message.thread_ts or message.thread_ts == message.ts:
        return {}
    told: Json = {"thread_ts": message.thread_ts}
    parent = [each for each in world.spaces[message.channel].messages if each.ts == message.thread_ts]
    if parent:
        told["parent_user_id"] = parent[0].user
        if message.subtype == "thread_broadcast":
            told["root"] = parent_json(world, parent[0])
    return told


def parent_json(world: World, message: Message, *, metadata: bool = False) -> Json:
    """A message of the channel itself, with what its thread came to."""
    told = message_json(world, message, metadata=metadata)
    replies = [each for each in world.spaces[message.channel].messages if each.thread_ts == message.ts]
    if not replies:
        return told
    return told | {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len({each.user for each in replies}),
        "latest_reply": replies[-1].ts,
        "reply_users": list(dict.fromkeys(each.user for each in replies)),
        "is_locked": False,
        "subscribed": False,
    }


def reactions_json(message: Message) -> list[Json]:
    return [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()]


def _rich(message: Message) -> Json:
    """What a person types arrives as rich text beside the plain text."""
    elements: list[Json] = []
    for part in re.split(r"(<@[A-Z0-9]+>)", message.text):
        if part.startswith("<@"):
            elements.append({"type": "user", "user_id": part[2:-1]})
        elif part:
            elements.append({"type": "text", "text": part})
    block_id = message.ts[-5:]
    return {
        "type": "rich_text",
        "block_id": block_id,
        "elements": [{"type": "rich_text_section", "elements": elements}],
    }
