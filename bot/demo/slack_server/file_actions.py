"""What happens to files: they come, are shared, renamed, unshared, deleted."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.demo.slack_server import actions, events
from bot.demo.slack_server.actions import Draft, Stage
from bot.demo.slack_server.state import Json, SlackFile, typed


def create(stage: Stage, owner: str, name: str, data: bytes, *, file_id: str = "", title: str = "") -> SlackFile:
    """A file that nobody sees yet. Once it was scanned, file_change says so."""
    world = stage.world
    with world.changed:
        mimetype, filetype = typed(name, data)
        file = SlackFile(
            id=file_id or world.unique_id("F"),
            name=name,
            title=title or name,
            owner=owner,
            data=data,
            mimetype=mimetype,
            filetype=filetype,
            created=int(world.now()),
            born=time.monotonic(),
            connect=world.people[owner].team != world.team,
        )
        world.files[file.id] = file
        if world.pace.fresh_for:
            stage.clock.after(world.pace.fresh_for, lambda: _scanned(stage, file))
        if world.pace.list_lag:
            # Nothing happens then, but who waits for files.list should ask again.
            stage.clock.after(world.pace.list_lag, lambda: stage.tell([]))
        return file


def _scanned(stage: Stage, file: SlackFile) -> None:
    with stage.world.changed:
        if not file.deleted:
            stage.tell(events.file_changed(stage.world, file))


@dataclass
class Destination:
    """Where the last step of an upload sends its files."""

    channels: list[str]
    comment: str = ""
    blocks: list[Json] | None = None
    thread_ts: str = ""


def share_later(stage: Stage, files: list[str], to: Destination) -> None:
    """Slack answers first and shares afterwards; only then is there a message."""
    stage.clock.after(stage.world.pace.share_delay, lambda: _share(stage, files, to))


def _share(stage: Stage, files: list[str], to: Destination) -> None:
    world = stage.world
    with world.changed:
        there = [each for each in files if not world.files[each].deleted]
        for channel in to.channels:
            known = any(message.ts == to.thread_ts for message in world.space(channel).messages)
            if there and world.bot_in(world.space(channel)) and (known or not to.thread_ts):
                draft = Draft(to.comment, to.blocks or [], there, to.thread_ts, upload=True)
                actions.post(stage, world.bot.id, channel, draft)


def delete(stage: Stage, file_id: str) -> None:
    world = stage.world
    with world.changed:
        file = world.files[file_id]
        happened = events.file_deleted(world, file)
        file.deleted, file.shares = True, []
        stage.tell(happened)


def unshare(stage: Stage, file_id: str, channel: str) -> None:
    world = stage.world
    with world.changed:
        file, space = world.files[file_id], world.space(channel)
        if channel not in {share.space for share in file.shares}:
            raise LookupError(f"{file_id} is not shared in {channel}")
        file.shares = [share for share in file.shares if share.space != channel]
        for message in space.messages:
            message.files = [each for each in message.files if each != file_id]
        stage.tell([events.file_event(world, "file_unshared", file, file.owner, space)])


def rename(stage: Stage, file_id: str, name: str) -> None:
    world = stage.world
    with world.changed:
        file = world.files[file_id]
        file.name = file.title = name
        stage.tell(events.file_changed(world, file))
