"""The app's shortcuts, commands and Home, as declared in its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.demo.slack_server.manifest import DEFAULT_MANIFEST
from bot.demo.slack_server.state import Json


def load_features(manifest: Path | None) -> Json:
    """Return `{"name", "description", "home": bool, "agent": bool, "prompts": [...], "shortcuts": [...], "commands":
    [...]}`."""
    import yaml

    path = manifest or (DEFAULT_MANIFEST if DEFAULT_MANIFEST.exists() else None)
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}
    display, declared = document.get("display_information", {}), document.get("features", {})
    shortcuts = [each for each in declared.get("shortcuts", []) if each.get("type") == "message"]
    return {
        "name": display.get("name", "Magpie"),
        "description": display.get("description", ""),
        "home": bool(declared.get("app_home", {}).get("home_tab_enabled")),
        "agent": "agent_view" in declared,
        "prompts": declared.get("agent_view", {}).get("suggested_prompts", []),
        "shortcuts": [{key: each.get(key, "") for key in ("name", "callback_id", "description")} for each in shortcuts],
        "commands": [
            {key: each.get(key, "") for key in ("command", "description", "usage_hint")}
            for each in declared.get("slash_commands", [])
        ],
    }
