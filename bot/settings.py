"""What connects the bot to Slack. Read from the environment: `bot_token` is SLACK_BOT_TOKEN, as Slack's own tools say.

The README's table is tested against this class.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rag import BadSetting

PREFIX = "SLACK_"
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


class SlackSettings(BaseSettings):
    """Tokens are never printed. Every outside address can be set, so that a stand-in can take Slack's place."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = Field(default=SecretStr(""), description="the bot's token, xoxb-…")
    app_token: SecretStr = Field(default=SecretStr(""), description="the app-level token for Socket Mode, xapp-…")
    signing_secret: SecretStr = Field(default=SecretStr(""), description="signs Slack's requests; HTTP mode alone")
    http_port: int = Field(default=0, ge=0, le=65535, description="port of HTTP mode; 0: Socket Mode")
    health_port: int = Field(default=0, ge=0, le=65535, description="port of /health in Socket Mode; 0: none")
    api_url: str = Field(default="https://slack.com/api/", description="where Slack's Web API is")
    file_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("files.slack.com",), description="hosts that files may come from, comma-separated"
    )
    links: bool = Field(
        default=False, description="read the web pages people link to: Magpie then asks the internet for them"
    )
    ping_seconds: float = Field(
        default=5,
        ge=0.2,
        le=60,
        description="between two pings of the socket; after five without answer it is reopened",
    )
    workers: int = Field(default=4, ge=1, le=64, description="questions answered at the same time")
    person_workers: int = Field(
        default=2, ge=1, le=64, description="of these, for questions of one person; one is always left to others"
    )
    person_waiting: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="questions, and commands, of one person that may wait; more are refused",
    )
    person_files: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="files of one person that may wait to be read; more are read later",
    )
    sweep_minutes: int = Field(default=15, ge=1, le=1440, description="minutes between two looks for missed files")
    keep_days: int = Field(default=90, ge=3, le=36500, description="days that questions and the log of access are kept")
    withdraw: bool = Field(
        default=True, description="delete Magpie's own pictures from Slack when the file they show is gone"
    )
    document_seconds: float = Field(
        default=300, ge=1, le=3600, description="longest wait of a question for documents sent with it"
    )

    @property
    def workers_of_one(self) -> int:
        """Questions of one person answered at the same time."""
        return min(self.person_workers, max(1, self.workers - 1))

    @field_validator("file_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_slack_settings() -> SlackSettings:
    """Settings from the environment, with tokens or without. Raise BadSetting for a value out of bounds."""
    try:
        return SlackSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = variable(str(first["loc"][0]))
        raise BadSetting(f"The setting {name} is wrong: {first['msg']}.", f"Set {name} within its bounds.") from error


def load_slack_settings() -> SlackSettings:
    """Settings to connect with. Raise BadSetting for a value out of bounds, or for tokens that are not there."""
    settings = read_slack_settings()
    wanted = [("bot_token", "xoxb-")]
    wanted.append(("signing_secret", "") if settings.http_port else ("app_token", "xapp-"))
    for field, start in wanted:
        value = getattr(settings, field).get_secret_value()
        if not value:
            raise BadSetting(
                f"{variable(field)} is not set.", "README, “Connecting a workspace”, says where Slack shows it."
            )
        if not value.startswith(start):
            raise BadSetting(
                f"{variable(field)} does not begin with {start}.", "It is another of Slack's tokens: see README."
            )
    return settings


def variable(name: str) -> str:
    """The environment variable of a setting: `bot_token` -> SLACK_BOT_TOKEN."""
    return PREFIX + name.upper()
