"""Who may see what: every situation of an audience, asked of a stand-in for Slack through the real look-ups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.directory import KEPT, PATIENCE, PEOPLE_KEPT, Directory, conversation
from bot.access.policy import Access
from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.client import RetryPolicy, SlackClient
from bot.slack.events import Joined, Left, Moved, PersonChanged, Readers
from bot.slack.messages import UNSURE
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
    """A workspace with some conversations, and the decision about it."""

    ws: Workspace
    access: Access
    clock: Clock
    ada: str
    ben: str
    spaces: dict[str, str] = field(default_factory=dict)

    def named(self, channel: str, user: str) -> set[str]:
        """The scope of a reply there, by the names of the conversations."""
        spaces = self.access.granted(channel, user).scope.spaces or frozenset()
        names = {id: name for name, id in self.spaces.items()}
        return {names.get(id, id) for id in spaces}


@pytest.fixture
def team() -> Iterator[Team]:
    with without_proxies(), open_workspace(scopes=SCOPES, events=EVENTS) as ws:
        ada, ben = ws.person("ada"), ws.person("ben")
        clock = Clock()
        access = Access(Directory(SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT), ws.team_id, clock))
        made = Team(ws, access, clock, ada, ben)
        made.spaces = {
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
        ws.archive(made.spaces["archive"])
        yield made


PUBLIC = {"public", "plain", "archive"}


def test_full_members_see_what_is_public_and_their_own_conversation(team: Team) -> None:
    for here in ("public", "plain", "private", "other", "group"):
        assert team.named(team.spaces[here], team.ada) == {here, *PUBLIC}


def test_a_direct_message_sees_what_its_one_reader_may_open(team: Team) -> None:
    assert team.named(team.spaces["dm"], team.ada) == {"dm", "private", "group", *PUBLIC}
    assert team.named(team.spaces["ben's dm"], team.ben) == {"ben's dm", "other", "group", *PUBLIC}


@pytest.mark.parametrize("guest", ["multi", "single"])
def test_a_guest_narrows_every_conversation_that_they_read(team: Team, guest: str) -> None:
    ws = team.ws
    gus = ws.person("gus", guest="multi" if guest == "multi" else "single")
    ws.join(gus, team.spaces["plain"])
    team.spaces["gus's dm"] = ws.direct(gus)
    assert team.named(team.spaces["plain"], team.ada) == {"plain"}
    assert team.named(team.spaces["gus's dm"], gus) == {"gus's dm", "plain"}
    assert team.named(team.spaces["public"], team.ada) == {"public", *PUBLIC}


def test_somebody_from_outside_narrows_to_the_conversation(team: Team) -> None:
    ws = team.ws
    eve = ws.person("eve", stranger_team="T0THEM")
    team.spaces["eve's dm"] = ws.direct(eve)
    ws.join(eve, team.spaces["private"])  # as Slack Connect does before the flag is set
    assert team.named(team.spaces["private"], team.ada) == {"private"}
    assert team.named(team.spaces["eve's dm"], eve) == {"eve's dm"}


@pytest.mark.parametrize("how", ["shared", "pending", "org"])
def test_a_channel_that_others_share_is_alone_and_is_no_public_one(team: Team, how: str) -> None:
    channel = team.spaces["public"]
    match how:
        case "shared":
            team.ws.set_shared(channel)
        case "pending":
            team.ws.set_pending(channel)
        case "org":
            team.ws.set_org_shared(channel)
    assert team.named(channel, team.ada) == {"public"}
    assert team.named(team.spaces["plain"], team.ada) == {"plain", "archive"}
    # Who is in it may open it all the same.
    assert "public" in team.named(team.spaces["dm"], team.ada)
    assert "public" not in team.named(team.spaces["ben's dm"], team.ben)


def test_apps_and_the_deactivated_are_no_readers(team: Team) -> None:
    ws = team.ws
    robot = ws.other_bot("robot")
    ws.join(robot, team.spaces["plain"])
    ws.set_guest("ben", "multi")
    ws.deactivate("ben")
    assert team.named(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}
    assert team.named(team.spaces["ben's dm"], team.ben) == {"ben's dm"}


def test_a_channel_magpie_is_not_in_grants_nothing_else(team: Team) -> None:
    granted = team.access.granted(team.spaces["unjoined"], team.ada)
    assert (granted.scope, granted.notice) == (Scope.of(team.spaces["unjoined"]), UNSURE)
    assert team.named(team.spaces["dm"], team.ben) == {"dm"}


@pytest.mark.parametrize("method", ["users.conversations", "conversations.members", "users.list"])
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 503}, {"error": "missing_scope"}, {"drop": "before"}])
def test_a_look_up_that_fails_narrows(team: Team, method: str, fault: dict[str, object]) -> None:
    team.ws.faults.fail(method, 3, **fault)  # type: ignore[arg-type]
    granted = team.access.granted(team.spaces["plain"], team.ada)
    assert (granted.scope, granted.notice) == (Scope.of(team.spaces["plain"]), UNSURE)
    team.ws.faults.clear()
    assert team.named(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}


@pytest.mark.parametrize("method", ["users.info", "users.conversations"])
def test_a_look_up_that_fails_narrows_a_direct_message(team: Team, method: str) -> None:
    team.named(team.spaces["plain"], team.ada)
    team.ws.faults.fail(method, status=503)
    assert team.named(team.spaces["dm"], team.ada) == {"dm"}


def test_a_look_up_that_comes_too_late_narrows(team: Team) -> None:
    clock = team.clock

    class Late(Directory):
        """Time passes between two calls, as it does when Slack is slow."""

        def deadline(self) -> float:
            until = super().deadline()
            clock.now += PATIENCE + 1
            return until

    access = Access(Late(SlackClient(slack_settings(team.ws), RetryPolicy.IMPATIENT), team.ws.team_id, clock))
    assert access.granted(team.spaces["plain"], team.ada).scope == Scope.of(team.spaces["plain"])


def lookups(team: Team) -> int:
    team.named(team.spaces["plain"], team.ada)
    asked = {"users.conversations", "conversations.members", "users.list", "users.info"}
    return sum(call.method in asked for call in team.ws.calls)


def test_answers_are_believed_for_minutes(team: Team) -> None:
    first = lookups(team)
    assert (first, lookups(team)) == (3, 3)
    team.clock.now += KEPT + 1
    assert lookups(team) == 5
    team.clock.now += PEOPLE_KEPT + 1
    assert lookups(team) == 8


@pytest.mark.parametrize(
    "happening",
    [
        lambda team: Readers(team.spaces["plain"]),
        lambda team: Joined(team.spaces["plain"]),
        lambda team: Left(team.spaces["plain"]),
        lambda team: Moved(team.spaces["plain"], "C9"),
        lambda team: PersonChanged(team.ben, gone=False),
    ],
)
def test_an_event_ends_the_belief(team: Team, happening: Callable[[Team], Readers]) -> None:
    assert team.named(team.spaces["plain"], team.ada) == {"plain", *PUBLIC}
    team.ws.set_guest("ben", "single", send_event=False)
    team.ws.set_shared(team.spaces["public"], send_event=False)
    before = team.access.changes
    team.access.invalidate(happening(team))
    assert team.access.changes > before
    team.access.invalidate(PersonChanged(team.ben, gone=False))
    assert team.named(team.spaces["plain"], team.ada) == {"plain"}
    team.access.invalidate_all()
    assert team.named(team.spaces["private"], team.ada) == {"private", "plain", "archive"}


def test_somebody_who_changes_costs_one_look_up_not_the_whole_list(team: Team) -> None:
    first = lookups(team)
    team.access.invalidate(PersonChanged(team.ben, gone=False))
    assert lookups(team) == first + 1
    assert team.ws.called("users.info") == [{"user": team.ben}]


def test_what_was_looked_up_before_an_event_is_not_kept(team: Team) -> None:
    """The event comes while Slack is answering: the answer may be from before it."""

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
def test_only_what_slack_says_in_so_many_words_is_public(raw: dict[str, object]) -> None:
    found = conversation({"id": "C1", **raw})
    if found.public:
        assert raw.get("is_private") is False
    if not found.outside and not found.direct:
        assert raw.get("is_ext_shared") is False
    if any(raw.get(flag) is True for flag in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared")):
        assert found.outside
