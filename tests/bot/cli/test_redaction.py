"""Logs and errors hold no token, and nothing from files or questions."""

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
from pydantic import BaseModel
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.cli.main import main
from bot.cli.redaction import Mask, format_error, redacted_logs
from bot.demo.slack_server import open_workspace
from bot.slack.transport import map_errors
from rag import OperatorMustAct, Settings
from rag.ports import ModelInfo, Prompt, TokenStream
from tests.bot.conftest import Run
from tests.flows.team import HANDBOOK, READ, magpie, receipts, until
from tests.support.engine import FakeEngine
from tests.support.slack_workspace import MANIFEST, without_proxies

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


class Lines(list[str]):
    """Log lines, joined by `str`."""

    def __str__(self) -> str:
        return "\n".join(self)


@pytest.fixture
def logged() -> Iterator[Lines]:
    lines = Lines()
    with redacted_logs(lines.append, Mask.of({"SLACK_SIGNING_SECRET": SIGNING})):
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
def test_token_is_masked_in_every_context(token: str, around: str) -> None:
    masked = Mask()(around.format(token, token))
    assert BODY not in masked
    assert "…" in masked


@given(st.text(), st.sampled_from(TOKENS), st.text())
def test_token_is_masked_in_any_text(before: str, token: str, after: str) -> None:
    mask = Mask()
    masked = mask(f"{before}{token} {after}")
    assert BODY not in masked
    assert mask(masked) == masked


@given(st.text(st.characters(exclude_characters="…-/=:")))
def test_text_without_secrets_is_unchanged(text: str) -> None:
    words = " ".join(word for word in text.split(" ") if word.lower() not in ("bearer", "basic"))
    assert Mask()(words) == words


def test_text_that_resembles_a_token_is_unchanged() -> None:
    for text in ("SLACK_BOT_TOKEN does not start with xoxb-.", "the bearer of news", "Basic Information", "xoxb-…"):
        assert Mask()(text) == text


def test_secrets_without_a_pattern_are_masked_by_value() -> None:
    mask = Mask.of({"SLACK_SIGNING_SECRET": f" {SIGNING} ", "SLACK_APP_TOKEN": "x", "HOME": "/home/ada"})
    assert mask(f"signed with {SIGNING}, /home/ada, x") == "signed with …, /home/ada, x"


def test_every_secret_of_the_settings_is_masked_by_value() -> None:
    groups = {name: info.annotation for name, info in Settings.model_fields.items()}
    names = [
        f"MAGPIE_{name}__{key}".upper()
        for name, group in groups.items()
        if isinstance(group, type) and issubclass(group, BaseModel)
        for key, inner in group.model_fields.items()
        if "SecretStr" in str(inner.annotation)
    ]
    assert len(names) >= 4
    for name in names:
        assert Mask.of({name: "hidden-key"})("the server said hidden-key") == "the server said …", name


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
def test_urls_and_headers_that_grant_access_are_masked(address: str) -> None:
    assert "canary-1" not in Mask()(address)


# ---------------------------------------------------------------- logs and errors


def test_records_of_every_library_are_logged_without_tokens(logged: Lines) -> None:
    for name in ("magpie", "magpie.web", "slack_sdk", "slack_bolt.App", "uvicorn.error"):
        logging.getLogger(name).warning("%s: token %s, signed %s", name, TOKENS[0], SIGNING)
    logging.getLogger("slack_sdk").info("only a remark")
    assert len(logged) == 5
    assert logged[0] == "magpie: token xoxb-…, signed …"
    assert BODY not in str(logged)
    assert SIGNING not in str(logged)


def test_errors_slack_error_sdk_and_httpx_are_logged_without_tokens(logged: Lines) -> None:
    response = SlackResponse(
        client=WebClient(), http_verb="POST", api_url="https://slack.com/api/chat.postMessage", status_code=200,
        req_args={"headers": {"Authorization": f"Bearer {TOKENS[0]}"}}, headers={},
        data={"ok": False, "error": "invalid_auth", "token": TOKENS[0], "text": "kingfisher"},
    )  # fmt: skip
    slack_error = SlackApiError(f"The request failed with {TOKENS[1]}: kingfisher", response)  # type: ignore[no-untyped-call]
    request = httpx.Request("GET", f"https://files.slack.com/f?t={TOKENS[2]}", headers={"Authorization": TOKENS[3]})
    httpx_error = httpx.HTTPStatusError(
        f"401 for {request.url} {request.headers!r}", request=request, response=httpx.Response(401)
    )
    log = logging.getLogger("magpie")
    for error in (slack_error, httpx_error):
        log.error("It failed: %s", error)
        log.error("It failed.", exc_info=raised(error))
    with pytest.raises(OperatorMustAct) as caught, map_errors():
        raise slack_error
    log.error("It failed: %s", caught.value, exc_info=caught.value)
    assert "slack_sdk.errors.SlackApiError" in str(logged)
    assert "httpx.HTTPStatusError" in str(logged)
    assert "Slack does not let Magpie do this: invalid_auth" in str(logged)
    assert BODY not in str(logged)
    assert all("kingfisher" not in line for line in logged if "Traceback" in line or ", line " in line)


def test_error_is_formatted_by_its_stack_without_its_message() -> None:
    error = raised(
        ValueError("kingfisher"), raised(KeyError("gannet"), raised(OSError(28, "No space left", "heron.pdf")))
    )
    lines = format_error(error).splitlines()
    assert [line for line in lines if not line.startswith("  ")] == ["OSError: No space left", "KeyError", "ValueError"]
    assert all("test_redaction.py, line " in line for line in lines if line.startswith("  "))
    assert format_error(raised(OperatorMustAct("Ollama does not answer.", "Start it."))).endswith(
        ": Ollama does not answer."
    )
    assert format_error(raised(TypeError("f() takes no arguments"))).endswith("TypeError: f() takes no arguments")


def test_cycle_of_causes_ends() -> None:
    first, second = raised(ValueError()), raised(KeyError())
    first.__cause__, second.__cause__ = second, first
    assert format_error(first).count("ValueError") == 1


def test_error_that_ends_a_thread_is_logged(logged: Lines) -> None:
    def fail() -> None:
        raise ValueError(f"kingfisher {TOKENS[0]}")

    before = threading.excepthook
    thread = threading.Thread(target=fail, name="reader-3")
    thread.start()
    thread.join()
    assert threading.excepthook is before
    assert str(logged).startswith("Thread reader-3 ended with an error.\n")
    assert str(logged).endswith("\nValueError")


def test_unexpected_error_is_printed_without_its_message(run: Run) -> None:
    code, out, err = run(FakeEngine(breaks=ValueError(f"kingfisher {TOKENS[0]}")), "status")
    assert (code, out) == (1, "")
    assert "engine.py, line " in err.replace("\n", "")
    assert err.endswith("ValueError\n")
    assert "kingfisher" not in err
    assert BODY not in err


def test_printed_error_holds_no_token(capsys: pytest.CaptureFixture[str]) -> None:
    error = OperatorMustAct(f"Slack refused {TOKENS[0]}.", f"Not {TOKENS[1]}.")
    assert main(["status"], FakeEngine(breaks=error).opened) == 1
    assert main(["doctor", TOKENS[0]], FakeEngine().opened) == 2
    assert BODY not in capsys.readouterr().err


# ---------------------------------------------------------------- what Magpie logs

TEXT_NAMES = {"text", "name", "title", "file", "path", "link", "query", "words", "blocks", "caption"}


@pytest.mark.parametrize(
    "path", [path for top in ("bot", "rag") for path in sorted((ROOT / top).rglob("*.py"))], ids=str
)
def test_log_calls_take_no_name_and_no_text(path: Path) -> None:
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
            assert not named & TEXT_NAMES, f"line {node.lineno}"


class QuotingGenerator:
    """A generator that raises an unexpected error whose message quotes the prompt."""

    def model_info(self) -> ModelInfo:
        return ModelInfo("quoting", vision=False)

    def stream(self, prompt: Prompt) -> TokenStream:
        raise ValueError(f"{prompt.user} {TOKENS[0]}")

    def close(self) -> None:
        pass


def test_log_of_a_failing_bot_quotes_nothing(logged: Lines, tmp_path: Path) -> None:
    with without_proxies(), open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        ada = ws.person("ada")
        channel = ws.channel("harbour", members=[ada])
        rag = Settings(data=tmp_path, answer={"model": ""}, read={"workers": 1, "ocr": False, "layout": False})
        with magpie(ws, tmp_path, generator=QuotingGenerator(), rag=rag):
            receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
            ws.post(ada, channel, f"<@{ws.bot_user}> which port does the gateway use?")
            until(lambda: "Error in a question" in str(logged))
    assert "ValueError" in str(logged)
    for word in ("gateway", "8443", "lantern", "handbook", BODY, ws.bot_token):
        assert word not in str(logged)
