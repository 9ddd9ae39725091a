"""`magpie token`: create, list and revoke tokens of other tools."""

from __future__ import annotations

import pytest

from bot.api.tokens import find_valid_token
from tests.bot.conftest import Magpie, Run
from tests.support.engine import FakeEngine


def test_created_token_is_valid_until_it_is_revoked(magpie: Magpie) -> None:
    code, created, _ = magpie("token", "create", "laptop", "--user", "U0123456789", "--days", "7")
    assert (code, created["user"], created["spaces"], created["valid"]) == (0, "U0123456789", [], True)
    assert magpie("token")[1]["tokens"] == [{key: value for key, value in created.items() if key != "token"}]
    assert magpie("token", "revoke", created["id"])[1] == {"revoked": created["id"]}
    [listed] = magpie("token", "list")[1]["tokens"]
    assert (listed["valid"], bool(listed["revoked"])) == (False, True)
    code, _, said = magpie("token", "revoke", created["id"])
    assert code == 1
    assert "magpie token list" in said


def test_printed_token_is_the_one_that_is_stored(run: Run) -> None:
    engine = FakeEngine()
    code, out, _ = run(engine, "token", "create", "laptop", "--space", "C0123", "--space", "local")
    assert code == 0
    [text] = [line.strip() for line in out.splitlines() if line.startswith("  magpie_")]
    token = find_valid_token(engine.read_transaction, engine.write_transaction, text, 0.0)
    assert token.spaces == ("C0123", "local")
    assert f"magpie token revoke {token.id}" in out
    assert "for 2 spaces (C0123, local)" in out
    _, listed, _ = run(engine, "token", "list")
    assert text not in listed
    assert f"{token.id}  laptop" in listed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "--user U123"),
        (("--user", "U0123", "--space", "C0123"), "--user U123"),
        (("--user", "ada"), "ada is not the id of a person"),
        (("--space", "general"), "general is not the id of a channel"),
    ],
)
def test_token_for_nobody_is_refused(run: Run, given: tuple[str, ...], said: str) -> None:
    code, _, err = run(FakeEngine(), "token", "create", "laptop", *given)
    assert code == 2
    assert said in " ".join(err.split())


def test_empty_list_says_how_to_create_one(run: Run) -> None:
    assert "magpie token create NAME" in run(FakeEngine(), "token")[1]
