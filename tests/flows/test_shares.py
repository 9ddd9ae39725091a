"""Where a file is shared: an answer does not change it, and neither does deleting one of several messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.db import file_states, jobs, uploads
from bot.db.jobs import JobKind
from bot.inbox import record
from bot.slack.events import Linked, Unlinked
from bot.slack.files import KIND
from rag import Scope, hidden_shares, shared_in
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
            record_question(simulation, event)
    simulation.delivered += len(simulation.ws.envelopes_after(simulation.delivered))
    settle(simulation)
    assert files(simulation, public) == [file]


def record_question(simulation: Simulation, event: dict[str, object]) -> None:
    from bot.slack.events import Question
    from bot.slack.payloads import parse

    with simulation.rag.write_transaction() as connection:
        for each in parse(event, simulation.ws.bot_user):
            if isinstance(each, Question):
                record(connection, each)


# ---------------------------------------------------------------- one message is deleted


def test_file_stays_when_a_person_deletes_their_own_share_of_it(
    simulation: Simulation, ada: str, mallory: str, public: str
) -> None:
    file = share(simulation, ada, public)
    ts = simulation.ws.share(mallory, file, public, "look")
    settle(simulation)
    simulation.ws.delete_message(public, ts)
    simulation.deliver_events()
    assert names(simulation, public) == []  # hidden until Slack was asked
    settle(simulation)
    assert len(names(simulation, public)) == 1
    simulation.bot.sweep_all()
    settle(simulation)
    assert files(simulation, public) == [file]
    with simulation.rag.read_transaction() as connection:
        assert file_states.departed_at(connection, file, public) is None


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
    ts = simulation.ws.share(mallory, file, public)
    settle(simulation)
    simulation.ws.delete_message(public, ts)
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
    ts = simulation.ws.share(mallory, file, public)
    settle(simulation)
    simulation.ws.delete_message(public, ts)
    simulation.deliver_events()
    with simulation.rag.read_transaction() as connection:
        [mark] = hidden_shares(connection, KIND, file).values()
    simulation.ws.faults.meanwhile("files.info", lambda: simulation.ws.unshare(file, public))
    settle(simulation)
    with simulation.rag.read_transaction() as connection:
        assert mark not in hidden_shares(connection, KIND, file).values()
    assert files(simulation, public) == []


def test_web_page_is_shared_until_its_last_message_is_deleted(simulation: Simulation) -> None:
    def linked(*events: Linked | Unlinked) -> list[str]:
        with simulation.rag.write_transaction() as connection:
            for each in events:
                record(connection, each, links=True)
            return shared_in(connection, "slack-link", "C1")

    url = "https://harbor.example/plan"
    first, second = Linked(url, "C1", "U1", "1.5"), Linked(url, "C1", "U2", "2.5")
    assert linked(first, second, second) == [url]
    assert linked(Unlinked(url, "C1", "2.5")) == [url]
    assert linked(Unlinked(url, "C1", "1.5")) == []
    with simulation.rag.write_transaction() as connection:
        record(connection, first, links=True)
        connection.exec_driver_sql("DELETE FROM link")  # as an earlier version left it
    assert linked(second, Unlinked(url, "C1", "2.5")) == [url]
    assert linked(Unlinked(url, "C1", "1.5")) == []


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
