"""The guards against leaks that a sabotage breaks, and the steps that are then taken more often."""

from __future__ import annotations

from collections.abc import Mapping

from tests.leaks.guards.engine import ENGINE
from tests.leaks.guards.events import EVENTS
from tests.leaks.guards.replies import REPLIES
from tests.support.mutations import Mutation

GUARDS: Mapping[str, tuple[Mutation, ...]] = {**ENGINE, **EVENTS, **REPLIES}
"""Mutations by the name of the guard. A second mutation breaks a guard that would hide the effect of the first."""

OFTEN: Mapping[str, tuple[str, ...]] = {
    "dropped words": ("bot",),
    "standing": ("share twice",),
    "again": ("ask too early",),
    "reranked pictures": ("switch reranker",),
    "remark": ("unreadable", "ask with, and unshare"),
    "unknown message": ("lose share",),
    "deleted first": ("shuffle",),
    "revisions": ("shuffle",),
    "unshared first": ("shuffle",),
    "every space": ("shuffle",),
    "index": ("index",),
    "folders not named any more": ("folder", "folder, unname"),
    "words of names": ("ask for words",),
    "unread": ("ask too early",),
    "connect": ("flag",),
    "failure": ("fail",),
    "presence": ("ask with, and unshare",),
    "limits": ("ask with limits",),
    "lists": ("more, and meanwhile",),
    "more": ("more",),
    "file": ("file",),
    "similar": ("similar",),
    "stream": ("ask directly, leave", "join"),
    "find": ("command, and meanwhile",),
    "status": ("command",),
    "home": ("home",),
    "stop": ("stop",),
    "replies": ("ask", "delete file"),
    "stop button of slack": ("stop",),
    "channel looked at": ("look",),
    "unanswered": ("ask what no file says",),
    "unanswered in direct messages": ("ask what no file says",),
    "token": ("token",),
    "person of a token": ("token", "deactivate"),
    "recheck of a token": ("token, and meanwhile",),
    "page of a token": ("token",),
    "picture of a token": ("token",),
    "settings of a channel": ("settings",),
    "carousel": ("ask, and when answered",),
    "answer again": ("answer again after a change",),
    "heading of a button": ("topic of any file",),
    "who may ask": ("ask, not allowed",),
    "digest": ("digest",),
}
"""Steps that are taken thirty times as often while a guard is broken. Without this, the combination of events that it
guards against comes once in some 500 steps: for example, the message arrives after the event that its file is gone."""
