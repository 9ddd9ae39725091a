"""Actions on files: create, share, rename, unshare, delete."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bot.demo.slack_server import actions, events
from bot.demo.slack_server.actions import Context, NewMessage
from bot.demo.slack_server.file_types import detect_type
from bot.demo.slack_server.state import Json, SlackFile


@dataclass(frozen=True)
class FileForm:
    """What makes a file a snippet, a canvas, a recording, ... instead of an uploaded file. See `SlackFile`."""

    mode: str
    filetype: str
    mimetype: str
    details: Json = field(default_factory=dict)
    served_as: str = ""
    parts: dict[str, bytes] = field(default_factory=dict)


def create(
    context: Context,
    owner: str,
    name: str,
    data: bytes,
    *,
    file_id: str = "",
    title: str = "",
    form: FileForm | None = None,
) -> SlackFile:
    """Create a file that is not shared yet. Slack scans it for a while (`Timing.fresh_for`), then sends file_change."""
    state = context.state
    mimetype, filetype = detect_type(name, data)
    form = form or FileForm("hosted", filetype, mimetype)
    with state.changed:
        file = SlackFile(
            id=file_id or state.unique_id("F"),
            name=name,
            title=title or name,
            owner=owner,
            data=data,
            mimetype=form.mimetype,
            filetype=form.filetype,
            created=int(state.now()),
            born=time.monotonic(),
            connect=state.people[owner].team != state.team,
            mode=form.mode,
            external=form.mode == "external",
            details=dict(form.details),
            served_as=form.served_as,
            parts=dict(form.parts),
        )
        state.files[file.id] = file
        if state.timing.fresh_for:
            context.timers.call_after(state.timing.fresh_for, lambda: _finish_scan(context, file))
        if state.timing.list_lag:
            # No event, but callers that wait for files.list have to look again.
            context.timers.call_after(state.timing.list_lag, lambda: context.push_events([]))
        return file


def _finish_scan(context: Context, file: SlackFile) -> None:
    with context.state.changed:
        if not file.deleted:
            context.push_events(events.file_changed(context.state, file))


@dataclass
class Destination:
    """Where the last step of an upload shares its files."""

    channels: list[str]
    comment: str = ""
    blocks: list[Json] | None = None
    thread_ts: str = ""


def share_later(context: Context, files: list[str], to: Destination) -> None:
    """Post the message with the files after `Timing.share_delay`: Slack answers the API call first."""
    context.timers.call_after(context.state.timing.share_delay, lambda: _share(context, files, to))


def _share(context: Context, files: list[str], to: Destination) -> None:
    state = context.state
    with state.changed:
        remaining = [each for each in files if not state.files[each].deleted]
        for channel in to.channels:
            thread_exists = any(message.ts == to.thread_ts for message in state.conversation(channel).messages)
            if remaining and state.has_bot(state.conversation(channel)) and (thread_exists or not to.thread_ts):
                draft = NewMessage(to.comment, to.blocks or [], remaining, to.thread_ts, upload=True)
                actions.post(context, state.bot.id, channel, draft)


def delete(context: Context, file_id: str) -> None:
    state = context.state
    with state.changed:
        file = state.files[file_id]
        happened = events.file_deleted(state, file)
        file.deleted, file.shares = True, []
        context.push_events(happened)


def unshare(context: Context, file_id: str, channel: str) -> None:
    state = context.state
    with state.changed:
        file, conversation = state.files[file_id], state.conversation(channel)
        if channel not in {share.conversation for share in file.shares}:
            raise LookupError(f"{file_id} is not shared in {channel}")
        file.shares = [share for share in file.shares if share.conversation != channel]
        for message in conversation.messages:
            message.files = [each for each in message.files if each != file_id]
        context.push_events([events.file_event(state, "file_unshared", file, file.owner, conversation)])


def rename(context: Context, file_id: str, name: str) -> None:
    state = context.state
    with state.changed:
        file = state.files[file_id]
        file.name = file.title = name
        context.push_events(events.file_changed(state, file))


def edit(context: Context, file_id: str, data: bytes) -> None:
    """Change the content. Slack's file_change does not say what changed, and the creation time stays."""
    state = context.state
    with state.changed:
        file = state.files[file_id]
        file.data = data
        context.push_events(events.file_changed(state, file))
