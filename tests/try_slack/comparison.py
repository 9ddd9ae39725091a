"""Compare the outcomes of two runs, and record responses without anything that tells about a workspace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.try_slack.contract import Outcome, Step

Outcomes = Sequence[tuple[Step, Outcome]]

_KEPT = frozenset("type subtype error needed warning status agent_status style align messages".split())
"""Fields whose text says nothing about a workspace. Texts of all other fields are replaced."""


@dataclass(frozen=True)
class Difference:
    """A step with different outcomes."""

    step: str
    local: str
    slack: str


def differences(local: Outcomes, slack: Outcomes) -> list[Difference]:
    """Return the steps whose status or fields differ; of a step that one run left out, that too."""
    ours, theirs = ({step.name: outcome.summary for step, outcome in run} for run in (local, slack))
    names = list(dict.fromkeys([*ours, *theirs]))
    pairs = [(name, ours.get(name, "left out"), theirs.get(name, "left out")) for name in names]
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def as_table(found: Sequence[Difference]) -> str:
    """Return differences as a table in Markdown."""
    rows = [("Step", "Local server", "Slack"), *((each.step, each.local, each.slack) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([lines[0], rule, *lines[1:]])


def record(outcomes: Outcomes, folder: Path) -> None:
    """Write each response, scrubbed, to a file named after its step."""
    folder.mkdir(parents=True, exist_ok=True)
    for step, outcome in outcomes:
        name = re.sub(r"[^a-z0-9]+", "-", step.name.lower()).strip("-")
        content = {"method": step.method, "response": scrubbed(outcome.response)}
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def scrubbed(value: Any, name: str = "") -> Any:
    """Return a response with the same fields and types, but without texts, numbers and ids of the workspace."""
    if isinstance(value, Mapping):
        return {key: scrubbed(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [scrubbed(each, name) for each in value]
    if isinstance(value, bool) or value is None or name in _KEPT:
        return value
    return 0 if isinstance(value, int | float) else "…"
