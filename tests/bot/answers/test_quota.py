"""Limits for one person: requests beyond them are refused and do not delay other people's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from bot.db import ephemeral_messages, jobs, question_queue, questions, reply_progress, tables
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.db.questions import QuestionState
from bot.inbox.limits import Limits
from bot.inbox.recording import record
from bot.intake import IntakeRules, may_queue_file
from bot.settings import SlackSettings
from bot.slack.events import HomeOpened, IntakeRefusal, Message, Question, SlackFile
from bot.slack.files import KIND
from bot.slack.messages import command_texts
from rag import Rag, RoundRobin, Settings, ShareState, files_waiting, list_shares, shared_in
from tests.support.migrated import open_rag


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    with open_rag(Settings(data=tmp_path_factory.mktemp("quota")), histories=[tables.HISTORY]) as rag:
        yield rag


@pytest.fixture
def rag(opened: Rag) -> Rag:
    clear(opened)
    return opened


def clear(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        connection.execute(tables.question.delete())
        connection.execute(tables.job.delete())


def question(user: str, number: int, thread: str = "") -> Question:
    return Question("C1", f"{time() - 10_000 + number:.6f}", thread, user, "?")


def posted(user: str, ts: str, text: str = "", *files: SlackFile, channel: str = "C1", **more: Any) -> Message:
    """Return a message that mentions Magpie if it has a text."""
    state = Message(channel, ts, "", user, text, files, (), float(ts), True, bool(text), False, mentioned=bool(text))
    return replace(state, **more)


def notices(rag: Rag) -> list[tuple[str, str]]:
    with rag.read_transaction() as connection:
        matching = tables.job.c.kind.in_(ephemeral_messages.KINDS)
        rows = connection.execute(select(tables.job).where(matching).order_by(tables.job.c.id))
        return [(row.user, (row.payload or {}).get("text", "")) for row in rows]


def claim(connection: Connection, rounds: RoundRobin) -> Job | None:
    return jobs.claim(connection, ephemeral_messages.KINDS, rounds)


def test_questions_beyond_the_limit_are_refused_with_one_notice(rag: Rag) -> None:
    now = time()
    with rag.write_transaction() as connection:
        for number in range(9):
            record(connection, posted("mallory", f"{now + number:.6f}", "?"), Limits(waiting=3))
        record(connection, posted("ada", f"{now + 20:.6f}", "?"), Limits(waiting=3))
        assert questions.count_open_of(connection, "mallory") == 3
        assert questions.count_open_of(connection, "ada") == 1
    assert notices(rag) == [("mallory", command_texts.too_many_waiting(3))]
    assert "press Stop" in command_texts.too_many_waiting(3)


def test_refused_question_stays_refused_after_a_sweep_or_an_edit(rag: Rag) -> None:
    now = time()
    asked = [posted("mallory", f"{now + number:.6f}", "?") for number in range(3)]
    with rag.write_transaction() as connection:
        for one in asked:
            record(connection, one, Limits(waiting=2))
        record(connection, asked[2], Limits())  # recorded again when fewer questions wait
        record(connection, replace(asked[2], text="other words", revision=now + 3), Limits())
        assert questions.count_open_of(connection, "mallory") == 2
        late = SlackFile("F1", "a.pdf", ending="pdf", user="mallory", stub=False)
        record(connection, replace(asked[2], text="other words", files=(late,), revision=now + 4), Limits())
        assert questions.count_open_of(connection, "mallory") == 2


def test_follow_up_beyond_the_limit_is_refused(rag: Rag) -> None:
    now = time()
    with rag.write_transaction() as connection:
        for number in range(2):
            record(connection, posted("mallory", f"{now + number:.6f}", "which port?"), Limits(waiting=2))
        connection.execute(tables.question.update().values(placeholder=f"{now + 1:.6f}"))
        thread = f"{now:.6f}"
        reply = posted("mallory", f"{now + 3:.6f}", "and the gate?", thread=thread, addressed=False, mentioned=False)
        record(connection, reply, Limits(waiting=2))
        assert questions.count_open_of(connection, "mallory") == 2
        assert questions.find_claimed(connection, "C1", reply.ts) is not None
    assert notices(rag) == [("mallory", command_texts.too_many_waiting(2))]


def test_commands_beyond_the_limit_are_refused_but_home_is_not(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        taken = [
            ephemeral_messages.put_limited(connection, EphemeralRequest(JobKind.FIND, "C1", "mallory", "a"), 3)
            for _ in range(9)
        ]
        assert taken == [True] * 3 + [False] * 6
        assert ephemeral_messages.put_limited(connection, EphemeralRequest(JobKind.STATUS, "C1", "ada"), 3)
        record(connection, HomeOpened("mallory", "D1"))
    assert notices(rag)[3:] == [("mallory", command_texts.too_many_waiting(3)), ("ada", ""), ("mallory", "")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(asked=st.lists(st.sampled_from("abcd"), min_size=1, max_size=25))
def test_ephemeral_requests_take_turns_between_people(rag: Rag, asked: list[str]) -> None:
    """Between two requests of one person, everyone else who waits is served once."""
    clear(rag)
    rounds, served = RoundRobin(), []
    with rag.write_transaction() as connection:
        for who in asked:
            ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.FIND, "C1", who, "x"))
        while due := claim(connection, rounds):
            served.append(due.user)
            jobs.finish(connection, due)
    assert sorted(served) == sorted(asked)
    for at, who in enumerate(served):
        waiting = {other for other in served[at:] if other != who}
        again = served.index(who, at + 1) if who in served[at + 1 :] else None
        if again is not None:
            assert waiting <= set(served[at + 1 : again])


def test_new_person_goes_before_the_rest_of_a_flood(rag: Rag) -> None:
    rounds = RoundRobin()
    with rag.write_transaction() as connection:
        for _ in range(200):
            ephemeral_messages.put_ephemeral_request(
                connection, EphemeralRequest(JobKind.FIND, "C1", "mallory", "a b c")
            )
        for _ in range(3):
            due = claim(connection, rounds)
            assert due is not None
            jobs.finish(connection, due)
        ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.STATUS, "C1", "ada"))
        due = claim(connection, rounds)
        assert due is not None
        assert due.user == "ada"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    steps=st.lists(st.sampled_from(["a", "b", "claim", "end"]), max_size=40),
    workers=st.integers(2, 5),
    limit=st.just(2),
)
def test_one_person_never_has_all_workers(rag: Rag, steps: list[str], workers: int, limit: int) -> None:
    clear(rag)
    held: list[questions.ClaimedQuestion] = []
    for number, step in enumerate(steps):
        with rag.write_transaction() as connection:
            if step in "ab":
                questions.put_question(connection, question(step, number))
                while claimed_new := question_queue.claim_new(connection):
                    question_queue.enqueue(connection, claimed_new)
            elif step == "end" and held:
                reply_progress.end_question(connection, held.pop(0), QuestionState.DONE)
            elif step == "claim" and len(held) < workers:
                free = {
                    who for who in users(connection, "lined") if [one.question.user for one in held].count(who) < limit
                }
                asked = question_queue.claim_question(connection, limit)
                assert (asked is not None) is bool(free)
                held += [asked] if asked else []
    assert all([one.question.user for one in held].count(who) <= limit for who in "ab")


def users(connection: Connection, state: str) -> set[str]:
    return set(connection.scalars(select(tables.question.c.user).where(tables.question.c.state == state)))


def document(id: str, user: str) -> SlackFile:
    return SlackFile(id, f"{id}.pdf", ending="pdf", size=1, created=1, user=user, stub=False)


def test_files_beyond_the_limit_wait_for_the_sweep_with_one_notice(rag: Rag) -> None:
    limits = Limits(intake=IntakeRules(person_files=3))
    now = int(time())
    with rag.write_transaction() as connection:
        for number in range(9):
            file = document(f"F{number}", "mallory")
            record(connection, posted("mallory", f"{now}.{number}", "", file, channel="C7"), limits)
        record(connection, posted("mallory", f"{now}.101", "", document("F1", "mallory"), channel="C8"), limits)
        record(connection, posted("ada", f"{now}.20", "", document("F20", "ada"), channel="C7"), limits)
        refused = list_shares(connection, KIND, space="C7", states=[ShareState.REFUSED])
        assert {(share.ref, share.reason) for share in refused} == {
            (f"F{n}", IntakeRefusal.TOO_MANY_FILES) for n in range(3, 9)
        }
        assert sorted(shared_in(connection, KIND, "C7")) == ["F0", "F1", "F2", "F20"]
        assert list(shared_in(connection, KIND, "C8")) == ["F1"]
        assert files_waiting(connection, "mallory") == 3
        assert not may_queue_file(connection, "mallory", 3)
        assert may_queue_file(connection, "mallory", 4)
        assert may_queue_file(connection, "mallory", 0)
    assert notices(rag) == [("mallory", command_texts.too_many_files(3))]


@pytest.mark.parametrize(("workers", "of_one", "got"), [(4, 2, 2), (1, 2, 1), (2, 2, 1), (8, 64, 7)])
def test_one_worker_is_left_for_others(workers: int, of_one: int, got: int) -> None:
    assert SlackSettings(workers=workers, person_workers=of_one).max_workers_per_person == got
