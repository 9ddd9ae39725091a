"""What a token gives access to: decided as for a reply to its person, at each call, and again before it leaves."""

from __future__ import annotations

from time import time

import pytest

from bot.api.tokens import TokenRefused
from bot.db import access_log, api_tokens
from bot.slack.events import Left
from rag import NotFound, TryAgain, Unreadable
from tests.bot.api.conftest import Office


def test_person_finds_what_they_may_open(office: Office) -> None:
    ada, ben = office.token(office.ada)[0], office.token(office.ben)[0]
    assert office.files(ada) == ["handbook.pdf", "salaries.pdf"]
    assert office.files(ben) == ["handbook.pdf"]
    assert [page.file for page in office.call(ben, "search", query="gateway").pages] == ["handbook.pdf"]


def test_token_of_spaces_finds_those_only(office: Office) -> None:
    assert office.files(office.token("", "local")[0]) == ["notes.pdf"]
    assert office.files(office.token("", office.public, office.secret)[0]) == ["handbook.pdf", "salaries.pdf"]


def test_guest_does_not_find_public_channels_that_they_are_not_in(office: Office) -> None:
    gus = office.ws.person("gus", guest="multi")
    assert office.files(office.token(gus)[0]) == []
    office.ws.join(gus, office.secret)
    office.access.invalidate_all()
    assert office.files(office.token(gus)[0]) == ["salaries.pdf"]


def test_person_finds_files_of_their_direct_message(office: Office) -> None:
    dora = office.person("dora")
    direct = office.ws.direct(dora)
    office.access.invalidate_all()
    office.rag.index([office.rag.settings.data.parent / "local" / "notes.pdf"], direct)
    assert office.files(office.token(dora)[0]) == ["handbook.pdf", "notes.pdf"]
    assert office.files(office.token(office.ada)[0]) == ["handbook.pdf", "salaries.pdf"]


def test_page_is_read_with_its_text(office: Office) -> None:
    token = office.token(office.ben)[0]
    [found] = office.call(token, "search", query="gateway port").pages
    page = office.call(token, "get_page", document=found.document, page=2)
    assert (page.citation, page.pages) == ("handbook.pdf, p. 2 (printed p2)", 3)
    assert page.text == "The gateway listens on port 8443"
    assert page.picture.type == "image/jpeg"
    assert office.call(token, "get_page", document=found.document, page=2, picture=False).picture is None
    with pytest.raises(NotFound, match="no page 9"):
        office.call(token, "get_page", document=found.document, page=9)


def test_page_of_a_document_outside_the_scope_is_not_found(office: Office) -> None:
    [secret] = office.call(office.token(office.ada)[0], "list_documents", name="SALAR").documents
    with pytest.raises(NotFound, match="No document here has this id"):
        office.call(office.token(office.ben)[0], "get_page", document=secret.document, page=1)


def test_answer_cites_pages_of_the_scope(office: Office) -> None:
    answer = office.call(office.token(office.ben)[0], "ask", question="Which port does the gateway listen on?")
    assert (answer.found, answer.answer) == (True, "The gateway listens on port 8443 [1]")
    assert [(one.number, one.citation) for one in answer.citations] == [(1, "handbook.pdf, p. 2 (printed p2)")]
    assert "4711" not in office.generator.prompts[-1].user


def test_documents_are_listed_in_parts(office: Office) -> None:
    listed = office.call(office.token(office.ada)[0], "list_documents", limit=1, offset=1)
    assert (listed.total, [row.file for row in listed.documents]) == (2, ["salaries.pdf"])


def test_image_that_is_no_image_is_refused(office: Office) -> None:
    token = office.token(office.ada)[0]
    with pytest.raises(Unreadable, match="not base64"):
        office.call(token, "similar_to_image", image="%%%")
    with pytest.raises(Unreadable, match="isn't a picture"):
        office.call(token, "similar_to_image", image="aGVsbG8=")


# ---------------------------------------------------------------- what changes during a call


def test_channel_left_during_a_call_is_not_shown(office: Office) -> None:
    cleo = office.person("cleo", office.secret)
    token = office.token(cleo)[0]

    def leave() -> None:
        office.ws.leave(cleo, office.secret)
        office.access.invalidate(Left(office.secret))

    office.generator.hook = leave
    answer = office.call(token, "ask", question="What does the gateway keeper earn?")
    assert "4711" not in answer.model_dump_json()
    assert [page.file for page in answer.citations] in ([], ["handbook.pdf"])


def test_file_removed_during_a_call_is_not_shown(office: Office) -> None:
    path = office.rag.settings.data.parent / "bonus.pdf"
    path.write_text("The lamplighter gets a bonus of 815 crowns")
    office.rag.index([path], office.secret)
    token = office.token(office.ada)[0]
    question = "Which bonus does the lamplighter get?"
    assert "815" in office.call(token, "ask", question=question).answer

    def remove() -> None:
        office.rag.forget(["bonus.pdf"])

    office.generator.hook = remove
    assert "815" not in office.call(token, "ask", question=question).model_dump_json()


def test_token_revoked_during_a_call_gets_nothing(office: Office) -> None:
    token = office.token(office.ada)[0]

    def revoke() -> None:
        with office.rag.write_transaction() as connection:
            api_tokens.revoke_token(connection, token.id, time())

    office.generator.hook = revoke
    with pytest.raises(TokenRefused, match="revoked"):
        office.call(token, "ask", question="Which port does the gateway listen on?")


def test_call_ends_when_the_bot_stops(office: Office) -> None:
    token = office.token(office.ada)[0]
    office.stop.set()
    try:
        with pytest.raises(TryAgain, match="stopping"):
            office.call(token, "ask", question="Which port does the gateway listen on?")
    finally:
        office.stop.clear()


# ---------------------------------------------------------------- people who leave


def test_deactivated_person_loses_their_token_for_good(office: Office) -> None:
    fritz = office.person("fritz")
    token, text = office.token(fritz)
    assert office.files(token) == ["handbook.pdf"]
    office.ws.deactivate(fritz)
    with pytest.raises(TokenRefused, match="revoked"):
        office.call(token, "search", query="gateway")
    with pytest.raises(TokenRefused, match="revoked"):
        office.api.authenticate(f"Bearer {text}")


@pytest.mark.parametrize("who", ["stranger", "unknown", "app"])
def test_token_of_somebody_who_is_not_of_the_workspace_is_refused(office: Office, who: str) -> None:
    eve = office.ws.person("eve", stranger_team="T0THEM")
    token, _ = office.token({"stranger": eve, "unknown": "U0NOBODY", "app": office.ws.bot_user}[who])
    with pytest.raises(TokenRefused):
        office.call(token, "list_documents")


def test_slack_that_does_not_answer_gives_no_access_and_keeps_the_token(office: Office) -> None:
    token, text = office.token(office.ada)
    office.ws.faults.fail("users.info", 1, status=503)
    with pytest.raises(TryAgain):
        office.call(token, "list_documents")
    assert office.api.authenticate(f"Bearer {text}").id == token.id
    assert office.files(token) == ["handbook.pdf", "salaries.pdf"]


# ---------------------------------------------------------------- the access log


def test_what_was_shown_is_logged(office: Office) -> None:
    token = office.token(office.ben)[0]
    [page] = office.call(token, "search", query="port of the gateway").pages
    with office.rag.read_transaction() as connection:
        entry = access_log.list_accesses(connection, page.document)[0]
    assert (entry.user, entry.where, entry.text) == (office.ben, "through the API", "port of the gateway")
    assert (entry.readers, list(entry.spaces)) == ([office.ben], [office.public])
