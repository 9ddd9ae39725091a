"""Run the cases without the guards: they prove something only if the orders then have an effect.

The product is not involved: the table below changes a copy of the source tree, and the cases run in the copy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, slots=True)
class Change:
    """A text that occurs once in a file, and its replacement."""

    file: str
    old: str
    new: str


GUARDS = (
    Change(
        "bot/slack/blocks.py",
        "    text = without_invisible(text)\n"
        "    for sign, entity in _ENTITIES:\n"
        "        text = text.replace(sign, entity)\n"
        "    return text\n\n\ndef unescape",
        "    return text\n\n\ndef unescape",
    ),
    Change(
        "bot/slack/blocks.py",
        '    return _LINKED_BY_SLACK.sub(lambda match: f"{match.group()}{_BREAK}", text)\n',
        "    return text\n",
    ),
    Change("bot/slack/blocks.py", '"text": text, "verbatim": True}', '"text": text}'),
    Change("bot/slack/blocks.py", '"text": cut(text, SECTION), "verbatim": True}', '"text": cut(text, SECTION)}'),
    Change(
        "rag/model.py",
        'do not look like a citation."""\n        return self.name.translate(ROUND)\n',
        'do not look like a citation."""\n        return self.name\n',
    ),
    Change(
        "rag/answer/citations.py",
        "        checked = _normalize(_unmask(text), by_number.keys())\n",
        "        checked = text\n",
    ),
    Change(
        "rag/answer/citations.py",
        "tuple(by_number[number] for number in cited)",
        "tuple(by_number[number] for number in cited if number in by_number)",
    ),
    Change(
        "rag/answer/citations.py",
        "match[0].translate(ROUND) if _as_citation(match) else match[0], text)\n"
        "    return _CITATION_PATTERN.sub(lambda match: f\"({match[0].strip('[]【】［］ ')})\", text)\n",
        "match[0], text)\n    return text\n",
    ),
    Change("rag/text.py", '    return _INVISIBLE.sub("", text)\n', "    return text\n"),
    Change(
        "rag/answer/control_tokens.py",
        '    return _CONTROL.sub(lambda match: f" {match[0]}" if match["closing"] else f"{match[0]} ", text)\n',
        "    return text\n",
    ),
)

SCOPE = Change(
    "rag/engine.py",
    "if picture is None:\n            found = self.find(question, scope)\n",
    'if picture is None:\n            found = self.find(question, Scope.of("vault", *(scope.spaces or ())))\n',
)
"""Separate from the others, because with it every case sees the vault, whatever its order is."""


def changed_copy(into: Path, changes: Iterable[Change]) -> None:
    """Copy the tree and make the changes. Raise ValueError for one whose text does not occur exactly once."""
    for package in ("bot", "rag", "tests"):
        shutil.copytree(ROOT / package, into / package, ignore=shutil.ignore_patterns("__pycache__"))
    for change in changes:
        path = into / change.file
        source = path.read_text(encoding="utf-8")
        if (count := source.count(change.old)) != 1:
            raise ValueError(f"{change.file} has this text {count} times, not once; correct the table:\n{change.old}")
        path.write_text(source.replace(change.old, change.new), encoding="utf-8")


def run_unguarded(arguments: Sequence[str], changes: Iterable[Change] = GUARDS) -> int:
    """Run the command in a changed copy, in its own process, and return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        changed_copy(copy, changes)
        command = [sys.executable, "-m", "tests.injections", *arguments]
        return subprocess.run(command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, check=False).returncode
