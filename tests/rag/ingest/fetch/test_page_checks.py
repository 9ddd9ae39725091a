"""Tests of pages that are not the document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rag.ingest.fetch.page_checks import CONSENT, ROBOT_CHECK, SIGN_IN, PageFacts, file_of, refusal

PAGE = PageFacts(title="Harbour wiki", heading="Dues", count=40, text="Dues are paid on Monday.")
LINK = "https://wiki.example/dues"


@pytest.mark.parametrize(
    ("changes", "shown", "reason"),
    [
        ({}, LINK, None),
        ({"password": True}, LINK, SIGN_IN),
        ({"password": True, "count": 2000}, LINK, None),  # a form beside the page
        ({"user": True, "title": "Wiki - Anmeldung", "count": 60}, LINK, SIGN_IN),
        ({"user": True, "heading": "로그인", "count": 60}, LINK, SIGN_IN),
        ({"user": True, "count": 9}, LINK, SIGN_IN),
        ({"user": True, "count": 120}, LINK, None),  # a form for a newsletter
        ({"title": "How to sign in", "count": 120}, LINK, None),
        ({"text": "You need to sign in to see this page.", "count": 9}, LINK, SIGN_IN),
        ({}, "https://login.example/?next=dues", SIGN_IN),
        ({}, "https://wiki.example/users/sign_in", SIGN_IN),
        ({"count": 900}, "https://wiki.example/docs/sso/", None),
        ({"count": 200}, "https://wiki.example/login/", None),
        ({"count": 200, "heading": "Log in"}, "https://wiki.example/login/", SIGN_IN),
        ({"count": 200, "user": True}, "https://login.example/", SIGN_IN),
        ({}, "https://id.wiki.example/wiki/Jakarta", None),  # the wiki in Indonesian
        ({"title": "OAuth 2.0 guide"}, "https://docs.example/oauth2/", None),
        ({"user": True}, "https://id.example/start", SIGN_IN),
        ({"user": True, "count": 200}, "https://wiki.example/oauth2/authorize?a=b", SIGN_IN),
        ({"consent": True, "choices": 2, "heading": "Before you continue"}, LINK, CONSENT),
        ({"consent": True, "choices": 2}, "https://consent.example/?to=dues", CONSENT),
        ({"consent": True, "heading": "Cookie recipes"}, LINK, None),
        ({"consent": True, "choices": 1, "heading": "Cookie policy", "count": 900}, LINK, None),
        ({"title": "Just a moment...", "count": 20}, LINK, ROBOT_CHECK),
        ({"text": "Fixed a bug in checking if the file exists before it is sent.", "count": 30}, LINK, None),
        ({"text": "The test whether you are not a robot failed for many.", "count": 90}, LINK, None),
        ({"text": "Checking your browser before you get to the wiki.", "count": 30}, LINK, ROBOT_CHECK),
        ({"text": "Checking if the site connection is secure", "count": 30}, LINK, ROBOT_CHECK),
        ({"text": "Show that you are not a robot", "count": 9}, LINK, ROBOT_CHECK),
        ({"text": "Just a moment... said the captain.", "count": 900}, LINK, None),
    ],
)
def test_page_in_front_of_the_document_is_recognized(changes: dict[str, Any], shown: str, reason: str | None) -> None:
    assert refusal(replace(PAGE, **changes), LINK, shown, 0) == reason


def test_page_of_which_a_wall_was_all_is_refused() -> None:
    assert refusal(replace(PAGE, count=3), LINK, LINK, 80) == CONSENT
    assert refusal(replace(PAGE, count=3), LINK, LINK, 0) is None


def test_link_to_a_sign_in_page_is_not_a_redirect_to_one() -> None:
    guide = "https://wiki.example/sign-in"
    assert refusal(PAGE, guide, guide, 0) is None


def test_only_a_page_without_words_of_its_own_stands_for_its_file() -> None:
    assert file_of(replace(PAGE, files=("https://wiki.example/dues.pdf",))) == "https://wiki.example/dues.pdf"
    assert file_of(replace(PAGE, files=("https://wiki.example/dues.pdf",), count=300)) is None
    assert file_of(replace(PAGE, files=("a.pdf", "b.pdf"))) is None


def test_page_leads_only_to_addresses_on_the_web() -> None:
    valid = {known: getattr(PAGE, known) for known in PageFacts.__slots__}
    for address in (
        "file:///etc/passwd.pdf",
        "chrome://version/",
        "data:text/html,a",
        "javascript:1",
        " http://a",
        3,
        None,
    ):
        facts = PageFacts.of({**valid, "refresh": address, "files": [address]})
        assert (facts.refresh, facts.files) == ("", ())
    facts = PageFacts.of({**valid, "refresh": "HTTP://a.example/", "files": ["https://a.example/b.pdf"]})
    assert (facts.refresh, facts.files) == ("HTTP://a.example/", ("https://a.example/b.pdf",))


@pytest.mark.parametrize("described", [{}, {"title": 3}, {"count": True}, {"count": "9"}])
def test_facts_that_a_page_has_forged_are_refused(described: dict[str, Any]) -> None:
    valid = {known: getattr(PAGE, known) for known in PageFacts.__slots__}
    assert PageFacts.of(valid) == replace(PAGE, files=())
    with pytest.raises(ValueError, match="invalid"):
        PageFacts.of({**valid, **described} if described else {})
