"""`magpie token`: create, list and revoke tokens of other tools."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.api.tokens import find_valid_token
from bot.demo.slack_server import Workspace
from tests.bot.conftest import Magpie, Run
from tests.support.engine import FakeEngine
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


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


Create = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def create(run: Run, ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Create:
    """Return a function that creates a token for a person, with the token of a bot."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", ws.bot_token)
    monkeypatch.setenv("SLACK_API_URL", ws.api_url)
    return lambda user: run(FakeEngine(), "token", "create", "laptop", "--user", user)


def test_person_whom_slack_knows_gets_a_token(create: Create, ws: Workspace) -> None:
    code, out, _ = create(ws.person("ada"))
    assert code == 0
    assert "not known" not in out


def test_person_whom_slack_does_not_know_gets_no_token(create: Create, ws: Workspace) -> None:
    gone, foreign = ws.person("gone"), ws.person("eve", stranger_team="T0THEM")
    ws.deactivate(gone)
    for user, said in (
        ("U0999999999", "Slack does not know U0999999999: user_not_found."),
        (gone, "deactivated"),
        (foreign, "of another workspace"),
        (ws.bot_user, "is an app"),
    ):
        code, _, err = create(user)
        assert code == 1
        assert said in " ".join(err.split())
        assert "Copy member ID" in " ".join(err.split())


def test_token_is_created_while_slack_does_not_answer(create: Create, ws: Workspace) -> None:
    ws.faults.fail("users.info", status=503)
    code, out, _ = create(ws.person("ada"))
    assert code == 0
    assert "It is not known whether" in " ".join(out.split())


def test_without_a_slack_token_it_is_said_that_the_person_was_not_looked_up(run: Run) -> None:
    code, out, _ = run(FakeEngine(), "token", "create", "laptop", "--user", "U0123456789")
    assert code == 0
    assert "No Slack token is set" in " ".join(out.split())
