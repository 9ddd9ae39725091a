"""What is shared where: answering never writes it, and one message that goes does not decide it for all others."""

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
from tests.leaks.papers import TOPICS, Paper, name_of
from tests.leaks.town import Town, open_town

WORDS = f"which pass word and port has the {TOPICS[1]} at night?"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with open_town(tmp_path / "data") as town:
        for name in ("ada", "mallory"):
            town.ws.person(name)
        yield town


@pytest.fixture
def ada(town: Town) -> str:
    return town.world.person_id("ada")


@pytest.fixture
def mallory(town: Town) -> str:
    return town.world.person_id("mallory")


@pytest.fixture
def everybody(town: Town, ada: str, mallory: str) -> str:
    return town.ws.channel("everybody", [ada, mallory])


@pytest.fixture
def board(town: Town, ada: str) -> str:
    return town.ws.channel("board", [ada], private=True)


def share(town: Town, who: str, channel: str) -> str:
    """A new paper, indexed; its file."""
    paper, before = Paper(len(town.papers)), set(town.world.files)
    town.papers.append(paper)
    town.ws.post(who, channel, files=[(name_of(paper.number), paper.content)])
    [file] = set(town.world.files) - before
    town.shares[file] = (paper.number, paper.number)
    settle(town)
    return file


def settle(town: Town) -> None:
    """Work until nothing is left to do, whatever was put off until later."""
    for _ in range(3):
        town.work()
        with town.rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE job SET next_try = 0")
            connection.exec_driver_sql("UPDATE share SET visible_from = 0")
    town.work()


def files(town: Town, channel: str) -> list[str]:
    with town.rag.read_transaction() as connection:
        return shared_in(connection, KIND, channel)


def names(town: Town, channel: str) -> list[str]:
    return [row.name for row in town.rag.documents(Scope.of(channel))]


def said(town: Town, channel: str) -> str:
    return " ".join(str(one.text) for one in town.ws.messages(channel) if one.user == town.ws.bot_user)


def ask_with(town: Town, who: str, file: str, channel: str) -> str:
    return town.ws.share(who, file, channel, f"<@{town.ws.bot_user}> {WORDS}")


# ---------------------------------------------------------------- answering writes no share


def test_a_document_unshared_before_its_question_is_answered_stays_out(
    town: Town, ada: str, everybody: str, board: str
) -> None:
    file = share(town, ada, board)
    ask_with(town, ada, file, everybody)
    town.hear()
    town.ws.unshare(file, everybody)
    settle(town)
    assert files(town, everybody) == []
    assert "xtext" not in said(town, everybody)
    assert files(town, board) == [file]


def test_a_document_unshared_while_its_question_is_answered_stays_out(
    town: Town, ada: str, everybody: str, board: str
) -> None:
    file = share(town, ada, board)
    town.generator.meanwhile = town.during(lambda: town.ws.unshare(file, everybody))
    ask_with(town, ada, file, everybody)
    settle(town)
    assert town.generator.shown
    assert files(town, everybody) == []
    assert "xtext" not in said(town, everybody)


def test_answering_does_not_bring_back_a_forgotten_document(town: Town, ada: str, everybody: str) -> None:
    file = share(town, ada, everybody)
    ask_with(town, ada, file, everybody)
    town.hear()
    town.rag.forget([file])
    settle(town)
    assert files(town, everybody) == []


def test_a_document_whose_event_is_lost_is_found_by_the_sweep_and_used(
    town: Town, ada: str, everybody: str, board: str
) -> None:
    file = share(town, ada, board)
    ask_with(town, ada, file, everybody)
    for envelope in town.ws.envelopes_after(town.heard):
        event = envelope.payload.get("event", {})
        if event.get("type") == "app_mention":
            record_question(town, event)
    town.heard += len(town.ws.envelopes_after(town.heard))
    settle(town)
    assert files(town, everybody) == [file]


def record_question(town: Town, event: dict[str, object]) -> None:
    from bot.slack.events import Question
    from bot.slack.payloads import parse

    with town.rag.write_transaction() as connection:
        for one in parse(event, town.ws.bot_user):
            if isinstance(one, Question):
                record(connection, one)


# ---------------------------------------------------------------- one message goes


def test_sharing_and_deleting_somebody_elses_file_takes_nothing_out(
    town: Town, ada: str, mallory: str, everybody: str
) -> None:
    file = share(town, ada, everybody)
    ts = town.ws.share(mallory, file, everybody, "look")
    settle(town)
    town.ws.delete_message(everybody, ts)
    town.hear()
    assert names(town, everybody) == []  # nothing is shown until Slack was asked
    settle(town)
    assert len(names(town, everybody)) == 1
    town.bot.sweep_all()
    settle(town)
    assert files(town, everybody) == [file]
    with town.rag.read_transaction() as connection:
        assert file_states.departed_at(connection, file, everybody) is None


def test_the_last_message_that_goes_takes_the_file_out(town: Town, ada: str, mallory: str, everybody: str) -> None:
    file = share(town, ada, everybody)
    ts = town.ws.share(mallory, file, everybody)
    settle(town)
    [first] = [one.ts for one in town.ws.messages(everybody) if one.files and one.ts != ts]
    town.ws.delete_message(everybody, first)
    settle(town)
    assert files(town, everybody) == [file]
    town.ws.delete_message(everybody, ts)
    settle(town)
    assert files(town, everybody) == []


def test_only_the_space_where_it_was_deleted_loses_a_file(
    town: Town, ada: str, mallory: str, everybody: str, board: str
) -> None:
    file = share(town, ada, board)
    ts = town.ws.share(ada, file, everybody)
    settle(town)
    town.ws.delete_message(everybody, ts)
    settle(town)
    assert files(town, everybody) == []
    assert files(town, board) == [file]


def test_asking_with_an_indexed_picture_takes_nothing_out(town: Town, ada: str, mallory: str, everybody: str) -> None:
    share(town, ada, everybody)
    before = set(town.world.files)
    town.ws.post(ada, everybody, files=[("shot.png", town.papers[0].screenshot())])
    [picture] = set(town.world.files) - before
    town.shots[picture] = 0
    settle(town)
    assert picture in files(town, everybody)
    ts = town.ws.share(mallory, picture, everybody, f"<@{town.ws.bot_user}> which page is it?")
    settle(town)
    assert picture in files(town, everybody)
    town.ws.delete_message(everybody, ts)
    settle(town)
    assert picture in files(town, everybody)


@pytest.mark.parametrize("how", ["ratelimited", "error"])
def test_an_answer_that_says_nothing_keeps_the_share_unshown_and_is_asked_for_again(
    town: Town, ada: str, mallory: str, everybody: str, how: str
) -> None:
    file = share(town, ada, everybody)
    ts = town.ws.share(mallory, file, everybody)
    settle(town)
    town.ws.delete_message(everybody, ts)
    if how == "error":
        town.ws.faults.fail("files.info", 50, error="access_denied")
    else:
        town.ws.faults.fail("files.info", 50, status=429, retry_after=0)
    town.work()
    assert files(town, everybody) == [file]
    assert names(town, everybody) == []
    town.ws.faults.clear()
    settle(town)
    assert len(names(town, everybody)) == 1


def test_a_file_unshared_again_while_slack_is_asked_stays_withheld(
    town: Town, ada: str, mallory: str, everybody: str
) -> None:
    file = share(town, ada, everybody)
    ts = town.ws.share(mallory, file, everybody)
    settle(town)
    town.ws.delete_message(everybody, ts)
    town.hear()
    with town.rag.read_transaction() as connection:
        [mark] = hidden_shares(connection, KIND, file).values()
    town.ws.faults.meanwhile("files.info", lambda: town.ws.unshare(file, everybody))
    settle(town)
    with town.rag.read_transaction() as connection:
        assert mark not in hidden_shares(connection, KIND, file).values()
    assert files(town, everybody) == []


def test_a_page_is_shared_until_its_last_message_goes(town: Town) -> None:
    def linked(*happenings: Linked | Unlinked) -> list[str]:
        with town.rag.write_transaction() as connection:
            for one in happenings:
                record(connection, one, links=True)
            return shared_in(connection, "slack-link", "C1")

    url = "https://harbour.example/plan"
    first, second = Linked(url, "C1", "U1", "1.5"), Linked(url, "C1", "U2", "2.5")
    assert linked(first, second, second) == [url]
    assert linked(Unlinked(url, "C1", "2.5")) == [url]
    assert linked(Unlinked(url, "C1", "1.5")) == []
    with town.rag.write_transaction() as connection:
        record(connection, first, links=True)
        connection.exec_driver_sql("DELETE FROM link")  # as an earlier version left it
    assert linked(second, Unlinked(url, "C1", "2.5")) == [url]
    assert linked(Unlinked(url, "C1", "1.5")) == []


# ---------------------------------------------------------------- pictures that were never shared


def _refused(town: Town, everybody: str, file: str) -> None:
    town.ws.faults.fail("files.completeUploadExternal", 50, error="restricted_action")


def _gone(town: Town, everybody: str, file: str) -> None:
    town.ws.faults.meanwhile("upload", town.during(lambda: town.ws.delete_file(file)))


@pytest.mark.parametrize("how", [_refused, _gone])
def test_pictures_that_are_not_shared_are_deleted_at_slack(
    town: Town, ada: str, everybody: str, how: Callable[[Town, str, str], None]
) -> None:
    file = share(town, ada, everybody)
    how(town, everybody, file)
    town.ws.post(ada, everybody, f"<@{town.ws.bot_user}> {WORDS}")
    town.work()
    uploaded = set(town.world.uploads) | {one.id for one in town.world.files.values() if one.owner == town.ws.bot_user}
    assert uploaded
    settle(town)
    assert {told["file"] for told in town.ws.called("files.delete")} >= uploaded
    with town.rag.read_transaction() as connection:
        assert uploads.abandoned_uploads(connection) == ([], 0)


def test_a_picture_recorded_by_a_process_that_died_is_deleted(town: Town) -> None:
    with town.rag.write_transaction() as connection:
        connection.exec_driver_sql("INSERT INTO upload (file, question) VALUES ('F0123456789', 77)")
        jobs.request(connection, JobKind.DELETE_UPLOADS)
    settle(town)
    assert town.ws.called("files.delete") == [{"file": "F0123456789"}]
    with town.rag.read_transaction() as connection:
        assert uploads.abandoned_uploads(connection) == ([], 0)


# ---------------------------------------------------------------- who asked leaves


@pytest.mark.parametrize("heard", [True, False])
def test_pages_are_not_sent_by_response_url_to_a_person_who_left(
    town: Town, ada: str, mallory: str, heard: bool
) -> None:
    secret = town.ws.channel("secret", [ada, mallory], private=True)
    share(town, ada, secret)

    def leaves() -> None:
        town.ws.leave(mallory, secret)
        if heard:
            town.hear()

    town.ws.command(mallory, secret, "/magpie", "find pass word")
    town.hear()
    if heard:
        town.rag.meanwhile = leaves
    else:
        town.ws.faults.meanwhile("chat.postEphemeral", leaves)
    town.work()
    [told] = town.ws.called("response_url")
    assert "xtext" not in str(told)
    assert "xname" not in str(told)
