"""Slack settings: the environment, bounds, and tokens that are never printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.environment import SECRETS, variable
from bot.settings import SlackSettings, effective_slack_settings, load_slack_settings
from rag import BadSetting

TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1-secret", "SLACK_APP_TOKEN": "xapp-1-secret"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name in SlackSettings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    return monkeypatch


def load(environment: pytest.MonkeyPatch, given: Mapping[str, str]) -> SlackSettings:
    for name, value in given.items():
        environment.setenv(name, value)
    return load_slack_settings(Path())


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


@pytest.mark.parametrize("address", ["https://git.example/our-magpie", "http://git.lan/magpie", ""])
def test_address_of_the_source_code_is_a_web_address(environment: pytest.MonkeyPatch, address: str) -> None:
    assert load(environment, TOKENS | {"SLACK_SOURCE_URL": address}).source_url == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://git.example/magpie",
        "git.example/magpie",
        "https://",
        "https://git.example/a b",
        "https://git.example|Click",
        "https://git.example> <!channel>",
        "https://git.example\njavascript:alert(1)",
    ],
)
def test_other_addresses_of_the_source_code_are_refused(environment: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(BadSetting, match="begins with https://") as raised:
        load(environment, TOKENS | {"SLACK_SOURCE_URL": address})
    assert "SLACK_SOURCE_URL" in str(raised.value)


def test_secrets_lists_every_secret_setting() -> None:
    secret = {variable(name) for name, field in SlackSettings.model_fields.items() if "Secret" in str(field.annotation)}
    assert set(SECRETS) == secret


def test_tokens_are_read_from_the_file_and_the_environment_wins(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "magpie.toml").write_text(
        '[slack]\nbot_token = "xoxb-of-file"\napp_token = "xapp-of-file"\nworkers = 3\nfile_hosts = ["a.example"]\n'
    )
    environment.setenv("SLACK_APP_TOKEN", "xapp-of-environment")
    settings = load_slack_settings(tmp_path)
    assert settings.bot_token.get_secret_value() == "xoxb-of-file"
    assert settings.app_token.get_secret_value() == "xapp-of-environment"
    assert (settings.workers, settings.file_hosts) == (3, ("a.example",))
    shown = {value.name: (value.value, value.source) for value in effective_slack_settings(tmp_path)}
    assert shown["slack.bot_token"] == ("(set)", "magpie.toml")
    assert shown["slack.app_token"] == ("(set)", "environment")
    assert shown["slack.http_port"] == ("0", "default")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[slack]\nbot_tokn = 'xoxb-1'",
            r"setting slack\.bot_tokn that does not exist\. Did you mean slack\.bot_token",
        ),
        ("slack = 1", "slack in magpie.toml is not a table"),
        ("[slack]\nworkers = 0", r"slack\.workers in magpie\.toml must be at least 1"),
    ],
)
def test_mistakes_in_the_file_are_named(environment: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "magpie.toml").write_text(text)
    with pytest.raises(BadSetting, match=said):
        load_slack_settings(tmp_path)
