"""chat.* and reactions.*"""

from __future__ import annotations

import re

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import Draft
from bot.demo.slack_server.limits import MOST_MARKDOWN, MOST_TEXT, MOST_UPDATED
from bot.demo.slack_server.payloads import message_json, reactions_json
from bot.demo.slack_server.request import Asked, Method, Refusal
from bot.demo.slack_server.state import Json, Message, Space

TS = re.compile(r"^\d{10}\.\d{6}$")


def _target(asked: Asked) -> Space:
    """Where to post: a conversation, or a person, which means the direct conversation with them."""
    if asked.text("channel") in asked.world.people:
        asked.arguments["channel"] = actions.direct(asked.stage, [asked.text("channel")])
    space = asked.joined()
    if space.archived:
        raise Refusal("is_archived")
    return space


def _draft(asked: Asked) -> Draft:
    text, blocks, markdown = asked.text("text"), asked.blocks(), asked.text("markdown_text")
    if markdown:
        if text or blocks:
            raise Refusal("markdown_text_conflict")
        if len(markdown) > MOST_MARKDOWN:
            raise Refusal("msg_too_long")
        # Slack translates; what matters here is that the words arrive.
        text, blocks = markdown, [{"type": "markdown", "text": markdown}]
    if not text and not blocks and not asked.arguments.get("attachments"):
        raise Refusal("no_text")
    return Draft(text[:MOST_TEXT], blocks or [], metadata=asked.metadata() or {})


def _thread(asked: Asked, space: Space) -> str:
    """The thread to post in. Without its first message Slack says nothing and posts to the channel itself."""
    ts = asked.text("thread_ts")
    if ts and not TS.match(ts):
        raise Refusal("invalid_thread_ts", f"[ERROR] {ts} is not a valid thread_ts")
    return ts if any(message.ts == ts for message in space.messages) else ""


def post_message(asked: Asked) -> Json:
    space, draft = _target(asked), _draft(asked)
    draft.thread_ts = _thread(asked, space)
    draft.broadcast = asked.flag("reply_broadcast")
    message = actions.post(asked.stage, asked.world.bot.id, space.id, draft)
    told = message_json(asked.world, message, metadata=True)
    return {"channel": space.id, "ts": message.ts, "message": told}


def update(asked: Asked) -> Json:
    space = asked.joined()
    message = asked.message(space)
    if message.user != asked.world.bot.id or message.subtype == "tombstone":
        raise Refusal("cant_update_message")
    if asked.world.streaming(message):
        raise Refusal("streaming_state_conflict")
    text: str | None = asked.text("text") if "text" in asked.arguments else None
    blocks = asked.blocks()
    if "markdown_text" in asked.arguments:
        draft = _draft(asked)
        text, blocks = draft.text, draft.blocks
    if text is not None and len(text) > MOST_UPDATED:
        raise Refusal("msg_too_long")
    files = asked.listed("file_ids") if "file_ids" in asked.arguments else None
    if not text and not blocks and not files and "attachments" not in asked.arguments:
        raise Refusal("no_text")
    for each in files or []:
        if each not in asked.world.files:
            raise Refusal("file_not_found")
    actions.edit(asked.stage, space.id, message.ts, text=text, blocks=blocks, files=files, metadata=asked.metadata())
    told = message_json(asked.world, message, metadata=True)
    return {"channel": space.id, "ts": message.ts, "text": message.text, "message": told}


def delete(asked: Asked) -> Json:
    space = asked.joined()
    message = asked.message(space)
    if message.user != asked.world.bot.id:
        raise Refusal("cant_delete_message")
    actions.delete(asked.stage, space.id, message.ts)
    return {"channel": space.id, "ts": message.ts}


def post_ephemeral(asked: Asked) -> Json:
    space, draft = asked.joined(), _draft(asked)
    if asked.text("user") not in space.members:
        raise Refusal("user_not_in_channel")
    draft.thread_ts = asked.text("thread_ts")
    return {"message_ts": actions.whisper(asked.stage, space.id, asked.text("user"), draft).ts}


def permalink(asked: Asked) -> Json:
    space = asked.space()
    asked.arguments["ts"] = asked.text("message_ts")
    message = asked.message(space)
    link = f"https://{asked.world.domain}.slack.com/archives/{space.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={space.id}"
    return {"channel": space.id, "permalink": link}


# ---------------------------------------------------------------- reactions


def _reacted(asked: Asked) -> tuple[Space, Message]:
    space = asked.joined()
    return space, asked.message(space, "timestamp")


def _name(asked: Asked) -> str:
    name = asked.text("name")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise Refusal("invalid_name")
    return name


def add_reaction(asked: Asked) -> Json:
    name, (space, message) = _name(asked), _reacted(asked)
    if not actions.react(asked.stage, asked.world.bot.id, space.id, message.ts, name):
        raise Refusal("already_reacted")
    return {}


def remove_reaction(asked: Asked) -> Json:
    name, (space, message) = _name(asked), _reacted(asked)
    if not actions.unreact(asked.stage, asked.world.bot.id, space.id, message.ts, name):
        raise Refusal("no_reaction")
    return {}


def get_reactions(asked: Asked) -> Json:
    space, message = _reacted(asked)
    told = message_json(asked.world, message) | {"reactions": reactions_json(message)}
    return {"type": "message", "channel": space.id, "message": told}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",), ("channel",)),
    "chat.update": Method(update, ("chat:write",), ("channel", "ts")),
    "chat.delete": Method(delete, ("chat:write",), ("channel", "ts")),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",), ("channel", "user")),
    "chat.getPermalink": Method(permalink, (), ("channel", "message_ts")),
    "reactions.add": Method(add_reaction, ("reactions:write",), ("channel", "name", "timestamp")),
    "reactions.remove": Method(remove_reaction, ("reactions:write",), ("channel", "name", "timestamp")),
    "reactions.get": Method(get_reactions, ("reactions:read",), ("channel", "timestamp")),
}
