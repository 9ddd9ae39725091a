"""`magpie doctor` for Slack: tokens, scopes, the socket and a real file, each proved by using it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from slack_sdk import WebClient

from bot.settings import SlackSettings
from bot.slack.client import Refused, calling, open_client
from bot.slack.files import SlackFiles
from bot.slack.payloads import slack_file
from rag import BadSetting, Check, MagpieError, OperatorMustAct

_NOWHERE = "C00000000"
"""A channel that is not there: a call with the right scope is told so, one without is told of the scope."""

_NOBODY = "U00000000"

_SECONDS = 10
_REINSTALL = "Compare the app's scopes with manifest.yml, then install it again (OAuth & Permissions)."

Call = Callable[[WebClient], Any]

PROBES: Mapping[str, Call] = {
    "channels:read": lambda client: client.users_conversations(types="public_channel", limit=1),
    "groups:read": lambda client: client.users_conversations(types="private_channel", limit=1),
    "im:read": lambda client: client.users_conversations(types="im", limit=1),
    "mpim:read": lambda client: client.users_conversations(types="mpim", limit=1),
    "users:read": lambda client: client.users_list(limit=1),
    "files:read": lambda client: client.files_list(count=1),
    "files:write": lambda client: client.files_getUploadURLExternal(filename="magpie-doctor.txt", length=1),
    "chat:write": lambda client: client.chat_postMessage(channel=_NOWHERE, text="magpie doctor"),
    "reactions:write": lambda client: client.reactions_add(channel=_NOWHERE, timestamp="1.000001", name="eyes"),
    "im:write": lambda client: client.conversations_open(users=_NOBODY),
    "channels:history": lambda client: client.conversations_history(channel=_NOWHERE, limit=1),
}
"""Scopes that a call proves, and the call; none of them leaves anything behind."""

GRANTED = tuple(
    "app_mentions:read channels:history channels:read chat:write commands files:read files:write groups:history "
    "groups:read im:history im:read im:write mpim:history mpim:read reactions:write users:read".split()
)
"""The manifest's scopes; those that no harmless call proves are compared with what Slack says it granted."""


def slack_checks(opened: Callable[[], SlackSettings], max_mb: int) -> Iterator[Check]:
    """One Check after another. `opened` loads the settings; none set up is a warning, for Magpie works without."""
    try:
        settings = opened()
    except BadSetting as error:
        yield Check("slack", "warn", str(error), error.hint)
        return
    client = open_client(settings)
    try:
        with calling():
            me = client.auth_test()
    except MagpieError as error:
        fix = error.hint or "Check the network, and SLACK_API_URL."
        if isinstance(error, OperatorMustAct | Refused):
            fix = "Copy the Bot User OAuth Token again (OAuth & Permissions)."
        yield Check("slack token", "fail", str(error), fix)
        return
    yield Check("slack token", "ok", f"{me['user']} in {me['team']}")
    yield _scopes(client, str(me.headers.get("x-oauth-scopes", "")))
    if not settings.http_port:
        yield _socket(client, settings.app_token.get_secret_value())
    yield _file(client, settings, str(me["user_id"]), max_mb)


def _scopes(client: WebClient, granted: str) -> Check:
    missing = set()
    for scope, call in PROBES.items():
        try:
            with calling():
                call(client)
        except Refused:
            continue  # the scope let it through, the channel is not there
        except OperatorMustAct:
            missing.add(scope)
        except MagpieError as error:
            return Check("slack scopes", "fail", f"{scope} could not be tried: {error}", "Try again in a minute.")
    if granted:
        missing |= set(GRANTED) - {scope.strip() for scope in granted.split(",")}
    if missing:
        return Check("slack scopes", "fail", f"missing: {', '.join(sorted(missing))}", _REINSTALL)
    proved = f"{len(PROBES)} proved by a call"
    return Check("slack scopes", "ok", proved if not granted else f"{proved}, all {len(GRANTED)} granted")


def _socket(client: WebClient, token: str) -> Check:
    """Open a second connection for a moment; Slack says in its greeting how many there are."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        with calling():
            url = client.apps_connections_open(app_token=token)["url"]
    except MagpieError as error:
        fix = "Make an app-level token with connections:write (Basic Information), and switch Socket Mode on."
        return Check("slack socket", "fail", str(error), fix)
    try:
        with connect(url, open_timeout=_SECONDS, proxy=None) as socket:
            hello = json.loads(socket.recv(_SECONDS))
    except (OSError, WebSocketException, ValueError) as error:
        return Check("slack socket", "fail", f"No greeting came ({type(error).__name__}).", "Check the network.")
    others = int(hello.get("num_connections", 1)) - 1
    if others > 1:
        return Check(
            "slack socket",
            "warn",
            f"{others} other connections of this app: each gets a part of the events",
            "Stop the other Magpies of this workspace; one running bot is as it should be.",
        )
    return Check("slack socket", "ok", "Socket Mode answers" + (", and one bot is connected" if others else ""))


def _file(client: WebClient, settings: SlackSettings, me: str, max_mb: int) -> Check:
    try:
        with calling():
            listed = client.files_list(count=50)["files"]
        raw = next((one for one in listed if slack_file(one).readable and one.get("user") != me), None)
        if raw is None:
            return Check("slack file", "ok", "no file that Magpie reads is shared with it yet, to try a download with")
        files = SlackFiles(client, settings, me, max_mb, threading.Event())
        with TemporaryDirectory(prefix="magpie-doctor-") as name:
            into = Path(name) / uuid4().hex
            files.download(files.ready(str(raw["id"])), into)
            size = into.stat().st_size
    except MagpieError as error:
        return Check("slack file", "fail", str(error), error.hint or "Try again in a minute.")
    return Check("slack file", "ok", f"{size:,} bytes of {slack_file(raw).name} came down whole")
