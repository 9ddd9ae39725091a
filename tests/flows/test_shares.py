"""Where a file is shared: an answer does not change it, and neither does deleting one of several messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import time

import pytest

from bot.db import jobs, uploads
from bot.db.jobs import JobKind
from bot.inbox.limits import Limits
from bot.inbox.recording import record
from bot.slack.events import FileUnshared, Message, MessageDeleted
from bot.slack.files import KIND, LINK
from rag import Scope, Share, ShareState, StoredShare, list_shares, put_share, shared_in
from tests.leaks.marked_documents import TOPICS, MarkedDocument, name_of
from tests.leaks.simulation import Simulation, open_simulation

WORDS = f"which pass word and port has the {TOPICS[1]} at night?"


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with open_simulation(tmp_path / "data") as simulation:
        for name in ("ada", "mallory"):
            simulation.ws.person(name)
        yield simulation


@pytest.fixture
def ada(simulation: Simulation) -> str:
    return simulation.state.person_id("ada")


@pytest.fixture
def mallory(simulation: Simulation) -> str:
    return simulation.state.person_id("mallory")


@pytest.fixture
def public(simulation: Simulation, ada: str, mallory: str) -> str:
    return simulation.ws.channel("public", [ada, mallory])


@pytest.fixture
def board(simulation: Simulation, ada: str) -> str:
    return simulation.ws.channel("board", [ada], private=True)


def share(simulation: Simulation, person: str, channel: str) -> str:
    """Share a new document and wait until it is indexed. Return its Slack file."""
    document, before = MarkedDocument(len(simulation.documents)), set(simulation.state.files)
    simulation.documents.append(document)
    simulation.ws.post(person, channel, files=[(name_of(document.number), document.content)])
    [file] = set(simulation.state.files) - before
    simulation.shares[file] = (document.number, document.number)
    settle(simulation)
    return file


def settle(simulation: Simulation) -> None:
    """Run the bot until it is idle, delayed work included."""
    for _ in range(3):
        simulation.run_until_idle()
        with simulation.rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE job SET next_try = 0")
            connection.exec_driver_sql("UPDATE share SET visible_from = 0")
    simulation.run_until_idle()


def files(simulation: Simulation, channel: str) -> list[str]:
    with simulation.rag.read_transaction() as connection:
        return shared_in(connection, KIND, channel)


def shares(simulation: Simulation, file: str, *states: ShareState) -> list[StoredShare]:
    with simulation.rag.read_transaction() as connection:
        if states:
            return list_shares(connection, KIND, file, states=states)
        return list_shares(connection, KIND, file)


def report_departure(simulation: Simulation, file: str, channel: str) -> None:
    """Report that a file left a channel. Slack does not say which messages still share it."""
    with simulation.rag.write_transaction() as connection:
        record(connection, FileUnshared(file, channel, time()))


def names(simulation: Simulation, channel: str) -> list[str]:
    return [row.name for row in simulation.rag.documents(Scope.of(channel))]


def text_in(simulation: Simulation, channel: str) -> str:
    return " ".join(str(each.text) for each in simulation.ws.messages(channel) if each.user == simulation.ws.bot_user)


def ask_with(simulation: Simulation, person: str, file: str, channel: str) -> str:
    return simulation.ws.share(person, file, channel, f"<@{simulation.ws.bot_user}> {WORDS}")


# ---------------------------------------------------------------- answering writes no share


def test_document_unshared_before_its_question_is_answered_stays_out(
    simulation: Simulation, ada: str, public: str, board: str
) -> None:
    file = share(simulation, ada, board)
    ask_with(simulation, ada, file, public)
    simulation.deliver_events()
    simulation.ws.unshare(file, public)
    settle(simulation)
    assert files(simulation, public) == []
    assert "xtext" not in text_in(simulation, public)
    assert files(simulation, board) == [file]


def test_document_unshared_while_its_question_is_answered_stays_out(
    simulation: Simulation, ada: str, public: str, board: str
) -> None:
    file = share(simulation, ada, board)
    simulation.generator.hook = simulation.interrupting(lambda: simulation.ws.unshare(file, public))
    ask_with(simulation, ada, file, public)
    settle(simulation)
    assert simulation.generator.last_shown
    assert files(simulation, public) == []
    assert "xtext" not in text_in(simulation, public)


def test_answering_does_not_restore_a_forgotten_document(simulation: Simulation, ada: str, public: str) -> None:
    file = share(simulation, ada, public)
    ask_with(simulation, ada, file, public)
    simulation.deliver_events()
    simulation.rag.forget([file])
    settle(simulation)
    assert files(simulation, public) == []


def test_sweep_finds_a_document_whose_event_was_lost(simulation: Simulation, ada: str, public: str, board: str) -> None:
    file = share(simulation, ada, board)
    ask_with(simulation, ada, file, public)
    for envelope in simulation.ws.envelopes_after(simulation.delivered):
        event = envelope.payload.get("event", {})
        if event.get("type") == "app_mention":
            receive(simulation, event)
    simulation.delivered += len(simulation.ws.envelopes_after(simulation.delivered))
    settle(simulation)
    assert files(simulation, public) == []
    simulation.bot.sweep_all()
    settle(simulation)
    assert files(simulation, public) == [file]


def receive(simulation: Simulation, event: dict[str, object]) -> None:
    from bot.slack.payloads import parse

    with simulation.rag.write_transaction() as connection:
        for each in parse(event, simulation.ws.bot_user):
            assert isinstance(each, Message)
            record(connection, replace(each, files=()))  # as Slack often sends it


# ---------------------------------------------------------------- one message is deleted


def test_file_stays_when_a_person_deletes_their_own_share_of_it(
    simulation: Simulation, ada: str, mallory: str, public: str
) -> None:
    file = share(simulation, ada, public)
    ts = simulation.ws.share(mallory, file, public, "look")
    settle(simulation)
    simulation.ws.delete_message(public, ts)
    simulation.deliver_events()
    assert len(names(simulation, public)) == 1  # the other message is known, so Slack is not asked
    settle(simulation)
    assert len(names(simulation, public)) == 1
    simulation.bot.sweep_all()
    settle(simulation)
    assert files(simulation, public) == [file]
    assert [share.state for share in shares(simulation, file)] == [ShareState.SHARED]


def test_file_is_removed_with_the_last_message_that_shares_it(
    simulation: Simulation, ada: str, mallory: str, public: str
) -> None:
    file = share(simulation, ada, public)
    ts = simulation.ws.share(mallory, file, public)
    settle(simulation)
    [first] = [each.ts for each in simulation.ws.messages(public) if each.files and each.ts != ts]
    simulation.ws.delete_message(public, first)
    settle(simulation)
    assert files(simulation, public) == [file]
    simulation.ws.delete_message(public, ts)
    settle(simulation)
    assert files(simulation, public) == []


def test_deleting_a_message_removes_the_file_only_in_its_space(
    simulation: Simulation, ada: str, mallory: str, public: str, board: str
) -> None:
    file = share(simulation, ada, board)
    ts = simulation.ws.share(ada, file, public)
    settle(simulation)
    simulation.ws.delete_message(public, ts)
    settle(simulation)
    assert files(simulation, public) == []
    assert files(simulation, board) == [file]


def test_picture_stays_indexed_after_a_question_with_it(
    simulation: Simulation, ada: str, mallory: str, public: str
) -> None:
    share(simulation, ada, public)
    before = set(simulation.state.files)
    simulation.ws.post(ada, public, files=[("shot.png", simulation.documents[0].screenshot())])
    [picture] = set(simulation.state.files) - before
    simulation.screenshots[picture] = 0
    settle(simulation)
    assert picture in files(simulation, public)
    ts = simulation.ws.share(mallory, picture, public, f"<@{simulation.ws.bot_user}> which page is it?")
    settle(simulation)
    assert picture in files(simulation, public)
    simulation.ws.delete_message(public, ts)
    settle(simulation)
    assert picture in files(simulation, public)


@pytest.mark.parametrize("fail", ["ratelimited", "error"])
def test_share_stays_hidden_until_slack_answers_the_lookup(
    simulation: Simulation, ada: str, mallory: str, public: str, fail: str
) -> None:
    file = share(simulation, ada, public)
    simulation.ws.share(mallory, file, public)
    settle(simulation)
    report_departure(simulation, file, public)
    if fail == "error":
        simulation.ws.faults.fail("files.info", 50, error="access_denied")
    else:
        simulation.ws.faults.fail("files.info", 50, status=429, retry_after=0)
    simulation.run_until_idle()
    assert files(simulation, public) == [file]
    assert names(simulation, public) == []
    simulation.ws.faults.clear()
    settle(simulation)
    assert len(names(simulation, public)) == 1


def test_file_unshared_during_the_lookup_stays_hidden(
    simulation: Simulation, ada: str, mallory: str, public: str
) -> None:
    file = share(simulation, ada, public)
    simulation.ws.share(mallory, file, public)
    settle(simulation)
    report_departure(simulation, file, public)
    assert shares(simulation, file, ShareState.CHECKING)
    simulation.ws.faults.meanwhile("files.info", lambda: simulation.ws.unshare(file, public))
    settle(simulation)
    assert shares(simulation, file) == []
    assert files(simulation, public) == []


def test_web_page_is_shared_until_its_last_message_is_deleted(simulation: Simulation) -> None:
    def pages(*events: Message | MessageDeleted) -> list[str]:
        with simulation.rag.write_transaction() as connection:
            for each in events:
                record(connection, each, Limits(links=True))
            return shared_in(connection, LINK, "C1")

    url = "https://harbor.example/plan"
    first, second = (
        Message("C1", ts, "", user, "look", (), (url,), float(ts), True, False, False)
        for ts, user in (("1.5", "U1"), ("2.5", "U2"))
    )
    assert pages(first, second, second) == [url]
    assert pages(MessageDeleted("C1", "2.5")) == [url]
    assert pages(second) == [url]  # it is the first message's
    assert pages(MessageDeleted("C1", "1.5")) == []
    assert pages(first, second) == []
    third = replace(first, ts="3.5", revision=3.5)
    assert pages(third) == [url]
    assert pages(replace(third, links=(), revision=4.5)) == []


def test_link_of_an_earlier_version_is_shared_until_its_unknown_message_is_replaced(simulation: Simulation) -> None:
    """An older catalog does not say which message linked a page: it stays while such a message may stand."""
    url = "https://harbor.example/plan"
    second = Message("C1", "2.5", "", "U2", "look", (), (url,), 2.5, True, False, False)
    with simulation.rag.write_transaction() as connection:
        put_share(connection, Share(LINK, url, "C1", "plan", url, "U1"))
        record(connection, second, Limits(links=True))
        record(connection, MessageDeleted("C1", "2.5"), Limits(links=True))
        [kept] = list_shares(connection, LINK, url)
        assert (kept.message, kept.state) == ("", ShareState.SHARED)


# ---------------------------------------------------------------- pictures that were never shared


def _upload_refused(simulation: Simulation, public: str, file: str) -> None:
    simulation.ws.faults.fail("files.completeUploadExternal", 50, error="restricted_action")


def _file_deleted(simulation: Simulation, public: str, file: str) -> None:
    simulation.ws.faults.meanwhile("upload", simulation.interrupting(lambda: simulation.ws.delete_file(file)))


@pytest.mark.parametrize("fail", [_upload_refused, _file_deleted])
def test_pictures_that_are_not_shared_are_deleted_at_slack(
    simulation: Simulation, ada: str, public: str, fail: Callable[[Simulation, str, str], None]
) -> None:
    file = share(simulation, ada, public)
    fail(simulation, public, file)
    simulation.ws.post(ada, public, f"<@{simulation.ws.bot_user}> {WORDS}")
    simulation.run_until_idle()
    uploaded = set(simulation.state.uploads) | {
        each.id for each in simulation.state.files.values() if each.owner == simulation.ws.bot_user
    }
    assert uploaded
    settle(simulation)
    assert {arguments["file"] for arguments in simulation.ws.called("files.delete")} >= uploaded
    with simulation.rag.read_transaction() as connection:
        assert uploads.abandoned_uploads(connection) == ([], 0)


def test_picture_recorded_by_a_killed_process_is_deleted(simulation: Simulation) -> None:
    with simulation.rag.write_transaction() as connection:
        connection.exec_driver_sql("INSERT INTO upload (file, question) VALUES ('F0123456789', 77)")
        jobs.request(connection, JobKind.DELETE_UPLOADS)
    settle(simulation)
    assert simulation.ws.called("files.delete") == [{"file": "F0123456789"}]
    with simulation.rag.read_transaction() as connection:
        assert uploads.abandoned_uploads(connection) == ([], 0)


# ---------------------------------------------------------------- the asker leaves


@pytest.mark.parametrize("event_delivered", [True, False])
def test_pages_are_not_sent_by_response_url_to_a_person_who_left(
    simulation: Simulation, ada: str, mallory: str, event_delivered: bool
) -> None:
    secret = simulation.ws.channel("secret", [ada, mallory], private=True)
    share(simulation, ada, secret)

    def leaves() -> None:
        simulation.ws.leave(mallory, secret)
        if event_delivered:
            simulation.deliver_events()

    simulation.ws.command(mallory, secret, "/magpie", "find pass word")
    simulation.deliver_events()
    if event_delivered:
        simulation.rag.hook = leaves
    else:
        simulation.ws.faults.meanwhile("chat.postEphemeral", leaves)
    simulation.run_until_idle()
    [response] = simulation.ws.called("response_url")
    assert "xtext" not in str(response)
    assert "xname" not in str(response)
