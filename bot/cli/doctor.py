"""`magpie doctor`"""

from __future__ import annotations

from itertools import chain

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import doctor_json
from bot.cli.manifest import manifest_scopes
from bot.cli.sources import folder_checks
from bot.cli.terminal import Screen, count
from rag import Check

_STYLES = {"ok": "green", "off": "dim", "warn": "yellow", "fail": "bold red"}
_MARKS = {"ok": "✓", "off": "–", "warn": "!", "fail": "✗"}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Test every part of Magpie by using it, and print a fix for each problem."""
    from bot.db.workspaces import find_owner
    from bot.settings import load_slack_settings
    from bot.slack.doctor import slack_checks

    with invocation(context).open(data, json) as (rag, screen):
        screen.note("Testing every part. This takes a few seconds …")
        checks = []
        settings = invocation(context).settings(data)
        with rag.read_transaction() as connection:
            owner = find_owner(connection)
        slack = slack_checks(lambda: load_slack_settings(settings.data), settings.read.max_mb, owner, manifest_scopes())
        for check in chain(rag.doctor(), folder_checks(settings.data), slack):
            checks.append(check)
            _show(screen, check)
        result = doctor_json(checks)
        screen.write_json(result)
        if not result["ok"]:
            raise typer.Exit(1)
        warnings = sum(check.status == "warn" for check in checks)
        screen.say(f"Working, with {count(warnings, 'warning')}." if warnings else "All checks passed.", style="bold")


def _show(screen: Screen, check: Check) -> None:
    off = "off: " if check.status == "off" else ""
    screen.say(
        f"{_MARKS.get(check.status, '?')} {check.name}: {off}{check.detail}", style=_STYLES.get(check.status, "")
    )
    if check.fix:
        screen.say(check.fix, indent=2)
