"""The manifest has exactly the events and scopes that the bot uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bot.listeners import interactions
from bot.slack.payloads import SUBSCRIBED, SUBSCRIBED_BY_AGENTS

ROOT = Path(__file__).resolve().parents[3]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())
AGENT: dict[str, Any] = yaml.safe_load((ROOT / "bot" / "manifest.agent.yml").read_text())

SCOPES = {
    "app_home_opened": set[str](),
    "app_uninstalled": set(),
    "tokens_revoked": set(),
    "app_mention": {"app_mentions:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
    "file_shared": {"files:read"},
    "file_unshared": {"files:read"},
    "file_change": {"files:read"},
    "file_deleted": {"files:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "member_left_channel": {"channels:read", "groups:read"},
    "channel_left": {"channels:read"},
    "group_left": {"groups:read"},
    "channel_archive": {"channels:read"},
    "channel_unarchive": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "group_archive": {"groups:read"},
    "group_unarchive": {"groups:read"},
    "group_deleted": {"groups:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "team_join": {"users:read"},
    "user_change": {"users:read"},
    "channel_id_changed": {"channels:read", "groups:read"},
    "chat_postMessage": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_update": {"chat:write"},
    "reactions_add": {"reactions:write"},
    "reactions_remove": {"reactions:write"},
    "files_info": {"files:read"},
    "files_list": {"files:read"},
    "files_getUploadURLExternal": {"files:write"},
    "files_completeUploadExternal": {"files:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations_replies": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations_members": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "users_info": {"users:read"},
    "users_list": {"users:read"},
    "files_delete": {"files:write"},
    "users_conversations": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations_info": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations_open": {"im:write"},
    "chat_getPermalink": set[str](),
    "views_publish": set[str](),
    "auth_test": set[str](),
    "agents_sessions_setStatus": {"chat:write"},
}
"""Scopes that Slack requires for each event and method that Magpie uses (docs.slack.dev, November 2026)."""


def events() -> list[str]:
    subscribed: list[str] = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    return subscribed


def methods() -> set[str]:
    source = (ROOT / "bot" / "slack" / "client.py").read_text()
    return {name for name in SCOPES if f'"{name}"' in source or f".{name}" in source} - set(events())


def test_manifest_subscribes_to_the_events_that_have_a_listener() -> None:
    assert {name.split(".")[0] for name in events()} == set(SUBSCRIBED)
    assert len(events()) == len(set(events()))


def test_manifest_has_the_scopes_that_are_used() -> None:
    asked = set(MANIFEST["oauth_config"]["scopes"]["bot"])
    assert asked == {"commands"}.union(*(SCOPES[name] for name in (*events(), *methods())))


def test_manifest_has_the_shortcuts_and_the_command_with_a_listener() -> None:
    features = MANIFEST["features"]
    assert {one["callback_id"] for one in features["shortcuts"]} == {
        interactions.FIND_SIMILAR,
        interactions.INDEX_FILES,
    }
    assert all(one["type"] == "message" for one in features["shortcuts"])
    assert [one["command"] for one in features["slash_commands"]] == [interactions.COMMAND]
    assert features["app_home"]["home_tab_enabled"]
    assert MANIFEST["settings"]["interactivity"]["is_enabled"]


def test_manifest_is_within_slacks_limits() -> None:
    shown = MANIFEST["display_information"]
    assert MANIFEST["_metadata"]["major_version"] == 2
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert MANIFEST["settings"]["socket_mode_enabled"]
    assert MANIFEST["features"]["app_home"]["messages_tab_enabled"]
    for one in MANIFEST["features"]["shortcuts"]:
        assert len(one["name"]) <= 24
        assert len(one["description"]) <= 150


def test_manifest_of_an_agent_is_the_other_one_with_what_agents_need() -> None:
    view = AGENT["features"].pop("agent_view")
    AGENT["oauth_config"]["scopes"]["bot"].remove("assistant:write")
    for event in SUBSCRIBED_BY_AGENTS:
        AGENT["settings"]["event_subscriptions"]["bot_events"].remove(event)
    assert AGENT == MANIFEST
    assert len(view["agent_description"]) <= 300
    assert 1 <= len(view["suggested_prompts"]) <= 4
    assert all(prompt.keys() == {"title", "message"} for prompt in view["suggested_prompts"])


def test_no_method_is_called_that_slack_ends() -> None:
    """Slack ends assistant.threads.setStatus in February 2027."""
    sources = [path.read_text() for path in (ROOT / "bot").rglob("*.py") if "demo" not in path.parts]
    assert not [source for source in sources if "assistant_threads_set" in source or "assistant.threads" in source]
