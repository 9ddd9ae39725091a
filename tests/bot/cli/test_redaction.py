"""What is logged and told of errors holds no token, and nothing of what was shared or asked."""

from __future__ import annotations

import ast
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.cli.main import main
from bot.cli.redaction import Mask, noting, trace
from bot.demo.slack_server import open_workspace
from bot.slack.client import calling
from rag import OperatorMustAct, Settings
from rag.ports import Ability, Pieces, Prompt
from tests.bot.conftest import Run
from tests.flows.team import HANDBOOK, READ, magpie, receipts, until, without_proxies
from tests.support.engine import FakeEngine

ROOT = Path(__file__).resolve().parents[3]
BODY = "1234567890-ABCdef_0987"
TOKENS = [
    *(
        f"{kind}-{BODY}"
        for kind in ("xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe", "xoxe.xoxp", "xoxe.xoxb", "xapp-1")
    ),
    f"xoxd-{BODY}%2Bab%3D",
]
SIGNING = "0123456789abcdef0123456789abcdef"


class Told(list[str]):
    """What was told, joined by `str`."""

    def __str__(self) -> str:
        return "\n".join(self)


@pytest.fixture
def told() -> Iterator[Told]:
    lines = Told()
    with noting(lines.append, Mask.of({"SLACK_SIGNING_SECRET": SIGNING})):
        yield lines


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


# ---------------------------------------------------------------- the mask


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "token={}&x=1", '{{"token": "{}"}}', "Bearer {}", "b'{}'", "seen{}.", "{}\n{}"]
)
def test_a_token_is_masked_wherever_it_stands(token: str, around: str) -> None:
    masked = Mask()(around.format(token, token))
    assert BODY not in masked
    assert "…" in masked


@given(st.text(), st.sampled_from(TOKENS), st.text())
def test_a_token_is_masked_in_any_text(before: str, token: str, after: str) -> None:
    mask = Mask()
    masked = mask(f"{before}{token} {after}")
    assert BODY not in masked
    assert mask(masked) == masked


@given(st.text(st.characters(exclude_characters="…-/=:")))
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    words = " ".join(word for word in text.split(" ") if word.lower() not in ("bearer", "basic"))
    assert Mask()(words) == words


def test_what_reads_like_a_token_and_is_none_stays() -> None:
    for text in ("SLACK_BOT_TOKEN does not begin with xoxb-.", "the bearer of news", "Basic Information", "xoxb-…"):
        assert Mask()(text) == text


def test_secrets_without_a_shape_are_masked_by_their_value() -> None:
    mask = Mask.of({"SLACK_SIGNING_SECRET": f" {SIGNING} ", "SLACK_APP_TOKEN": "x", "HOME": "/home/ada"})
    assert mask(f"signed with {SIGNING}, /home/ada, x") == "signed with …, /home/ada, x"


@pytest.mark.parametrize(
    "address",
    [
        "wss://wss.slack.com/link/?ticket=canary-1&app_id=A1",
        "https://hooks.slack.com/commands/T1/2/canary-1",
        "https://files.slack.com/upload/v1/canary-1",
        "http://ada:canary-1@proxy.example:3128/",
        "Authorization: Bearer canary-1.abcdefg",
        "{'authorization': 'Basic canary-1=='}",
    ],
)
def test_addresses_and_headers_that_open_a_door_are_masked(address: str) -> None:
    assert "canary-1" not in Mask()(address)


# ---------------------------------------------------------------- logs and errors


def test_a_record_of_any_library_is_told_without_tokens(told: Told) -> None:
    for name in ("magpie", "magpie.web", "slack_sdk", "slack_bolt.App", "uvicorn.error"):
        logging.getLogger(name).warning("%s: token %s, signed %s", name, TOKENS[0], SIGNING)
    logging.getLogger("slack_sdk").info("only a remark")
    assert len(told) == 5
    assert told[0] == "magpie: token xoxb-…, signed …"
    assert BODY not in str(told)
    assert SIGNING not in str(told)


def test_what_slack_sdk_and_httpx_raise_is_told_without_tokens(told: Told) -> None:
    response = SlackResponse(
        client=WebClient(), http_verb="POST", api_url="https://slack.com/api/chat.postMessage", status_code=200,
        req_args={"headers": {"Authorization": f"Bearer {TOKENS[0]}"}}, headers={},
        data={"ok": False, "error": "invalid_auth", "token": TOKENS[0], "text": "kingfisher"},
    )  # fmt: skip
    of_slack = SlackApiError(f"The request failed with {TOKENS[1]}: kingfisher", response)  # type: ignore[no-untyped-call]
    request = httpx.Request("GET", f"https://files.slack.com/f?t={TOKENS[2]}", headers={"Authorization": TOKENS[3]})
    of_httpx = httpx.HTTPStatusError(
        f"401 for {request.url} {request.headers!r}", request=request, response=httpx.Response(401)
    )
    log = logging.getLogger("magpie")
    for error in (of_slack, of_httpx):
        log.error("It failed: %s", error)
        log.error("It failed.", exc_info=raised(error))
    with pytest.raises(OperatorMustAct) as acting, calling():
        raise of_slack
    log.error("It failed: %s", acting.value, exc_info=acting.value)
    assert "slack_sdk.errors.SlackApiError" in str(told)
    assert "httpx.HTTPStatusError" in str(told)
    assert "Slack does not let Magpie do this: invalid_auth" in str(told)
    assert BODY not in str(told)
    assert all("kingfisher" not in line for line in told if "Traceback" in line or ", line " in line)


def test_an_error_is_told_by_where_it_came_through_and_not_by_what_it_quotes() -> None:
    error = raised(
        ValueError("kingfisher"), raised(KeyError("gannet"), raised(OSError(28, "No space left", "heron.pdf")))
    )
    lines = trace(error).splitlines()
    assert [line for line in lines if not line.startswith("  ")] == ["OSError: No space left", "KeyError", "ValueError"]
    assert all("test_redaction.py, line " in line for line in lines if line.startswith("  "))
    assert trace(raised(OperatorMustAct("Ollama does not answer.", "Start it."))).endswith(": Ollama does not answer.")
    assert trace(raised(TypeError("f() takes no arguments"))).endswith("TypeError: f() takes no arguments")


def test_a_circle_of_causes_ends() -> None:
    one, other = raised(ValueError()), raised(KeyError())
    one.__cause__, other.__cause__ = other, one
    assert trace(one).count("ValueError") == 1


def test_what_ends_a_thread_is_told(told: Told) -> None:
    def end() -> None:
        raise ValueError(f"kingfisher {TOKENS[0]}")

    before = threading.excepthook
    thread = threading.Thread(target=end, name="reader-3")
    thread.start()
    thread.join()
    assert threading.excepthook is before
    assert str(told).startswith("The thread reader-3 broke.\n")
    assert str(told).endswith("\nValueError")


def test_a_defect_is_told_by_its_place_alone(run: Run) -> None:
    code, out, err = run(FakeEngine(breaks=ValueError(f"kingfisher {TOKENS[0]}")), "status")
    assert (code, out) == (1, "")
    assert "engine.py, line " in err.replace("\n", "")
    assert err.endswith("ValueError\n")
    assert "kingfisher" not in err
    assert BODY not in err


def test_an_error_for_the_operator_holds_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (OperatorMustAct(f"Slack refused {TOKENS[0]}.", f"Not {TOKENS[1]}."),):
        assert main(["status"], FakeEngine(breaks=error).opened) == 1
    assert main(["status", TOKENS[0]], FakeEngine().opened) == 2
    assert BODY not in capsys.readouterr().err


# ---------------------------------------------------------------- what Magpie itself logs

QUOTING = {"text", "name", "title", "file", "path", "link", "query", "words", "blocks", "caption"}


@pytest.mark.parametrize(
    "path", [path for top in ("bot", "rag") for path in sorted((ROOT / top).rglob("*.py"))], ids=str
)
def test_no_name_and_no_text_is_logged(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            if node.func.value.id != "log":
                continue
            inside = [part for argument in node.args for part in ast.walk(argument)]
            named = {part.attr for part in inside if isinstance(part, ast.Attribute)}
            named |= {part.id for part in inside if isinstance(part, ast.Name)}
            assert not named & QUOTING, f"line {node.lineno}"


class Quoting:
    """A generator that fails as no generator should, and says what it was shown."""

    def ability(self) -> Ability:
        return Ability("quoting", vision=False)

    def stream(self, prompt: Prompt) -> Pieces:
        raise ValueError(f"{prompt.user} {TOKENS[0]}")

    def close(self) -> None:
        pass


def test_the_log_of_a_bot_that_fails_quotes_nothing(told: Told, tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=ROOT / "manifest.yml", ack_timeout=1.0) as ws:
        ada = ws.person("ada")
        room = ws.channel("harbour", members=[ada])
        rag = Settings(data=tmp_path, answer={"model": ""}, read={"workers": 1, "ocr": False, "layout": False})
        with magpie(ws, tmp_path, generator=Quoting(), rag=rag):
            receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
            ws.post(ada, room, f"<@{ws.bot_user}> which port does the gateway use?")
            until(lambda: "A question failed." in str(told))
    assert "ValueError" in str(told)
    for word in ("gateway", "8443", "lantern", "handbook", BODY, ws.bot_token):
        assert word not in str(told)
