"""What Slack says of conversations and people, remembered for minutes and dropped when an event says that it changed.

Nothing here is stored: events that came while Magpie was away are lost, and with them the right to believe it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from slack_sdk import WebClient

from bot.slack.client import calling
from rag import TryAgain

T = TypeVar("T")

KEPT = 180.0
"""Seconds for which conversations and their members are believed without asking again."""

PEOPLE_KEPT = 600.0
"""The same for the list of people, which is long; whoever changes in it is told by an event."""

PATIENCE = 12.0
"""Seconds that all the questions of one reply may take; what is not known by then counts as unknown."""

_KINDS = "public_channel,private_channel,mpim,im"
_PAGE = 999
_PEOPLE = 1000
"""Rows asked for at a time: Slack takes up to 999 and 1,000, and 20 pages a minute of people."""

_STRANGERS = 20
"""Members that the list of people lacks who are asked for one by one; with more, the list is asked for anew."""

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation that Magpie is in. `outside`: others than this workspace's people may read it, now or soon.

    `partner` is the other person of a direct message; `deserted`: that person is deactivated.
    """

    id: str
    public: bool
    direct: bool
    outside: bool
    partner: str = ""
    deserted: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """`full`: a member of this workspace who is no guest. `reads`: false for apps and for the deactivated."""

    id: str
    full: bool
    reads: bool


@dataclass(frozen=True, slots=True)
class _Known:
    value: Any
    until: float


class Directory:
    """Look up conversations and people, and remember them. Thread-safe.

    Every look-up may raise a MagpieError of bot.slack.client.calling.
    """

    def __init__(self, client: WebClient, team: str, clock: Callable[[], float] = monotonic) -> None:
        """`client` should neither retry nor wait long: a reply waits for it. `team`: the workspace's id."""
        self._client = client
        self._team = team
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._changes = 0
        self._changed: dict[str, int] = {}
        """Of each thing remembered, the number of its last change: a look-up begun before that is not kept."""

    # ------------------------------------------------------------ forgetting

    def drop(self, channel: str) -> None:
        """Something about this conversation changed: its kind, or who is in it."""
        self._drop("conversations", f"members:{channel}")

    def drop_person(self, user: str) -> None:
        """Somebody changed. They are asked for by themselves then: people change their status all day, and the whole
        list is too long to be asked for each time."""
        with self._lock:
            people = self._known.get("people")
            if people is not None:
                others = {id: person for id, person in people.value.items() if id != user}
                self._known["people"] = _Known(others, people.until)
        self._drop(f"person:{user}")

    @property
    def changes(self) -> int:
        """How often something was dropped."""
        return self._changes

    def drop_all(self) -> None:
        """Events may have been lost."""
        self._drop(_ALL)

    def _drop(self, *keys: str) -> None:
        with self._lock:
            self._changes += 1
            for key in keys:
                self._changed[key] = self._changes
                self._known.pop(key, None)
            if _ALL in keys:
                self._known = {}

    # ------------------------------------------------------------ looking up

    def patience(self) -> float:
        """Until when, on the clock, a reply that begins now may go on asking."""
        return self._clock() + PATIENCE

    def conversations(self, until: float) -> Mapping[str, Conversation]:
        """Those that Magpie is in, by id."""
        return self._remembered("conversations", KEPT, lambda: self._conversations(None, until))

    def conversations_of(self, user: str, until: float) -> Mapping[str, Conversation]:
        """Those that somebody is in: of what is not public, only where Magpie is too. Never remembered: what is
        private is shown by it."""
        return self._conversations(user, until)

    def members(self, channel: str, until: float) -> frozenset[str]:
        pages = self._pages(self._client.conversations_members, "members", until, channel=channel, limit=_PAGE)
        return self._remembered(f"members:{channel}", KEPT, lambda: frozenset(map(str, pages)))

    def people(self, until: float) -> Mapping[str, Person]:
        """The people and apps of this workspace, by id; who belongs to another is not among them."""
        pages = self._pages(self._client.users_list, "members", until, limit=_PEOPLE)
        return self._remembered(
            "people", PEOPLE_KEPT, lambda: {str(raw["id"]): self._person(raw) for raw in pages if raw.get("id")}
        )

    def person(self, user: str, until: float) -> Person:
        """One person, asked for now and not remembered."""
        self._in_time(until)
        with calling():
            raw = self._client.users_info(user=user)["user"]
        return self._person(raw)

    def are_all_full(self, channel: str, until: float) -> bool:
        """Whether everybody who is in a conversation is a full member of this workspace."""
        members = self.members(channel, until)
        people = self.people(until)
        if len(members - people.keys()) > _STRANGERS:
            self._drop("people")
            people = self.people(until)
        strangers = members - people.keys()
        if len(strangers) > _STRANGERS:
            return False
        found = [people[user] for user in members if user in people]
        for user in strangers:
            found.append(self._remembered(f"person:{user}", KEPT, partial(self.person, user, until)))
        return all(person.full for person in found if person.reads)

    def _remembered(self, key: str, seconds: float, look: Callable[[], T]) -> T:
        with self._lock:
            known, changes = self._known.get(key), self._changes
        if known is not None and known.until > self._clock():
            found: T = known.value
            return found
        # The time is taken before the look-up, which may be slow: what it tells may be as old as that.
        until, found = self._clock() + seconds, look()
        with self._lock:
            if max(self._changed.get(key, 0), self._changed.get(_ALL, 0)) <= changes:
                kept: Any = found
                if key == "people" and isinstance(found, Mapping):
                    changed = self._changed
                    kept = {id: one for id, one in found.items() if changed.get(f"person:{id}", 0) <= changes}
                self._known[key] = _Known(kept, until)
        return found

    def _conversations(self, user: str | None, until: float) -> Mapping[str, Conversation]:
        more = {} if user is None else {"user": user}
        pages = self._pages(self._client.users_conversations, "channels", until, types=_KINDS, limit=_PAGE, **more)
        return {str(raw["id"]): conversation(raw) for raw in pages}

    def _pages(self, call: Callable[..., Any], named: str, until: float, **arguments: Any) -> Iterator[Any]:
        cursor = None
        while True:
            self._in_time(until)
            with calling():
                found = call(cursor=cursor, **arguments)
            yield from found[named]
            cursor = (found.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _in_time(self, until: float) -> None:
        if self._clock() > until:
            raise TryAgain("Slack takes too long to say who can read this.")

    def _person(self, raw: Mapping[str, Any]) -> Person:
        """Only what Slack says in so many words makes somebody a full member."""
        plain = raw.get("is_restricted") is False and raw.get("is_ultra_restricted") is False
        ours = raw.get("team_id") == self._team and raw.get("is_stranger") is not True
        reads = not (raw.get("is_bot") is True or raw.get("deleted") is True or raw.get("id") == "USLACKBOT")
        return Person(str(raw.get("id")), plain and ours, reads)


def conversation(raw: Mapping[str, Any]) -> Conversation:
    """A conversation object. One that does not say that it is public is private, and what may be outside is."""
    direct = raw.get("is_im") is True or str(raw.get("id")).startswith("D")
    flags = ("is_ext_shared", "is_pending_ext_shared", "is_org_shared")
    pending = bool(raw.get("pending_shared") or raw.get("pending_connected_team_ids"))
    outside = pending or any(raw.get(flag) for flag in flags)
    if not direct:  # a direct message tells nothing of this but when it is so
        outside = outside or raw.get("is_ext_shared") is not False
    return Conversation(
        str(raw.get("id")),
        public=raw.get("is_private") is False and not direct and not raw.get("is_mpim"),
        direct=direct,
        outside=outside,
        partner=str(raw.get("user") or ""),
        deserted=raw.get("is_user_deleted") is True,
    )
