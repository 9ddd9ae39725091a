"""Tokens: only a hash is stored, and a token is refused once it ended or was revoked."""

from __future__ import annotations

import hashlib
from time import time

import pytest
from sqlalchemy import select

from bot.api.call_limits import AT_ONCE, CallLimits, TooManyCalls
from bot.api.tokens import TokenRefused
from bot.db import api_tokens, channel_ids, retention, tables
from tests.bot.api.conftest import Office


def test_text_of_a_token_is_not_stored(office: Office) -> None:
    token, text = office.token(office.ada)
    secret = text.removeprefix(f"magpie_{token.id}_")
    assert len(secret) == 43
    office.rag.checkpoint()
    for path in office.rag.settings.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    with office.rag.read_transaction() as connection:
        stored = connection.scalar(select(tables.api_token.c.hash).where(tables.api_token.c.id == token.id))
    assert stored == token.hash == hashlib.sha256(text.encode()).hexdigest()


def test_valid_token_is_found_and_its_use_recorded_once_an_hour(office: Office) -> None:
    token, text = office.token(office.ada)
    assert office.api.authenticate(f"Bearer {text}").id == token.id
    with office.rag.read_transaction() as connection:
        used = api_tokens.find_token(connection, token.id)
    assert used is not None
    assert used.used_at is not None
    office.api.authenticate(f"bearer {text}")
    with office.rag.read_transaction() as connection:
        assert api_tokens.find_token(connection, token.id) == used


@pytest.mark.parametrize("change", ["", "x", "Basic", "other id", "other secret", "two"])
def test_wrong_token_is_refused(office: Office, change: str) -> None:
    _, text = office.token(office.ada)
    other = office.token(office.ada)[1]
    given = {
        "": "",
        "x": f"Bearer {text}x",
        "Basic": f"Basic {text}",
        "other id": f"Bearer {text[:-44]}{other[-44:]}",
        "other secret": f"Bearer {text[:-1]}{'A' if text[-1] != 'A' else 'B'}",
        "two": f"Bearer {text}, Bearer {text}",
    }[change]
    with pytest.raises(TokenRefused):
        office.api.authenticate(given)


def test_token_that_ended_is_refused(office: Office) -> None:
    _, text = office.token(office.ada, days=1, at=time() - 86_401)
    with pytest.raises(TokenRefused, match="ended"):
        office.api.authenticate(f"Bearer {text}")


def test_revoked_token_is_refused_and_revoked_once(office: Office) -> None:
    token, text = office.token(office.ada)
    with office.rag.write_transaction() as connection:
        assert api_tokens.revoke_token(connection, token.id, time())
        assert not api_tokens.revoke_token(connection, token.id, time())
    with pytest.raises(TokenRefused, match="revoked"):
        office.api.authenticate(f"Bearer {text}")


def test_tokens_are_deleted_with_their_person_and_when_they_are_old(office: Office) -> None:
    dora, old = office.person("dora"), office.person("old")
    office.token(dora)
    office.token(old, days=1, at=100.0)
    with office.rag.write_transaction() as connection:
        retention.expire(connection, time())
        assert {dora, old} & {row.user for row in api_tokens.list_tokens(connection)} == {dora}
        retention.forget_user(connection, dora)
        assert dora not in {row.user for row in api_tokens.list_tokens(connection)}


def test_token_keeps_a_channel_whose_id_changed(office: Office) -> None:
    token, _ = office.token("", "C0OLD", "local")
    with office.rag.write_transaction() as connection:
        channel_ids.move_channel(connection, "C0OLD", "C0NEW")
        moved = api_tokens.find_token(connection, token.id)
    assert moved is not None
    assert moved.spaces == ("C0NEW", "local")


# ---------------------------------------------------------------- limits


def test_calls_are_limited_by_the_minute() -> None:
    now = 0.0
    limits = CallLimits(2, lambda: now)
    for _ in range(2):
        with limits.calling("a"):
            pass
    with pytest.raises(TooManyCalls) as refused, limits.calling("a"):
        pass
    assert refused.value.seconds == 30
    with limits.calling("b"):
        pass
    now = 30.0
    with limits.calling("a"):
        pass


def test_calls_at_the_same_time_are_limited_and_counted() -> None:
    limits = CallLimits(1000)
    held = [limits.calling("a") for _ in range(AT_ONCE)]
    for one in held:
        one.__enter__()
    with pytest.raises(TooManyCalls), limits.calling("a"):
        pass
    held[0].__exit__(None, None, None)
    with limits.calling("a"):
        assert limits.running("a") == AT_ONCE
