"""Compare the local Slack server with a test workspace: `TRY_SLACK_TOKEN=xoxb-… TRY_SLACK_USER=U… make try-slack`.

It posts in the direct message with that person, and deletes what it posted. Exit code 1 if anything differs, 2 without
a token. RECORD=DIR keeps Slack's responses without texts, numbers and ids. With TRY_SLACK_APP_TOKEN=xapp-…, it asks
that person to type a command, which modals need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.demo.slack_server import open_workspace
from bot.slack.agent_sessions import AGENT_SCOPE
from tests.support.slack_workspace import AGENT_MANIFEST, MANIFEST
from tests.try_slack.comparison import Outcomes, as_table, differences, record
from tests.try_slack.contract import run_steps
from tests.try_slack.typed_commands import commands_in, typed_commands


def main(environment: Mapping[str, str]) -> int:
    token, user = environment.get("TRY_SLACK_TOKEN", ""), environment.get("TRY_SLACK_USER", "")
    if not token.startswith("xoxb-") or not user:
        print(  # noqa: T201
            "Set TRY_SLACK_TOKEN to the bot token (xoxb-…) of a test workspace, and TRY_SLACK_USER to your user id "
            "there (U…; in Slack: your profile, three dots, Copy member ID). Use no workspace that others work in.",
            file=sys.stderr,
        )
        return 2
    client = WebClient(token=token, base_url=environment.get("TRY_SLACK_API_URL", WebClient.BASE_URL))
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=3))
    app_token = environment.get("TRY_SLACK_APP_TOKEN", "")
    with typed_commands(client, app_token) if app_token else nullcontext() as get_trigger:
        slack = list(run_steps(client, user, get_trigger))
    local = _run_locally(is_agent=_is_agent(client), has_modals=bool(app_token))
    if environment.get("RECORD"):
        record(slack, Path(environment["RECORD"]))
    found = differences(local, slack)
    if found:
        print(as_table(found))  # noqa: T201
    print(f"{len(slack)} calls, {len(found)} with another outcome than in the local server.")  # noqa: T201
    return 1 if found else 0


def _run_locally(*, is_agent: bool, has_modals: bool) -> Outcomes:
    with open_workspace(manifest=AGENT_MANIFEST if is_agent else MANIFEST) as ws:
        user = ws.person("ada")
        client = WebClient(token=ws.bot_token, base_url=ws.api_url)
        return list(run_steps(client, user, commands_in(ws, user) if has_modals else None))


def _is_agent(client: WebClient) -> bool:
    return AGENT_SCOPE in str(client.auth_test().headers.get("x-oauth-scopes", ""))


if __name__ == "__main__":
    sys.exit(main(os.environ))
