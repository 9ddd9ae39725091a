"""Addresses of messages, files and people, as Slack writes them. Pure functions of the state."""

from __future__ import annotations

import re

from bot.demo.slack_server.state import SlackFile, State


def message_link(state: State, channel: str, ts: str, thread_ts: str = "") -> str:
    """Return the permalink of a message. Only a reply's names its thread."""
    link = f"https://{state.domain}.slack.com/archives/{channel}/p{ts.replace('.', '')}"
    return link + (f"?thread_ts={thread_ts}&cid={channel}" if thread_ts and thread_ts != ts else "")


def file_link(state: State, file: SlackFile) -> str:
    """Return the permalink of a file. Slack simplifies the file's name in it; a canvas has an address of its own."""
    if file.is_canvas:
        return f"https://{state.domain}.slack.com/docs/{state.team}/{file.id}"
    return f"https://{state.domain}.slack.com/files/{file.owner}/{file.id}/{slug(file.name)}"


def person_link(state: State, user: str) -> str:
    return f"https://{state.domain}.slack.com/team/{user}"


def slug(name: str) -> str:
    """Return a file name as it is in addresses: a space would end the path."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lower()
