"""Settings of the Slack bot: `bot_token` is SLACK_BOT_TOKEN, as in Slack's own tools, or in `[slack]` of magpie.toml.

`make docs` writes the table in docs/configuration.md from this class.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.environment import PREFIX, variable
from rag import BadSetting, SettingValue, check_names, invalid_setting, read_settings_file, shown_value


class SlackSettings(BaseSettings):
    """The bot's settings. Tokens are never printed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = Field(default=SecretStr(""), description="Bot user token, xoxb-…")
    app_token: SecretStr = Field(default=SecretStr(""), description="App-level token for Socket Mode, xapp-…")
    signing_secret: SecretStr = Field(default=SecretStr(""), description="Signing secret. Required in HTTP mode.")
    http_port: int = Field(default=0, ge=0, le=65535, description="Port for HTTP mode. 0: use Socket Mode.")
    health_port: int = Field(
        default=0, ge=0, le=65535, description="Port for `/health`, `/ready` and `/metrics`. 0: off."
    )
    health_host: str = Field(
        default="127.0.0.1",
        description="Address of that port. On another one than the loopback, anyone who reaches it can read them.",
    )
    tools_port: int = Field(
        default=0, ge=0, le=65535, description="Port for MCP and the HTTP API, which other tools call. 0: off."
    )
    tools_host: str = Field(default="127.0.0.1", description="Address of that port.")
    tools_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Host names that its requests may be for beside this machine's, comma-separated: the name of a "
        "reverse proxy.",
    )
    tools_calls: int = Field(default=120, ge=1, le=100_000, description="Requests that one token may make in a minute.")
    api_url: str = Field(default="https://slack.com/api/", description="URL of Slack's Web API.")
    file_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("files.slack.com",), description="Hosts that files may be downloaded from, comma-separated."
    )
    links: bool = Field(
        default=False, description="Index web pages that people link to. Magpie then sends requests to the internet."
    )
    answer_apps: bool = Field(
        default=False,
        description="Answer other apps and workflows that mention Magpie. Otherwise each is refused once per channel.",
    )
    stream: bool = Field(
        default=True,
        description="Stream answers in direct messages. Otherwise they are updated, as in channels.",
    )
    carousel: bool = Field(
        default=False,
        description="Show the pictures of an answer side by side in the answer as well as in its thread, in one of "
        "Slack's newer blocks.",
    )
    follow_ups: bool = Field(
        default=True,
        description="Offer what can be asked next as buttons under an answer: headings after the cited place.",
    )
    ping_seconds: float = Field(
        default=5,
        ge=0.2,
        le=60,
        description="Seconds between pings of the socket. It is reopened after five pings without a reply.",
    )
    workers: int = Field(default=4, ge=1, le=64, description="Questions answered at the same time.")
    person_workers: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Questions of one person answered at the same time. One worker is always left for others.",
    )
    person_waiting: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="Questions and commands that one person may have queued. Further ones are refused.",
    )
    person_files: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Files that one person may have queued for indexing. Further ones are indexed later.",
    )
    index_channels: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Channels whose files are indexed, comma-separated ids or names. Empty: all of them."
    )
    skip_channels: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Channels whose files are not indexed, comma-separated ids or names."
    )
    index_since: str = Field(
        default="",
        description="Files shared before this date (2026-05-03), or more than this many days ago, are not indexed. "
        "Empty: no limit.",
    )
    channel_files: int = Field(
        default=0, ge=0, description="Files of one channel that are indexed. Further ones wait for space. 0: no limit."
    )
    sweep_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="Shortest time between two sweeps of a conversation for what was missed, in minutes.",
    )
    index_external: bool = Field(
        default=True, description="Index files that people of other organizations share in Slack Connect channels."
    )
    external_days: int = Field(
        default=0,
        ge=0,
        le=36500,
        description="Days after which files that people of other organizations shared are deleted. 0: like all files.",
    )
    purge_days: int = Field(
        default=7,
        ge=0,
        le=365,
        description="Days after the app was uninstalled from Slack until everything that it stored is deleted, unless "
        "a token works before.",
    )
    source_url: str = Field(
        default="",
        description="Address of the source code of this Magpie, with your changes. `/magpie help` and Home show it, "
        "as the AGPL requires if you changed it. Empty: they tell people to ask you.",
    )
    folder_minutes: int = Field(
        default=15, ge=1, le=1440, description="Time between two walks of the folders of [[sources]], in minutes."
    )
    keep_days: int = Field(default=90, ge=3, le=36500, description="Days to keep questions and the access log.")
    withdraw: bool = Field(
        default=True, description="Delete Magpie's own images from Slack when the file they show is deleted."
    )
    document_seconds: float = Field(
        default=300, ge=1, le=3600, description="Longest time a question waits for files sent with it, in seconds."
    )

    @property
    def max_workers_per_person(self) -> int:
        """The number of one person's questions answered at the same time. One worker is left for others."""
        return min(self.person_workers, max(1, self.workers - 1))

    @property
    def external_limit(self) -> int | None:
        """Days for which files of other organizations stay; None: as long as all files."""
        return 0 if not self.index_external else self.external_days or None

    def oldest(self) -> tuple[float, int]:
        """Return (time from which files are indexed, in seconds since 1970; their age in days). 0: no limit."""
        if "-" in self.index_since:
            return datetime.fromisoformat(self.index_since).replace(tzinfo=UTC).timestamp(), 0
        return 0.0, int(self.index_since or 0)

    @field_validator("source_url")
    @classmethod
    def _check_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s<>|]+", value):
            raise ValueError("write an address that begins with https:// or http://")
        return value

    @field_validator("index_since")
    @classmethod
    def _check_since(cls, value: str) -> str:
        if value and not (re.fullmatch(r"[0-9]{1,5}", value) or re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
            raise ValueError("write a date such as 2026-05-03, or a number of days")
        if "-" in value:
            date.fromisoformat(value)
        return value

    @field_validator("file_hosts", "tools_hosts", "index_channels", "skip_channels", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_slack_settings(data: Path) -> SlackSettings:
    """Return the settings, with or without tokens: from the environment, or else from magpie.toml in the data folder.

    Raise BadSetting for an invalid value.
    """
    in_file = _file_values(data)
    given: dict[str, Any] = {name: value for name, value in in_file.items() if not os.environ.get(variable(name))}
    try:
        return SlackSettings(**given)
    except ValidationError as error:
        raise invalid_setting(
            error, lambda name: f"slack.{name} in magpie.toml" if name in given else variable(name)
        ) from error


def effective_slack_settings(data: Path) -> list[SettingValue]:
    """Return every setting, and where its value comes from. Secrets are masked."""
    settings, in_file = read_slack_settings(data), _file_values(data)
    sources = {
        name: "environment" if variable(name) in os.environ else "default" for name in SlackSettings.model_fields
    }
    sources |= {name: "magpie.toml" for name in in_file if not os.environ.get(variable(name))}
    return [
        SettingValue(f"slack.{name}", variable(name), shown_value(getattr(settings, name)), source)
        for name, source in sources.items()
    ]


def _file_values(data: Path) -> dict[str, Any]:
    values = read_settings_file(data).get("slack", {})
    if not isinstance(values, dict):
        raise BadSetting("slack in magpie.toml is not a table.", "Write [slack] on a line of its own.")
    check_names([f"slack.{name}" for name in values], [f"slack.{name}" for name in SlackSettings.model_fields])
    return values


def load_slack_settings(data: Path) -> SlackSettings:
    """Return the settings to connect with. Raise BadSetting for an invalid value, or a missing or wrong token."""
    settings = read_slack_settings(data)
    required = [("bot_token", "xoxb-")]
    required.append(("signing_secret", "") if settings.http_port else ("app_token", "xapp-"))
    for field, prefix in required:
        value = getattr(settings, field).get_secret_value()
        if not value:
            raise BadSetting(
                f"{variable(field)} is not set.",
                "Run magpie setup, or set it; docs/connect-slack.md shows where to find it in Slack.",
            )
        if not value.startswith(prefix):
            raise BadSetting(
                f"{variable(field)} does not start with {prefix}.",
                "This is another kind of Slack token. docs/connect-slack.md shows where to find the right one.",
            )
    return settings
