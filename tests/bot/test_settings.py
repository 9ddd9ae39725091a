"""Slack settings: the environment, bounds, and tokens that are never printed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.settings import SECRETS, SlackSettings, load_slack_settings, variable
from rag import BadSetting

TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1-secret", "SLACK_APP_TOKEN": "xapp-1-secret"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in SlackSettings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    return monkeypatch


def load(environment: pytest.MonkeyPatch, given: Mapping[str, str]) -> SlackSettings:
    for name, value in given.items():
        environment.setenv(name, value)
    return load_slack_settings()


def test_two_tokens_are_sufficient(environment: pytest.MonkeyPatch) -> None:
    settings = load(environment, TOKENS)
    assert settings.bot_token.get_secret_value() == "xoxb-1-secret"
    assert (settings.api_url, settings.file_hosts, settings.http_port) == (
        "https://slack.com/api/",
        ("files.slack.com",),
        0,
    )
    assert "1-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-1-secret"}, "SLACK_APP_TOKEN is not set"),
        (TOKENS | {"SLACK_BOT_TOKEN": "xapp-1-secret"}, "SLACK_BOT_TOKEN does not start with xoxb-"),
        (TOKENS | {"SLACK_APP_TOKEN": "xoxb-1-secret"}, "SLACK_APP_TOKEN does not start with xapp-"),
        ({"SLACK_BOT_TOKEN": "xoxb-1-secret", "SLACK_HTTP_PORT": "8080"}, "SLACK_SIGNING_SECRET is not set"),
        (TOKENS | {"SLACK_HTTP_PORT": "70000"}, 'SLACK_HTTP_PORT must be at most 65535, got "70000"'),
        (TOKENS | {"SLACK_WORKERS": "0"}, "SLACK_WORKERS must be at least 1"),
        (TOKENS | {"SLACK_PING_SECONDS": "often"}, "SLACK_PING_SECONDS must be a number"),
    ],
)
def test_error_names_the_variable_and_shows_no_token(
    environment: pytest.MonkeyPatch, given: Mapping[str, str], message: str
) -> None:
    with pytest.raises(BadSetting) as raised:
        load(environment, given)
    assert message in str(raised.value)
    assert raised.value.hint
    assert "secret" not in f"{raised.value} {raised.value.hint}".replace("SLACK_SIGNING_SECRET", "").lower()


def test_http_mode_needs_no_app_token(environment: pytest.MonkeyPatch) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_HTTP_PORT": "8080", "SLACK_SIGNING_SECRET": "s"}
    assert load(environment, given).http_port == 8080


def test_file_hosts_are_split_at_commas(environment: pytest.MonkeyPatch) -> None:
    assert load(environment, TOKENS | {"SLACK_FILE_HOSTS": "a.test, b.test:81 ,"}).file_hosts == ("a.test", "b.test:81")


def test_secrets_lists_every_secret_setting() -> None:
    secret = {variable(name) for name, field in SlackSettings.model_fields.items() if "Secret" in str(field.annotation)}
    assert set(SECRETS) == secret
