"""A cache of Slack's conversations and people. Entries last for minutes, or until an event reports a change.

Nothing is stored on disk: Magpie misses events while it is down, so older entries could be wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from bot.slack.client import SlackClient
from bot.slack.errors import RateLimited, Refused
from rag import TryAgain

T = TypeVar("T")

CACHE_SECONDS = 180.0
"""Seconds for which conversations and their members are cached."""

PEOPLE_CACHE_SECONDS = 600.0
"""Seconds for which the list of people is cached. It is long, and an event reports each change in it."""

LOOKUP_SECONDS = 12.0
"""Seconds that all lookups for one reply may take together. After that, lookups raise TryAgain."""

_SHARED_SECONDS = 2 * LOOKUP_SECONDS
"""Seconds to wait for a lookup that another reply began; its last request may end after its deadline."""

_MAX_UNLISTED = 20
"""Members missing from the list of people that are looked up one by one; with more, the list is fetched again."""

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation that Magpie is in. `name`: without `#`; empty for direct messages.

    `outside`: people of other workspaces can read it, or are invited to. `partner`: the other person of a direct
    message. `deserted`: that person is deactivated. `group`: a direct message of several people. `creator`: empty if
    Slack does not say.
    """

    id: str
    public: bool
    direct: bool
    outside: bool
    partner: str = ""
    deserted: bool = False
    name: str = ""
    group: bool = False
    creator: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A user or an app.

    `is_full_member`: belongs to this workspace and is not a guest. `is_active`: False for apps and deactivated users.
    `names`: what people call them, the name that Slack shows first. `zone`: name of their time zone, such as
    "Europe/Berlin"; empty if Slack does not say. `is_of_workspace`: belongs to this workspace, perhaps as a guest.
    `is_admin`: an admin or owner of the workspace.
    """

    id: str
    is_full_member: bool
    is_active: bool
    names: tuple[str, ...] = ()
    zone: str = ""
    is_of_workspace: bool = False
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    expires: float


@dataclass(eq=False, slots=True)
class _Lookup:
    """A lookup that several threads wait for. `changes`: the number of changes before it began."""

    changes: int
    found: Future[Any] = field(default_factory=Future)


@dataclass(eq=False, slots=True)
class _Listing:
    """A list of people that was read in part. `changes`: the number of changes before that."""

    changes: int
    expires: float
    people: dict[str, Person] = field(default_factory=dict)
    cursor: str = ""


class Directory:
    """Look up conversations and people, and cache them. Thread-safe. Every lookup may raise SlackClient's errors."""

    def __init__(self, client: SlackClient, team: str, clock: Callable[[], float] = monotonic) -> None:
        """`client` should be impatient, because a reply waits for it. `team`: the workspace's id."""
        self._client = client
        self._team = team
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: dict[str, _Entry] = {}
        self._changes = 0
        self._last_change: dict[str, int] = {}
        """The number of the last change of each entry. The result of a lookup that began earlier is not cached."""
        self._lookups: dict[str, _Lookup] = {}
        self._listing: _Listing | None = None
        self._asks_again: dict[str, float] = {}
        """The time before which Slack asked for no further request of each kind."""

    # ------------------------------------------------------------ invalidation

    def invalidate(self, channel: str) -> None:
        """Drop a conversation and its members from the cache."""
        self._drop("conversations", f"members:{channel}")

    def invalidate_person(self, user: str) -> None:
        """Drop one person from the cache. The next lookup fetches this person alone: people change their status often,
        and the whole list is too long to fetch each time."""
        with self._lock:
            people = self._cache.get("people")
            if people is not None:
                others = {id: person for id, person in people.value.items() if id != user}
                self._cache["people"] = _Entry(others, people.expires)
        self._drop(f"person:{user}")

    def invalidate_all(self) -> None:
        """Drop everything, because events may have been lost."""
        self._drop(_ALL)

    @property
    def changes(self) -> int:
        """The number of invalidations so far."""
        return self._changes

    def _drop(self, *keys: str) -> None:
        with self._lock:
            self._changes += 1
            for key in keys:
                self._last_change[key] = self._changes
                self._cache.pop(key, None)
            if _ALL in keys:
                self._cache = {}

    # ------------------------------------------------------------ lookups

    def deadline(self) -> float:
        """Return the time, on this object's clock, by which the lookups for a reply that begins now must finish."""
        return self._clock() + LOOKUP_SECONDS

    def conversations(self, until: float) -> Mapping[str, Conversation]:
        """Return the conversations that Magpie is in, by id."""
        return self._cached("conversations", CACHE_SECONDS, lambda: self._conversations(None, until))

    def conversations_of(self, user: str, until: float) -> Mapping[str, Conversation]:
        """Return the conversations that a person is in; private ones only if Magpie is a member too. Never cached,
        because they decide what private content is shown."""
        return self._conversations(user, until)

    def conversation(self, channel: str, until: float) -> Conversation:
        """Fetch one conversation without the cache. Raise Refused if Magpie is not in it: Slack also describes public
        channels that it did not join."""
        self._check_time(until)
        raw = self._ask("conversation", lambda: self._client.get_conversation(channel))
        if not (raw.get("is_member") or raw.get("is_im")):
            raise Refused("not_in_channel")
        return conversation(raw)

    def members(self, channel: str, until: float) -> frozenset[str]:
        listed = self._client.list_members(channel, partial(self._check_time, until))
        look_up = partial(self._ask, "members", lambda: frozenset(listed))
        return self._cached(f"members:{channel}", CACHE_SECONDS, look_up)

    def people(self, until: float) -> Mapping[str, Person]:
        """Return the people and apps of this workspace, by id; people of other workspaces are not listed."""
        return self._cached("people", PEOPLE_CACHE_SECONDS, partial(self._list_people, until))

    def person(self, user: str, until: float) -> Person:
        """Fetch one person without the cache."""
        self._check_time(until)
        return self._person(self._ask("person", lambda: self._client.get_person(user)))

    def is_app(self, user: str, until: float) -> bool:
        """Return whether a user is the bot user of an app."""

        def look_up() -> bool:
            self._check_time(until)
            raw = self._ask("person", lambda: self._client.get_person(user))
            return raw.get("is_bot") is not False or user == "USLACKBOT"

        return self._cached(f"app:{user}", PEOPLE_CACHE_SECONDS, look_up)

    def are_all_full_members(self, channel: str, until: float) -> bool:
        """Return whether every member of a conversation is a full member of this workspace."""
        members = self.members(channel, until)
        people = self._people_for(members, until)
        if len(members - people.keys()) > _MAX_UNLISTED:
            self._drop("people")
            people = self.people(until)
        unlisted = members - people.keys()
        if len(unlisted) > _MAX_UNLISTED:
            return False
        found = [people[user] for user in members if user in people]
        for user in unlisted:
            found.append(self._cached(f"person:{user}", CACHE_SECONDS, partial(self.person, user, until)))
        return all(person.is_full_member for person in found if person.is_active)

    def _people_for(self, members: frozenset[str], until: float) -> Mapping[str, Person]:
        """Return the people of this workspace. If the list is too long to be read in time, return what was read of it,
        if the other members are few enough to be looked up one by one."""
        try:
            return self.people(until)
        except TryAgain:
            with self._lock:
                listed = dict(self._listing.people) if self._listing else {}
            if listed and len(members - listed.keys()) <= _MAX_UNLISTED:
                return listed
            raise

    def _list_people(self, until: float) -> Mapping[str, Person]:
        """Read the list of people from where the last attempt stopped: in a large workspace it takes longer than one
        reply may wait."""
        with self._lock:
            listing, last = self._listing, self._last_change
            if listing is None or listing.expires <= self._clock() or last.get(_ALL, 0) > listing.changes:
                listing = _Listing(self._changes, self._clock() + PEOPLE_CACHE_SECONDS)
            people = {id: one for id, one in listing.people.items() if last.get(f"person:{id}", 0) <= listing.changes}
            listing = self._listing = _Listing(self._changes, listing.expires, people, listing.cursor)
        try:
            while True:
                self._check_time(until)
                page, cursor = self._ask("people", partial(self._client.get_people_page, listing.cursor))
                parsed = {str(raw["id"]): self._person(raw) for raw in page if raw.get("id")}
                with self._lock:
                    listing.people.update(parsed)
                    listing.cursor = cursor
                if not cursor:
                    break
        except BaseException as error:
            if not isinstance(error, TryAgain):  # else the next attempt continues
                self._forget_listing(listing)
            raise
        self._forget_listing(listing)
        return listing.people

    def _forget_listing(self, listing: _Listing) -> None:
        with self._lock:
            if self._listing is listing:
                self._listing = None

    def _cached(self, key: str, seconds: float, look_up: Callable[[], T]) -> T:
        """Return a cached value, or look it up. Threads that need the same value at the same time share one lookup."""
        with self._lock:
            entry, changes = self._cache.get(key), self._changes
            if entry is not None and entry.expires > self._clock():
                cached: T = entry.value
                return cached
            running = self._lookups.get(key)
            if running is not None and self._changed(key) <= running.changes:
                shared = running
            else:
                shared, running = None, _Lookup(changes)
                self._lookups[key] = running
        if shared is not None:
            waited: T = self._wait_for(shared)
            return waited
        try:
            # The lifetime starts before the lookup: a slow lookup may return data from its beginning.
            expires, found = self._clock() + seconds, look_up()
        except BaseException as error:
            self._end(key, running)
            running.found.set_exception(error)
            raise
        with self._lock:
            if self._changed(key) <= changes:
                value: Any = found
                if key == "people" and isinstance(found, Mapping):
                    last = self._last_change
                    value = {id: person for id, person in found.items() if last.get(f"person:{id}", 0) <= changes}
                self._cache[key] = _Entry(value, expires)
        self._end(key, running)
        running.found.set_result(found)
        return found

    def _wait_for(self, shared: _Lookup) -> Any:
        try:
            return shared.found.result(_SHARED_SECONDS)
        except TimeoutError as error:
            raise TryAgain("Slack took too long to list who can read this conversation.") from error

    def _end(self, key: str, lookup: _Lookup) -> None:
        with self._lock:
            if self._lookups.get(key) is lookup:
                del self._lookups[key]

    def _changed(self, key: str) -> int:
        """Return the number of the last change of an entry. The lock must be held."""
        return max(self._last_change.get(key, 0), self._last_change.get(_ALL, 0))

    def _ask(self, kind: str, call: Callable[[], T]) -> T:
        """Make a request, unless Slack asked to wait before the next one of this kind."""
        with self._lock:
            wait = self._asks_again.get(kind, 0.0) - self._clock()
        if wait > 0:
            raise RateLimited(wait)
        try:
            return call()
        except RateLimited as error:
            with self._lock:
                self._asks_again[kind] = self._clock() + error.seconds
            raise

    def _conversations(self, user: str | None, until: float) -> Mapping[str, Conversation]:
        listed = self._client.list_conversations(user, partial(self._check_time, until))
        return self._ask("conversations", lambda: {str(raw["id"]): conversation(raw) for raw in listed})

    def _check_time(self, until: float) -> None:
        if self._clock() > until:
            raise TryAgain("Slack took too long to list who can read this conversation.")

    def _person(self, raw: Mapping[str, Any]) -> Person:
        """Parse a user object. A person is a full member only if Slack says so explicitly."""
        is_guest = raw.get("is_restricted") is not False or raw.get("is_ultra_restricted") is not False
        is_of_workspace = raw.get("team_id") == self._team and raw.get("is_stranger") is not True
        is_inactive = raw.get("is_bot") is True or raw.get("deleted") is True or raw.get("id") == "USLACKBOT"
        profile = raw.get("profile")
        profile = profile if isinstance(profile, Mapping) else {}
        listed = (profile.get("display_name"), profile.get("real_name"), raw.get("real_name"), raw.get("name"))
        names = tuple(dict.fromkeys(" ".join(str(name).split()) for name in listed if name and str(name).strip()))
        zone = str(raw.get("tz") or "")
        is_full_member = is_of_workspace and not is_guest
        is_admin = is_full_member and not is_inactive and (raw.get("is_admin") is True or raw.get("is_owner") is True)
        return Person(str(raw.get("id")), is_full_member, not is_inactive, names, zone, is_of_workspace, is_admin)


def conversation(raw: Mapping[str, Any]) -> Conversation:
    """Parse a conversation object. Unless Slack says otherwise, it is private and open to people outside the
    workspace."""
    direct = raw.get("is_im") is True or str(raw.get("id")).startswith("D")
    flags = ("is_ext_shared", "is_pending_ext_shared", "is_org_shared")
    pending = bool(raw.get("pending_shared") or raw.get("pending_connected_team_ids"))
    outside = pending or any(raw.get(flag) for flag in flags)
    if not direct:  # a direct message has this flag only when it is true
        outside = outside or raw.get("is_ext_shared") is not False
    return Conversation(
        str(raw.get("id")),
        public=raw.get("is_private") is False and not direct and not raw.get("is_mpim"),
        direct=direct,
        outside=outside,
        partner=str(raw.get("user") or ""),
        deserted=raw.get("is_user_deleted") is True,
        name="" if direct else str(raw.get("name") or ""),
        group=raw.get("is_mpim") is True,
        creator=str(raw.get("creator") or ""),
    )
