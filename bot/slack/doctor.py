"""`magpie doctor` for Slack: check tokens, scopes, the socket and a real file by using each."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from bot.settings import SlackSettings
from bot.slack.client import Json, SlackClient
from bot.slack.errors import Refused
from bot.slack.file_objects import slack_file
from bot.slack.files import SlackFiles
from bot.slack.owner import REMEDY, Owner, find_owner_of_token
from rag import BadSetting, Check, MagpieError, OperatorMustAct

_UNKNOWN_CHANNEL = "C00000000"
"""A channel that does not exist. Slack checks scopes first: if the call fails for the channel, the scope is there."""

_UNKNOWN_USER = "U00000000"

_SECONDS = 10
_REINSTALL = "Compare the app's scopes with magpie manifest, then install it again (OAuth & Permissions)."

PROBES: Mapping[str, tuple[str, Json]] = {
    "channels:read": ("users.conversations", {"types": "public_channel", "limit": 1}),
    "groups:read": ("users.conversations", {"types": "private_channel", "limit": 1}),
    "im:read": ("users.conversations", {"types": "im", "limit": 1}),
    "mpim:read": ("users.conversations", {"types": "mpim", "limit": 1}),
    "users:read": ("users.list", {"limit": 1}),
    "files:read": ("files.list", {"count": 1}),
    "files:write": ("files.getUploadURLExternal", {"filename": "magpie-doctor.txt", "length": 1}),
    "chat:write": ("chat.postMessage", {"channel": _UNKNOWN_CHANNEL, "text": "magpie doctor"}),
    "reactions:write": ("reactions.add", {"channel": _UNKNOWN_CHANNEL, "timestamp": "1.000001", "name": "eyes"}),
    "im:write": ("conversations.open", {"users": _UNKNOWN_USER}),
    "channels:history": ("conversations.history", {"channel": _UNKNOWN_CHANNEL, "limit": 1}),
}
"""Scope -> (method, arguments) of a call that proves it. The calls change nothing in Slack."""

GRANTED = tuple(
    "app_mentions:read channels:history channels:read chat:write commands files:read files:write groups:history "
    "groups:read im:history im:read im:write mpim:history mpim:read reactions:write users:read".split()
)
"""The scopes that Magpie cannot work without. Those without a call in PROBES are compared with the list that Slack
returns."""


def slack_checks(
    load: Callable[[], SlackSettings], max_mb: int, owner: Owner | None = None, manifest: Collection[str] = GRANTED
) -> Iterator[Check]:
    """Yield the results of all checks. `load` loads the settings; if that fails, there is only one warning. `owner`:
    that of the data folder; None: it is new. `manifest`: the scopes of this version's manifest."""
    try:
        settings = load()
    except BadSetting as error:
        yield Check("slack", "warn", str(error), error.hint)
        return
    client = SlackClient(settings)
    try:
        me = client.identify()
    except MagpieError as error:
        fix = error.hint or "Check the network, and SLACK_API_URL."
        if isinstance(error, OperatorMustAct | Refused):
            fix = "Copy the Bot User OAuth Token again (OAuth & Permissions)."
        yield Check("slack token", "fail", str(error), fix)
        return
    yield Check("slack token", "ok", f"{me.user} in {me.team}")
    if owner is not None:
        yield _workspace(owner, find_owner_of_token(client, me))
    yield _scopes(client, me.scopes, manifest)
    if not settings.http_port:
        yield _socket(client, settings.app_token.get_secret_value())
    yield _file(client, settings, me.user_id, max_mb)


def _workspace(folder: Owner, token: Owner) -> Check:
    if folder.is_same(token):
        return Check("slack workspace", "ok", "the data folder belongs to this workspace and app")
    return Check("slack workspace", "fail", folder.mismatch(token), REMEDY)


def _scopes(client: SlackClient, granted: frozenset[str], manifest: Collection[str]) -> Check:
    missing = set()
    for scope, (method, arguments) in PROBES.items():
        try:
            client.call(method, arguments)
        except Refused:
            continue  # Slack checked the scope and refused the channel
        except OperatorMustAct:
            missing.add(scope)
        except MagpieError as error:
            return Check("slack scopes", "fail", f"{scope} could not be checked: {error}", "Try again in a minute.")
    if granted:
        missing |= set(GRANTED) - granted
    if missing:
        return Check("slack scopes", "fail", f"missing: {', '.join(sorted(missing))}", _REINSTALL)
    newer = sorted(set(manifest) - granted) if granted else []
    if newer:
        detail = f"the app was installed with an older manifest, without {', '.join(newer)}; what needs them stays off"
        return Check("slack scopes", "warn", detail, _REINSTALL)
    proved = f"{len(PROBES)} proved by a call"
    return Check("slack scopes", "ok", proved if not granted else f"{proved}, all {len(manifest)} granted")


def _socket(client: SlackClient, token: str) -> Check:
    """Open another connection for a moment. Slack's first message contains the number of connections."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        url = client.open_socket(token)
    except MagpieError as error:
        fix = "Create an app-level token with connections:write (Basic Information), and turn on Socket Mode."
        return Check("slack socket", "fail", str(error), fix)
    try:
        with connect(url, open_timeout=_SECONDS, proxy=None) as socket:
            hello = json.loads(socket.recv(_SECONDS))
    except (OSError, WebSocketException, ValueError) as error:
        return Check("slack socket", "fail", f"Slack did not respond ({type(error).__name__}).", "Check the network.")
    others = int(hello.get("num_connections", 1)) - 1
    if others > 1:
        return Check(
            "slack socket",
            "warn",
            f"{others} other connections of this app: Slack splits the events among them",
            "Stop the other Magpies of this workspace; only one bot should run.",
        )
    return Check("slack socket", "ok", "Socket Mode answers" + (", and one bot is connected" if others else ""))


def _file(client: SlackClient, settings: SlackSettings, me: str, max_mb: int) -> Check:
    try:
        listed = next(client.list_files(count=50))
        raw = next((file for file in listed if slack_file(file).readable and file.get("user") != me), None)
        if raw is None:
            return Check("slack file", "ok", "no shared file to test a download with yet")
        files = SlackFiles(client, settings, me, max_mb)
        with TemporaryDirectory(prefix="magpie-doctor-") as name:
            into = Path(name) / uuid4().hex
            files.download(files.ready(str(raw["id"])), into)
            size = into.stat().st_size
    except MagpieError as error:
        return Check("slack file", "fail", str(error), error.hint or "Try again in a minute.")
    return Check("slack file", "ok", f"downloaded all {size:,} bytes of {slack_file(raw).name}")
