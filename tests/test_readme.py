"""The README cannot lie about settings, commands and the two lines a newcomer types."""

from __future__ import annotations

import re
from pathlib import Path

import typer
from pydantic import SecretStr

from bot.cli.main import build_app
from bot.settings import SlackSettings
from bot.settings import variable as slack_variable
from rag import Settings
from rag.settings import names, variable

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def default(name: str) -> str:
    """As a person would set it in the environment."""
    group, _, key = name.partition(".")
    field = Settings.model_fields[group]
    if key:
        field = getattr(field.annotation, "model_fields")[key]  # noqa: B009
    elif field.default_factory is not None:
        return ""
    value = field.get_default()
    if value in (None, "", ()):
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def table() -> str:
    rows = ["| Variable | Default | What it sets |", "|---|---|---|"]
    for name, description in names().items():
        shown = f"`{default(name)}`" if default(name) else "by system"
        rows.append(f"| `{variable(name)}` | {shown} | {description} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_settings_is_the_settings() -> None:
    found = re.search(r"^\| Variable \|.*?\n(?=\n)", README, re.MULTILINE | re.DOTALL)
    assert found, "README has no table of settings"
    assert found[0] == table(), f"the table should read:\n{table()}"


def test_the_table_of_slack_is_its_settings() -> None:
    for name, field in SlackSettings.model_fields.items():
        value = field.get_default()
        shown = ",".join(value) if isinstance(value, tuple) else "empty" if isinstance(value, SecretStr) else value
        shown = str(shown).lower() if isinstance(shown, bool) else shown
        row = f"| `{slack_variable(name)}` | `{shown}` | {field.description} |"
        assert row in README.splitlines(), f"missing: {row}"


def test_the_first_screen_holds_exactly_the_two_commands() -> None:
    screen = "\n".join(README.splitlines()[:24])
    blocks = re.findall(r"```\w*\n(.*?)```", screen, re.DOTALL)
    assert [line.split("#")[0].strip() for block in blocks for line in block.strip().splitlines()] == [
        "make demo",
        "make test",
    ]


def test_every_command_is_described_and_none_that_is_not_there() -> None:
    commands = typer.main.get_command(build_app())
    known = set(getattr(commands, "commands"))  # noqa: B009
    named = set(re.findall(r"(?<!@)(?<!`/)magpie (?:--\w+ \S+ )?([a-z]+(?:-[a-z]+)*)", README))
    assert known <= named
    assert named <= known, f"README names commands that are not there: {sorted(named - known)}"


def test_links_to_files_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).resolve().parent.parent / target).exists(), target
