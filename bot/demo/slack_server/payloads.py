"""JSON of people, conversations, messages and files, as Slack sends it."""

from __future__ import annotations

import re
from io import BytesIO

from bot.demo.slack_server.state import Conversation, Json, Message, Person, SlackFile, State

STUB_FIELDS = {"mode": "file_access", "file_access": "check_file_info", "created": 0, "timestamp": 0, "user": ""}


def person_json(state: State, person: Person) -> Json:
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.name.title(),
        "tz": "Europe/Berlin",
        "tz_offset": 3600,
        "profile": {"real_name": person.name.title(), "display_name": person.name}
        | ({"bot_id": person.bot_id, "api_app_id": state.app} if person.is_bot else {}),
        "is_admin": False,
        "is_owner": False,
        "is_restricted": person.guest != "",
        "is_ultra_restricted": person.guest == "single",
        "is_bot": person.is_bot,
        "is_app_user": False,
    } | ({"is_stranger": _is_stranger(state, person)} if person.team != state.team else {})


def _is_stranger(state: State, person: Person) -> bool:
    """Return whether this person of another workspace shares no conversation with ours."""
    return not any(person.id in conversation.members for conversation in state.conversations.values())


def conversation_json(state: State, conversation: Conversation) -> Json:
    if conversation.kind == "im":
        other = next((each for each in conversation.members if each != state.bot.id), "")
        person = state.people.get(other)
        is_external = person is not None and person.team != state.team
        return {
            "id": conversation.id,
            "created": conversation.created,
            "is_im": True,
            "is_archived": False,
            "is_org_shared": False,
            "user": other,
            "is_user_deleted": person is not None and person.deleted,
            "is_open": True,
            "priority": 0,
        } | ({"is_ext_shared": True} if is_external else {})
    private = conversation.kind != "channel"
    return {
        "id": conversation.id,
        "name": conversation.name,
        "name_normalized": conversation.name,
        "is_channel": not private or conversation.id.startswith("C"),
        "is_group": conversation.kind == "group",
        "is_im": False,
        "is_mpim": conversation.kind == "mpim",
        "is_private": private,
        "created": conversation.created,
        "is_archived": conversation.archived,
        "is_general": False,
        "is_shared": conversation.shared or conversation.org_shared,
        "is_ext_shared": conversation.shared,
        "is_pending_ext_shared": conversation.pending,
        "is_org_shared": conversation.org_shared,
        "is_member": state.has_bot(conversation),
        "context_team_id": state.team,
        "shared_team_ids": _teams(state, conversation),
        "connected_team_ids": [team for team in _teams(state, conversation) if team != state.team],
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(conversation.members),
    }


def _teams(state: State, conversation: Conversation) -> list[str]:
    others = {state.people[each].team for each in conversation.members} if conversation.shared else set()
    return [state.team, *sorted(others - {state.team})]


def file_json(state: State, file: SlackFile, *, whole: bool = True) -> Json:
    """Return a file. `whole` adds the shares the bot can see, which only files.info and files.list include."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    if file.mode == "hidden_by_limit":
        return {"id": file.id, "mode": "hidden_by_limit"}
    is_fresh = state.is_fresh(file)
    url = f"http://{state.host}/files-pri/{state.team}-{file.id}/"
    # A space would end the path. Slack simplifies file names in links in the same way.
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", file.name).lower()
    payload: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": "" if is_fresh else file.mimetype,
        "filetype": "" if is_fresh else file.filetype,
        "pretty_type": "" if is_fresh else file.filetype.upper(),
        "user": file.owner,
        "user_team": state.people[file.owner].team,
        "editable": file.mode == "snippet",
        "size": file.size,
        "mode": file.mode,
        "is_external": file.external,
        "external_type": "gdrive" if file.external else "",
        "is_public": any(state.conversations[share.conversation].kind == "channel" for share in file.shares),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": "https://drive.example/doc" if file.external else url + slug,
        "url_private_download": "" if is_fresh else url + f"download/{slug}",
        "permalink": f"https://{state.domain}.slack.com/files/{file.owner}/{file.id}/{slug}",
        "has_rich_preview": False,
        "file_access": "visible",
    }
    return payload | _image_fields(state, file, is_fresh, slug) | (_share_details(state, file) if whole else {})


def _image_fields(state: State, file: SlackFile, is_fresh: bool, slug: str) -> Json:
    if is_fresh or not file.mimetype.startswith("image/"):
        return {}
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(file.data)) as image:
            width, height = image.size
    except (UnidentifiedImageError, OSError):
        return {}
    thumb = f"http://{state.host}/files-tmb/{state.team}-{file.id}-x/{slug}"
    return {"original_w": width, "original_h": height, "thumb_360": thumb, "thumb_1024": thumb}


def _share_details(state: State, file: SlackFile) -> Json:
    """Return the fields that list the shares visible to the bot."""
    visible = state.visible_shares(file)
    shares: dict[str, dict[str, list[Json]]] = {}
    for share in visible:
        conversation = state.conversations[share.conversation]
        entry = {"ts": share.ts, "channel_name": conversation.name, "team_id": state.team, "share_user_id": share.user}
        if share.thread_ts:
            entry |= {"thread_ts": share.thread_ts}
        side = "public" if conversation.kind == "channel" else "private"
        shares.setdefault(side, {}).setdefault(conversation.id, []).append(entry)

    def ids(*kinds: str) -> list[str]:
        return sorted(
            {share.conversation for share in visible if state.conversations[share.conversation].kind in kinds}
        )

    return {
        "channels": ids("channel"),
        "groups": ids("group", "mpim"),
        "ims": ids("im"),
        "shares": shares,
        "has_more_shares": False,
        "comments_count": 0,
    }


def pushed_file_json(state: State, file: SlackFile) -> Json:
    """Return a file as in a pushed event, which shows only the id of files from Slack Connect."""
    if file.connect and not file.deleted:
        return {"id": file.id} | STUB_FIELDS
    return file_json(state, file, whole=False)


def message_json(state: State, message: Message, *, pushed: bool = False, metadata: bool = False) -> Json:
    """Return a message; with `pushed`, as in an event. `parent_json` adds the reply counts."""
    person = state.people[message.user]
    if message.subtype == "tombstone":
        tombstone: Json = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": message.text}
        return tombstone | {"ts": message.ts, "hidden": True} | _thread_fields(state, message)
    payload: Json = {"type": "message", "user": person.id, "ts": message.ts, "text": message.text, "team": person.team}
    if message.subtype:
        payload["subtype"] = message.subtype
    if person.is_bot:
        payload |= {"bot_id": person.bot_id, "app_id": state.app if person is state.bot else "A0OTHER0001"}
        payload["bot_profile"] = {"id": person.bot_id, "name": person.name, "team_id": state.team, "deleted": False}
    else:
        payload["client_msg_id"] = f"00000000-0000-4000-8000-{message.ts.replace('.', '')[-12:]}"
    if message.blocks or (message.text and not person.is_bot):
        payload["blocks"] = message.blocks or [_rich_text(message)]
    if message.files:
        files = [state.files[each] for each in message.files]
        payload["files"] = [
            pushed_file_json(state, each) if pushed else file_json(state, each, whole=False) for each in files
        ]
        payload |= {"upload": message.upload, "display_as_bot": False}
    if message.edited:
        payload["edited"] = {"user": person.bot_id or person.id, "ts": message.edited}
    if message.reactions:
        payload["reactions"] = reactions_json(message)
    if metadata and message.metadata:
        payload["metadata"] = message.metadata
    return payload | _thread_fields(state, message)


def _thread_fields(state: State, message: Message) -> Json:
    if not message.thread_ts or message.thread_ts == message.ts:
        return {}
    payload: Json = {"thread_ts": message.thread_ts}
    parent = [each for each in state.conversations[message.channel].messages if each.ts == message.thread_ts]
    if parent:
        payload["parent_user_id"] = parent[0].user
        if message.subtype == "thread_broadcast":
            payload["root"] = parent_json(state, parent[0])
    return payload


def parent_json(state: State, message: Message, *, metadata: bool = False) -> Json:
    """Return a top-level message with its reply counts."""
    payload = message_json(state, message, metadata=metadata)
    replies = [each for each in state.conversations[message.channel].messages if each.thread_ts == message.ts]
    if not replies:
        return payload
    return payload | {
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


def _rich_text(message: Message) -> Json:
    """Return the rich text block that Slack adds to what people type."""
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
