"""The app's configuration: scopes, event subscriptions and surfaces, read from a manifest.yml."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SCOPES = frozenset(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands files:read files:write "
    "groups:history groups:read im:history im:read im:write mpim:history mpim:read reactions:read reactions:write "
    "users:read".split()
)
EVENTS = frozenset(
    "agent_session_stopped agent_session_title_changed app_context_changed app_home_opened app_mention app_uninstalled "
    "channel_archive channel_deleted channel_id_changed channel_left channel_shared channel_unarchive "
    "channel_unshared file_change file_deleted file_shared file_unshared group_archive group_deleted group_left "
    "group_unarchive member_joined_channel member_left_channel message.channels message.groups message.im "
    "message.mpim team_join tokens_revoked user_change".split()
)
"""All scopes and events this server knows: for its own tests, and when there is no manifest.yml."""

DEFAULT_MANIFEST = Path(__file__).parents[2] / "manifest.yml"

EVENT_SCOPES = {
    "app_mention": ("app_mentions:read",),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "file_shared": ("files:read",),
    "file_unshared": ("files:read",),
    "file_change": ("files:read",),
    "file_deleted": ("files:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "channel_left": ("channels:read",),
    "group_left": ("groups:read",),
    "channel_archive": ("channels:read",),
    "channel_unarchive": ("channels:read",),
    "channel_deleted": ("channels:read",),
    "group_archive": ("groups:read",),
    "group_unarchive": ("groups:read",),
    "group_deleted": ("groups:read",),
    "channel_shared": ("channels:read", "groups:read"),
    "channel_unshared": ("channels:read", "groups:read"),
    "team_join": ("users:read",),
    "user_change": ("users:read",),
    "agent_session_stopped": ("assistant:write",),
    "agent_session_title_changed": ("assistant:write",),
    "app_context_changed": ("assistant:write",),
}
"""Subscription -> scopes, one of which the app needs to receive the event."""


@dataclass(frozen=True)
class AppConfig:
    """What Slack knows about the app. `commands` and `shortcuts` are the declared ones; None allows any."""

    scopes: frozenset[str]
    subscribed: frozenset[str]
    home: bool = True
    interactive: bool = True
    commands: frozenset[str] | None = None
    shortcuts: frozenset[str] | None = None
    is_agent: bool = False
    """The manifest declares `agent_view`. Slack then adds the scope assistant:write."""


def load_app_config(scopes: Iterable[str] | None, events: Iterable[str] | None, manifest: Path | None) -> AppConfig:
    """Read the manifest (default: the repository's). Given scopes and events replace its own.

    With both given and no manifest, every surface is allowed.
    """
    path = manifest or (DEFAULT_MANIFEST if DEFAULT_MANIFEST.exists() else None)
    if path is None or (manifest is None and scopes is not None and events is not None):
        return AppConfig(
            frozenset(SCOPES if scopes is None else scopes),
            frozenset(EVENTS if events is None else events),
            is_agent=True,
        )
    declared = _read(path)
    return replace(
        declared,
        scopes=declared.scopes if scopes is None else frozenset(scopes),
        subscribed=declared.subscribed if events is None else frozenset(events),
    )


def _read(path: Path) -> AppConfig:
    import yaml

    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    features, settings = document.get("features", {}), document["settings"]
    added = {"assistant:write"} if "agent_view" in features else set()
    return AppConfig(
        frozenset(document["oauth_config"]["scopes"]["bot"]) | added,
        frozenset(settings.get("event_subscriptions", {}).get("bot_events", [])),
        home=bool(features.get("app_home", {}).get("home_tab_enabled")),
        interactive=bool(settings.get("interactivity", {}).get("is_enabled")),
        commands=frozenset(each["command"] for each in features.get("slash_commands", [])),
        shortcuts=frozenset(each["callback_id"] for each in features.get("shortcuts", [])),
        is_agent="agent_view" in features,
    )
