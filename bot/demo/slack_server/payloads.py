"""JSON of people, conversations, messages and files, as Slack sends it."""

from __future__ import annotations

from io import BytesIO

from bot.demo.slack_server.links import file_link, message_link, person_link, slug
from bot.demo.slack_server.rich_text import rich_text
from bot.demo.slack_server.state import SLACKBOT, Conversation, Forward, Json, Message, Person, SlackFile, State

PREVIEW_LINES = 5
"""How many lines of a snippet its file object shows."""
STUB_FIELDS = {"mode": "file_access", "file_access": "check_file_info", "created": 0, "timestamp": 0, "user": ""}


def person_json(state: State, person: Person) -> Json:
    real_name = person.real_name or person.name.title()
    return {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": real_name,
        "tz": person.tz,
        "tz_offset": person.tz_offset,
        "profile": {"real_name": real_name, "display_name": person.name}
        | ({"bot_id": person.bot_id, "api_app_id": person.app_id} if person.is_bot else {}),
        "is_admin": person.admin,
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
        "creator": conversation.creator,
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
    name = slug(file.name)
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
        "url_private": "https://drive.example/doc" if file.external else url + name,
        "url_private_download": "" if is_fresh else url + f"download/{name}",
        "permalink": file_link(state, file),
        "has_rich_preview": False,
        "file_access": "visible",
    }
    if not is_fresh:
        payload |= _snippet_fields(file) | _image_fields(state, file, name) | file.details
        aside = f"http://{state.host}/files-tmb/{state.team}-{file.id}-x/file"
        payload |= {each: f"{aside}.{each}" for each in file.parts}
    if whole:
        payload |= _share_details(state, file)
    return {key: value for key, value in payload.items() if value is not None}


def _snippet_fields(file: SlackFile) -> Json:
    if file.mode != "snippet":
        return {}
    lines = file.data.decode(errors="replace").splitlines()
    more = max(0, len(lines) - PREVIEW_LINES)
    preview = "\n".join(lines[:PREVIEW_LINES])
    return {"preview": preview, "lines": len(lines), "lines_more": more, "preview_is_truncated": bool(more)}


def _image_fields(state: State, file: SlackFile, slug: str) -> Json:
    if not file.mimetype.startswith("image/"):
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
    every = state.visible_shares(file)
    visible = every[-state.quirks.max_shares :]
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
        "has_more_shares": len(visible) < len(every),
        "comments_count": 0,
    }


def pushed_file_json(state: State, file: SlackFile) -> Json:
    """Return a file as in a pushed event, which shows only the id of files from Slack Connect."""
    if file.connect and not file.deleted:
        return {"id": file.id} | STUB_FIELDS
    return file_json(state, file, whole=False)


def message_json(state: State, message: Message, *, pushed: bool = False, metadata: bool = False) -> Json:
    """Return a message; with `pushed`, as in an event. `parent_json` adds the reply counts."""
    if message.subtype == "tombstone":
        tombstone: Json = {"type": "message", "subtype": "tombstone", "user": SLACKBOT, "text": message.text}
        return tombstone | {"ts": message.ts, "hidden": True} | _thread_fields(state, message)
    payload: Json = {"type": "message", "ts": message.ts, "text": message.text} | _author_fields(state, message)
    if message.subtype:
        payload["subtype"] = message.subtype
    if message.blocks or (message.text and "client_msg_id" in payload):
        payload["blocks"] = message.blocks or [rich_text(message.text, message.ts[-5:])]
    if message.forwards:
        payload["attachments"] = [
            _attachment(state, each, number, pushed) for number, each in enumerate(message.forwards, 1)
        ]
    if message.files:
        files = [state.files[each] for each in message.files]
        payload["files"] = [
            pushed_file_json(state, each) if pushed else file_json(state, each, whole=False) for each in files
        ]
        payload |= {"upload": message.upload, "display_as_bot": False}
    if message.edited:
        payload["edited"] = {"user": payload.get("bot_id") or message.user, "ts": message.edited}
    if message.reactions:
        payload["reactions"] = reactions_json(message)
    if metadata and message.metadata:
        payload["metadata"] = message.metadata
    return payload | _thread_fields(state, message)


def _author_fields(state: State, message: Message) -> Json:
    """Return the fields that name the author: a person, a bot, or another app, for a person or in its own name."""
    author: Json = {}
    person, app = state.people.get(message.user), message.other_app
    if person is not None:
        author |= {"user": person.id, "team": person.team}
    if app is not None and person is None:
        return {"bot_id": app.bot_id, "app_id": app.app_id, "username": app.name}
    bot = (person.bot_id, person.app_id, person.name) if person is not None and person.is_bot else ("", "", "")
    bot_id, app_id, name = (app.bot_id, app.app_id, app.name) if app is not None else bot
    if bot_id:
        profile = {"id": bot_id, "app_id": app_id, "name": name, "team_id": state.team, "deleted": False}
        return author | {"bot_id": bot_id, "app_id": app_id, "bot_profile": profile}
    if message.user == SLACKBOT:
        return author
    return author | {"client_msg_id": f"00000000-0000-4000-8000-{message.ts.replace('.', '')[-12:]}"}


def _attachment(state: State, forward: Forward, number: int, pushed: bool) -> Json:
    """Return a forwarded message. Unconfirmed: `footer`, `message_blocks` and the form of `fallback`."""
    conversation, person = state.conversations.get(forward.channel), state.people.get(forward.user)
    files = [state.files[each] for each in forward.files]
    attachment: Json = {
        "id": number,
        "is_msg_unfurl": True,
        "channel_id": forward.channel,
        "channel_name": conversation.name if conversation else "",
        "channel_team": state.team,
        "ts": forward.ts,
        "author_id": forward.user,
        "author_name": (person.real_name or person.name.title()) if person else "",
        "author_subname": person.name if person else "",
        "author_link": person_link(state, forward.user),
        "from_url": message_link(state, forward.channel, forward.ts, forward.thread_ts),
        "fallback": f"[{forward.ts}] {person.name if person else ''}: {forward.text}",
        "text": forward.text,
        "mrkdwn_in": ["text"],
        "footer": "Slack Conversation",
        "message_blocks": [
            {
                "team": state.team,
                "channel": forward.channel,
                "ts": forward.ts,
                "message": {"blocks": list(forward.blocks)},
            }
        ],
    }
    if forward.is_share:
        attachment["is_share"] = True
    if files:
        attachment["files"] = [
            pushed_file_json(state, each) if pushed else file_json(state, each, whole=False) for each in files
        ]
    return attachment


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
        "reply_users_count": len({_author(each) for each in replies}),
        "latest_reply": replies[-1].ts,
        "reply_users": list(dict.fromkeys(_author(each) for each in replies)),
        "is_locked": False,
        "subscribed": False,
    }


def _author(message: Message) -> str:
    return message.user or (message.other_app.bot_id if message.other_app else "")


def reactions_json(message: Message) -> list[Json]:
    return [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()]
