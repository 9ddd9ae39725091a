"""The generated parts of docs/ are what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.environment import variable as slack_variable
from bot.settings import SlackSettings
from rag import Settings
from rag.setting_names import variable
from rag.settings import setting_descriptions
from tests.docs.generate import DOCS, GROUPS, PARTS, commands, pages, rendered, settings, walk


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_page_is_up_to_date(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert rendered(page) == page, f"docs/{path.name} is out of date: run `make docs`"


def test_pages_hold_every_generated_part() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert [name for name in PARTS if f"<!-- generated: {name} -->" not in text] == []


def test_every_setting_is_in_the_reference() -> None:
    reference = settings()
    assert set(GROUPS) == set(Settings.model_fields) - {"data"}, "give each group of settings a heading"
    missing = [name for name in map(variable, setting_descriptions()) if f"| `{name}` |" not in reference]
    missing += [name for name in map(slack_variable, SlackSettings.model_fields) if f"| `{name}` |" not in reference]
    assert missing == []


def test_every_command_and_option_is_in_the_reference() -> None:
    reference = commands()
    for name, command in walk():
        assert f"# {name}\n" in reference
        section = reference.partition(f"# {name}\n")[2].partition("\n#")[0]
        for each in command.params:
            if each.opts[0].startswith("-"):
                assert each.opts[0] in section, f"{name} {each.opts[0]}"


def test_stale_part_is_noticed_and_rewritten() -> None:
    stale = "# A\n\n<!-- generated: commands -->\nold\n<!-- end of generated: commands -->\n\nRest\n"
    fresh = rendered(stale)
    assert fresh != stale
    assert rendered(fresh) == fresh
    assert fresh.startswith("# A\n")
    assert fresh.endswith("\nRest\n")
