"""What the app brings along, as its manifest says: shortcuts, commands, Home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.demo.slack_server.manifest import BESIDE
from bot.demo.slack_server.state import Json


def features(manifest: Path | None) -> Json:
    """`{"name", "description", "home": bool, "shortcuts": [...], "commands": [...]}`; without a manifest: all empty."""
    import yaml

    path = manifest or (BESIDE if BESIDE.exists() else None)
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) if path else {}
    shown, brought = document.get("display_information", {}), document.get("features", {})
    shortcuts = [each for each in brought.get("shortcuts", []) if each.get("type") == "message"]
    return {
        "name": shown.get("name", "Magpie"),
        "description": shown.get("description", ""),
        "home": bool(brought.get("app_home", {}).get("home_tab_enabled")),
        "shortcuts": [{key: each.get(key, "") for key in ("name", "callback_id", "description")} for each in shortcuts],
        "commands": [
            {key: each.get(key, "") for key in ("command", "description", "usage_hint")}
            for each in brought.get("slash_commands", [])
        ],
    }
