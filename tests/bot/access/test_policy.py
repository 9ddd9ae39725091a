"""The access policy for every kind of audience, with lookups in the stand-in for Slack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.directory import CACHE_SECONDS, LOOKUP_SECONDS, PEOPLE_CACHE_SECONDS, Directory, conversation
from bot.access.policy import Access
from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.folders import EVERYONE
from bot.slack.client import SlackClient
from bot.slack.events import Joined, Left, Moved, PersonChanged, ReadersChanged
from bot.slack.messages.answer_texts import UNSURE
from bot.slack.transport import RetryPolicy
from rag import Scope
from tests.flows.team import slack_settings
from tests.support.slack_workspace import without_proxies


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Team:
    """A workspace with some conversations, and its access policy."""

    ws: Workspace
    access: Access
    clock: Clock
    ada: str
    ben: str
    spaces: dict[str, str] = field(default_factory=dict)

    def scope_names(self, channel: str, user: str) -> set[str]:
        """Return the names of the conversations in the scope of a reply."""
        spaces = self.access.granted(channel, user).scope.spaces or frozenset()
        names = {id: name for name, id in self.spaces.items()}
        return {names.get(id, id) for id in spaces}


@pytest.fixture
def team() -> Iterator[Team]:
    with without_proxies(), open_workspace(scopes=SCOPES, events=EVENTS) as ws:
        ada, ben = ws.person("ada"), ws.person("ben")
        clock = Clock()
        access = Access(Directory(SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT), ws.team_id, clock))
        team = Team(ws, access, clock, ada, ben)
        team.spaces = {
            "public": ws.channel("public", [ada]),
            "plain": ws.channel("plain", [ada, ben]),
            "unjoined": ws.channel("unjoined", [ada, ben], with_bot=False),
            "archive": ws.channel("archive", [ada]),
            "private": ws.channel("private", [ada], private=True),
            "other": ws.channel("other", [ben], private=True),
            "dm": ws.direct(ada),
            "ben's dm": ws.direct(ben),
            "group": ws.group_direct([ada, ben]),
        }
        ws.archive(team.spaces["archive"])
        yield team


PUBLIC = {"public", "plain", "archive", EVERYONE}


def test_full_members_see_public_channels_and_their_own_conversation(team: Team) -> None:
    for here in ("public", "plain", "private", "other", "group"):
        assert team.scope_names(team.spaces[here], team.ada) == {here, *PUBLIC}


def test_direct_message_sees_what_its_reader_may_open(team: Team) -> None:
    assert team.scope_names(team.spaces["dm"], team.ada) == {"dm", "private", "group", *PUBLIC}
    assert team.scope_names(team.spaces["ben's dm"], team.ben) == {"ben's dm", "other", "group", *PUBLIC}


@pytest.mark.parametrize("guest", ["multi", "single"])
def test_guest_narrows_every_conversation_they_are_in(team: Team, guest: str) -> None:
    ws = team.ws
    gus = ws.person("gus", guest="multi" if guest == "multi" else "single")
    ws.join(gus, team.spaces["plain"])
    team.spaces["gus's dm"] = ws.direct(gus)
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain"}
    assert team.scope_names(team.spaces["gus's dm"], gus) == {"gus's dm", "plain"}
    assert team.scope_names(team.spaces["public"], team.ada) == {"public", *PUBLIC}


def test_outsider_narrows_the_scope_to_the_conversation(team: Team) -> None:
    ws = team.ws
    eve = ws.person("eve", stranger_team="T0THEM")
    team.spaces["eve's dm"] = ws.direct(eve)
    ws.join(eve, team.spaces["private"])  # as Slack Connect does before the flag is set
    assert team.scope_names(team.spaces["private"], team.ada) == {"private"}
    assert team.scope_names(team.spaces["eve's dm"], eve) == {"eve's dm"}


@pytest.mark.parametrize("how", ["shared", "pending", "org"])
def test_externally_shared_channel_sees_only_itself_and_is_not_public(team: Team, how: str) -> None:
    channel = team.spaces["public"]
    match how:
        case "shared":
            team.ws.set_shared(channel)
        case "pending":
            team.ws.set_pending(channel)
        case "org":
            team.ws.set_org_shared(channel)
    assert team.scope_names(channel, team.ada) == {"public"}
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain", "archive", EVERYONE}
    # Its members may open it nevertheless.
    assert "public" in team.scope_names(team.spaces["dm"], team.ada)
    assert "public" not in team.scope_names(team.spaces["ben's dm"], team.ben)


def test_apps_and_deactivated_people_are_ignored(team: Team) -> None:
    ws = team.ws
    robot = ws.other_bot("robot")
    ws.join(robot, team.spaces["plain"])
    ws.set_guest("ben", "multi")
    ws.deactivate("ben")
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}
    assert team.scope_names(team.spaces["ben's dm"], team.ben) == {"ben's dm"}


def test_channel_without_magpie_sees_only_itself(team: Team) -> None:
    granted = team.access.granted(team.spaces["unjoined"], team.ada)
    assert (granted.scope, granted.notice) == (Scope.of(team.spaces["unjoined"]), UNSURE)
    assert team.scope_names(team.spaces["dm"], team.ben) == {"dm"}


@pytest.mark.parametrize("method", ["users.conversations", "conversations.members", "users.list"])
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}, {"error": "missing_scope"}, {"drop": "before"}])
def test_failed_lookup_narrows_the_scope(team: Team, method: str, fault: dict[str, object]) -> None:
    team.ws.faults.fail(method, 3, **fault)  # type: ignore[arg-type]
    granted = team.access.granted(team.spaces["plain"], team.ada)
    assert (granted.scope, granted.notice) == (Scope.of(team.spaces["plain"]), UNSURE)
    team.ws.faults.clear()
    team.clock.now += 2  # a 429 asks to wait for one second
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}


@pytest.mark.parametrize("method", ["users.conversations", "conversations.members", "users.list", "users.info"])
def test_no_request_is_made_before_slack_allows_it(team: Team, method: str) -> None:
    team.ws.faults.fail(method, status=429, retry_after=30)
    for channel in ("plain", "dm"):
        team.access.granted(team.spaces[channel], team.ada)
    asked = len(team.ws.called(method))
    team.clock.now += 29
    for channel in ("plain", "dm"):
        assert team.access.granted(team.spaces[channel], team.ada).scope.spaces
    assert len(team.ws.called(method)) == asked
    team.clock.now += 2
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}
    assert team.scope_names(team.spaces["dm"], team.ada) == {"dm", "private", "group", *PUBLIC}


def test_replies_at_the_same_time_share_their_lookups(team: Team) -> None:
    team.access.invalidate_all()
    for method in ("users.conversations", "conversations.members", "users.list"):
        team.ws.faults.fail(method, 1, delay=0.5)
    before = len(team.ws.calls)
    with ThreadPoolExecutor(8) as pool:
        scopes = list(pool.map(lambda _: team.scope_names(team.spaces["plain"], team.ada), range(8)))
    assert scopes == [{"plain", *PUBLIC}] * 8
    assert len(team.ws.calls) - before == 3


def test_lookup_is_not_shared_after_a_change(team: Team) -> None:
    """A lookup that began before a guest joined does not decide for a reply that begins after it."""
    channel = team.spaces["plain"]
    gus = team.ws.person("gus", guest="single")
    begun = threading.Event()
    team.ws.faults.meanwhile("conversations.members", begun.set)
    team.ws.faults.fail("conversations.members", 1, delay=1.0)
    with ThreadPoolExecutor(1) as pool:
        earlier = pool.submit(team.access.granted, channel, team.ada)
        assert begun.wait(10)
        team.ws.join(gus, channel)
        team.access.invalidate(ReadersChanged(channel))
        assert team.scope_names(channel, team.ada) == {"plain"}
        earlier.result(10)
    assert team.scope_names(channel, team.ada) == {"plain"}


@pytest.fixture
def crowd(team: Team) -> Team:
    """The team in a workspace of several pages of people, who are listed before its members."""
    for number in range(2500):
        team.ws.person(f"person-{number}")
    return team


def test_few_members_are_looked_up_if_the_list_of_people_is_too_long(crowd: Team) -> None:
    late = crowd.ws.person("late")
    crowd.ws.join(late, crowd.spaces["plain"])
    fail_at_page(crowd, 2)
    assert crowd.scope_names(crowd.spaces["plain"], crowd.ada) == {"plain", *PUBLIC}
    assert crowd.ws.called("users.info") == [{"user": late}]


def test_pages_of_people_are_kept_for_the_next_reply(crowd: Team) -> None:
    for number in range(2400, 2500):
        crowd.ws.join(f"person-{number}", crowd.spaces["plain"])
    fail_at_page(crowd, 2)
    granted = crowd.access.granted(crowd.spaces["plain"], crowd.ada)
    assert (granted.scope, granted.notice) == (Scope.of(crowd.spaces["plain"]), UNSURE)
    crowd.clock.now += 31
    assert crowd.scope_names(crowd.spaces["plain"], crowd.ada) == {"plain", *PUBLIC}
    assert [call.get("cursor", "") for call in crowd.ws.called("users.list")] == [
        "",
        "next:999",
        "next:999",
        "next:1998",
    ]


def test_person_who_changed_between_two_pages_is_looked_up_again(crowd: Team) -> None:
    for number in range(2400, 2500):
        crowd.ws.join(f"person-{number}", crowd.spaces["plain"])
    fail_at_page(crowd, 2)
    crowd.access.granted(crowd.spaces["plain"], crowd.ada)
    crowd.ws.set_guest("ben", "single", send_event=False)
    crowd.access.invalidate(PersonChanged(crowd.ben, deactivated=False))
    crowd.clock.now += 31
    assert crowd.scope_names(crowd.spaces["plain"], crowd.ada) == {"plain"}


def fail_at_page(team: Team, page: int) -> None:
    """Make the request for one page of the list of people fail."""
    team.ws.faults.fail("users.list", page - 1, delay=0.001)
    team.ws.faults.fail("users.list", status=429, retry_after=30)


@pytest.mark.parametrize("method", ["users.info", "users.conversations"])
def test_failed_lookup_narrows_a_direct_message(team: Team, method: str) -> None:
    team.scope_names(team.spaces["plain"], team.ada)
    team.ws.faults.fail(method, status=503)
    assert team.scope_names(team.spaces["dm"], team.ada) == {"dm"}


def test_late_lookup_narrows_the_scope(team: Team) -> None:
    clock = team.clock

    class Late(Directory):
        """Time passes between two calls, as it does when Slack is slow."""

        def deadline(self) -> float:
            until = super().deadline()
            clock.now += LOOKUP_SECONDS + 1
            return until

    access = Access(Late(SlackClient(slack_settings(team.ws), RetryPolicy.IMPATIENT), team.ws.team_id, clock))
    assert access.granted(team.spaces["plain"], team.ada).scope == Scope.of(team.spaces["plain"])


def count_lookups(team: Team) -> int:
    team.scope_names(team.spaces["plain"], team.ada)
    asked = {"users.conversations", "conversations.members", "users.list", "users.info"}
    return sum(call.method in asked for call in team.ws.calls)


def test_lookups_are_cached_for_minutes(team: Team) -> None:
    first = count_lookups(team)
    assert (first, count_lookups(team)) == (3, 3)
    team.clock.now += CACHE_SECONDS + 1
    assert count_lookups(team) == 5
    team.clock.now += PEOPLE_CACHE_SECONDS + 1
    assert count_lookups(team) == 8


@pytest.mark.parametrize(
    "event",
    [
        lambda team: ReadersChanged(team.spaces["plain"]),
        lambda team: Joined(team.spaces["plain"]),
        lambda team: Left(team.spaces["plain"]),
        lambda team: Moved(team.spaces["plain"], "C9"),
        lambda team: PersonChanged(team.ben, deactivated=False),
    ],
)
def test_event_invalidates_the_cache(team: Team, event: Callable[[Team], ReadersChanged]) -> None:
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}
    team.ws.set_guest("ben", "single", send_event=False)
    team.ws.set_shared(team.spaces["public"], send_event=False)
    before = team.access.changes
    team.access.invalidate(event(team))
    assert team.access.changes > before
    team.access.invalidate(PersonChanged(team.ben, deactivated=False))
    assert team.scope_names(team.spaces["plain"], team.ada) == {"plain"}
    team.access.invalidate_all()
    assert team.scope_names(team.spaces["private"], team.ada) == {"private", "plain", "archive", EVERYONE}


def test_changed_person_costs_one_lookup_not_the_whole_list(team: Team) -> None:
    first = count_lookups(team)
    team.access.invalidate(PersonChanged(team.ben, deactivated=False))
    assert count_lookups(team) == first + 1
    assert team.ws.called("users.info") == [{"user": team.ben}]


def test_lookup_that_began_before_an_event_is_not_cached(team: Team) -> None:
    """The event arrives during the lookup, so the response may be older than the event."""

    class Overtaken(Directory):
        def _person(self, raw):  # type: ignore[no-untyped-def]
            found = super()._person(raw)
            if found.id == team.ben:
                self.invalidate_person(team.ben)
            return found

    directory = Overtaken(SlackClient(slack_settings(team.ws), RetryPolicy.IMPATIENT), team.ws.team_id)
    assert team.ben in directory.people(directory.deadline())
    assert team.ben not in directory.people(directory.deadline())


KEYS = ["is_private", "is_ext_shared", "is_pending_ext_shared", "is_org_shared", "is_im", "is_mpim"]


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from([True, False, None, "", "yes"]), max_size=6))
def test_conversation_is_public_only_if_slack_says_so_explicitly(raw: dict[str, object]) -> None:
    found = conversation({"id": "C1", **raw})
    if found.public:
        assert raw.get("is_private") is False
    if not found.outside and not found.direct:
        assert raw.get("is_ext_shared") is False
    if any(raw.get(flag) is True for flag in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared")):
        assert found.outside


def test_readers_of_a_private_conversation_are_named(team: Team) -> None:
    """Everyone can read a public channel, so its members would say nothing."""
    private = team.ws.channel("hidden", [team.ada, team.ben], private=True)
    assert team.access.granted(private, team.ada).readers == frozenset({team.ada, team.ben, team.ws.bot_user})
    assert team.access.granted(team.ws.direct(team.ada), team.ada).readers == frozenset({team.ada})
    assert team.access.granted(team.spaces["public"], team.ada).readers is None


def test_names_are_those_of_people_and_of_channels_in_the_scope(team: Team) -> None:
    public, private = team.spaces["public"], team.spaces["private"]
    ids = [team.ada, "U0UNKNOWN", public, private]
    in_public = team.access.granted(team.spaces["plain"], team.ada).scope
    assert team.access.labels(ids, in_public) == {team.ada: "ada", public: "public"}
    in_private = team.access.granted(private, team.ada).scope
    assert team.access.labels(ids, in_private) == {team.ada: "ada", public: "public", private: "private"}
    with_guest = team.ws.channel("guests", [team.ada, team.ws.person("gus", guest="single")])
    for_guest = team.access.granted(with_guest, team.ada).scope
    assert team.access.labels(ids, for_guest) == {team.ada: "ada"}
    team.ws.faults.fail("users.list", times=99, error="internal_error")
    team.access.invalidate_all()
    assert team.access.labels([team.ada], in_public) == {}
