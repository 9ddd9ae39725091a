"""The endpoint for Slack's events: size limit, signature, parsing."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from time import time
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
from starlette.testclient import TestClient

from bot.slack.http import build_server
from bot.slack.signatures import MAX_BYTES, WINDOW, is_signed

SECRET = "a-secret-of-this-test"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def signature(body: bytes, stamp: str, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def signed(body: bytes, kind: str = JSON) -> dict[str, str]:
    stamp = str(int(time()))
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature(body, stamp)}
    return headers | {"content-type": kind}


@pytest.fixture(scope="module")
def slack() -> TestClient:
    def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="U1")

    app = App(signing_secret=SECRET, authorize=authorize, process_before_response=True)
    return TestClient(build_server({"/health": lambda: {"ok": True}}, app, SECRET))


def test_too_large_body_is_refused_signed_or_not(slack: TestClient) -> None:
    body = b"{" + b" " * MAX_BYTES + b"}"
    for headers in ({"content-type": JSON}, signed(body)):
        assert slack.post("/slack/events", content=body, headers=headers).status_code == 413
    received = slack.post("/slack/events", content=b"{}", headers={"content-length": str(800 << 20)})
    assert received.status_code == 413
    assert "2 MB" in received.text


def test_streamed_body_is_read_only_up_to_the_limit(slack: TestClient) -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        while taken < 4 * MAX_BYTES:
            taken += 1 << 16
            yield b"a" * (1 << 16)

    assert slack.post("/slack/events", content=pieces()).status_code == 413


MALFORMED = [
    (JSON, b""),
    (JSON, b"["),
    (JSON, b"[" * 200_000),
    (JSON, b'{"a":' * 100_000),
    (JSON, b"\xff\xfe"),
    (JSON, b"[1, 2]"),
    (JSON, b"null"),
    (JSON, b'{"authorizations": [7]}'),
    (JSON, b'{"team": 7, "user": [], "event": {"channel": []}}'),
    (FORM, b""),
    (FORM, b"\xff=\xfe"),
    (FORM, b"payload=%5B" + b"[" * 100_000),
    (FORM, b"payload=7"),
    (FORM, b"payload="),
    (FORM, b"no form"),
    (FORM, urlencode({f"a{n}": n for n in range(200)}).encode()),
    ("", b"{'"),
]


@pytest.mark.parametrize(("kind", "body"), MALFORMED)
def test_malformed_body_is_401_unsigned_and_400_signed(slack: TestClient, kind: str, body: bytes) -> None:
    assert slack.post("/slack/events", content=body, headers={"content-type": kind}).status_code == 401
    received = slack.post("/slack/events", content=body, headers=signed(body, kind))
    # If Bolt can parse a body of unexpected types, it responds that there is no listener.
    assert received.status_code == 400 or (received.status_code == 404 and body.startswith(b'{"team'))


@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from([JSON, FORM, "text/plain", ""]), body=st.binary(max_size=200))
def test_server_survives_any_body(slack: TestClient, kind: str, body: bytes) -> None:
    assert slack.post("/slack/events", content=body, headers={"content-type": kind}).status_code == 401
    assert slack.post("/slack/events", content=body, headers=signed(body, kind)).status_code in (200, 400, 404)


@settings(deadline=None, max_examples=150)
@given(
    received=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from("type event authorizations team team_id user enterprise channel actions".split()), inner
            )
        ),
        max_leaves=12,
    )
)
def test_server_survives_json_of_any_types(slack: TestClient, received: object) -> None:
    for kind, body in (
        (JSON, json.dumps(received).encode()),
        (FORM, urlencode({"payload": json.dumps(received)}).encode()),
    ):
        answer = slack.post("/slack/events", content=body, headers=signed(body, kind))
        assert answer.status_code in (200, 400, 404)


@given(body=st.binary(max_size=50), age=st.integers(-2 * WINDOW, 2 * WINDOW))
def test_signature_is_valid_for_its_bytes_and_five_minutes(body: bytes, age: int) -> None:
    now = 1_700_000_000
    stamp = str(now - age)
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature(body, stamp)}
    assert is_signed(SECRET, headers, body, now) is (abs(age) <= WINDOW)
    assert not is_signed(SECRET, headers, body + b" ", now)
    assert not is_signed("another", headers, body, now)
    assert not is_signed("", headers, body, now)


@given(stamp=st.text(max_size=20), given=st.text(max_size=80))
def test_invalid_headers_are_not_signed(stamp: str, given: str) -> None:
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": given}
    assert is_signed(SECRET, headers, b"{}", 1_700_000_000) is False
