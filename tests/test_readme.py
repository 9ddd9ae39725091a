"""README and docs/ are true: their commands, settings, links and paths exist."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from bot.cli.main import build_app
from bot.environment import variable as slack_variable
from bot.settings import SlackSettings
from rag.model_terms import UNKNOWN, terms_of_model
from rag.setting_names import variable
from rag.settings import setting_descriptions
from tests.docs.markdown import PAGES, README, ROOT, anchors, code, commands, links, parse, words

SCREEN = 24
"""Lines of the README that a first screen shows."""

LONGEST = 200
"""Lines of the README at most."""

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
every_linking_page = pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)


# ---------------------------------------------------------------- README


def test_first_screen_has_the_clone_command_and_two_commands() -> None:
    screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:SCREEN])
    blocks = re.findall(r"```\w*\n(.*?)```", screen, re.DOTALL)
    lines = [line for block in blocks for line in block.strip().splitlines()]
    assert [line.split("#")[0].split()[:2] for line in lines] == [["git", "clone"], ["make", "demo"], ["make", "test"]]


def test_first_paragraph_says_what_it_is() -> None:
    assert "self-hosted Slack bot" in README.read_text(encoding="utf-8").split("\n\n")[1]


def test_readme_stays_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_readme_links_to_every_page_of_docs() -> None:
    linked = {target.partition("#")[0] for target in links(README)}
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"docs/{path.name}" not in linked] == []


def test_pages_of_docs_start_with_the_task_of_their_reader() -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert path.read_text(encoding="utf-8").split("\n\n")[1].startswith("**Task: "), path.name


# ---------------------------------------------------------------- links


@every_linking_page
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    for target in links(path):
        if re.match(r"[a-z]+://", target):
            continue
        file, _, anchor = target.partition("#")
        leads_to = (path.parent / file).resolve() if file else path
        assert leads_to.exists(), f"{path.name}: {target}"
        assert leads_to.is_relative_to(ROOT), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(leads_to), f"{path.name}: {target}"


@every_page
def test_paths_of_this_repository_exist(path: Path) -> None:
    """Inline code and commands that name a path below rag/, bot/, tests/ or docs/."""
    named = {word for each in code(path) for word in words(each.text)}
    paths = {word.partition("::")[0] for word in named if re.fullmatch(r"(?:rag|bot|tests|docs)/[\w./-]*", word)}
    there = {each for each in paths if (ROOT / each).exists() or (ROOT / f"{each}.py").exists()}
    assert sorted(paths - there) == []


# ---------------------------------------------------------------- commands


@every_page
def test_magpie_commands_are_understood(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `magpie …` is parsed by the real command; inline code may leave out arguments."""
    monkeypatch.chdir(tmp_path)
    Path("shot.png").touch()
    for arguments, inline in commands(path, "magpie"):
        assert understood(arguments, inline) == "", f"{path.name}: magpie {' '.join(arguments)}"


def understood(arguments: list[str], inline: bool) -> str:
    """Return what is wrong with the arguments of `magpie`; empty if nothing is."""
    command: Any = typer.main.get_command(build_app())
    name, parent = "magpie", None
    while True:
        try:
            parent = command.make_context(name, list(arguments), parent=parent)
        except typer.Exit:  # --help
            return ""
        except typer.TyperException as error:
            missing = type(error).__name__ == "MissingParameter" or not arguments
            return "" if inline and missing else f"{type(error).__name__}: {error.format_message()}"
        rest = [*getattr(parent, "_protected_args", []), *parent.args]
        if not hasattr(command, "commands") or not rest:
            return ""
        name, arguments = rest[0], rest[1:]
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]


def test_unknown_commands_and_options_are_noticed() -> None:
    assert understood(["sing"], inline=True)
    assert understood(["find", "words", "--loud"], inline=True)
    assert understood(["index"], inline=False)
    assert understood(["models", "push"], inline=True)
    assert not understood(["index"], inline=True)
    assert not understood(["--data", "x", "models", "pull", "ViT-B-32"], inline=False)


def test_every_command_is_described() -> None:
    commands_there = set(getattr(typer.main.get_command(build_app()), "commands"))  # noqa: B009
    named = {arguments[0] for path in PAGES for arguments, _ in commands(path, "magpie") if arguments}
    assert commands_there <= named


@every_page
def test_make_targets_and_their_variables_exist(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    variables = set(re.findall(r"\$\((?:if \$\()?(\w+)\)", MAKEFILE)) | set(re.findall(r"^(\w+) \?=", MAKEFILE, re.M))
    for arguments, _ in commands(path, "make"):
        for argument in arguments:
            name, equals, _ = argument.partition("=")
            assert name in (variables if equals else targets), f"{path.name}: make {' '.join(arguments)}"


def test_every_make_target_is_described() -> None:
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    named = {argument for path in PAGES for arguments, _ in commands(path, "make") for argument in arguments}
    assert targets <= named


# ---------------------------------------------------------------- models


@every_page
def test_models_that_people_are_told_to_download_have_their_license_beside_them(path: Path) -> None:
    assert models_without_license(path.read_text(encoding="utf-8")) == []


def models_without_license(page: str) -> list[str]:
    """Return the lines that tell people to download a model and do not name its license.

    A command that names no model needs the license of the default models, or a link to docs/licenses.md, on its line
    or the next.
    """
    lines = page.splitlines()
    found = []
    for line, after in pairwise([*lines, ""]):
        models = re.findall(r"\bollama pull ([\w.:/-]*\w)|`(?:blip|st):([\w-]+/[\w.-]+)`", line)
        named = [terms_of_model(*names) for names in models]
        is_bare = "bin/magpie models pull" in line and not re.search(r"\bMIT\b|licenses\.md", f"{line} {after}")
        if is_bare or any(terms == UNKNOWN or terms.license not in line for terms in named):
            found.append(line)
    return found


def test_model_without_its_license_is_noticed() -> None:
    assert models_without_license("run `ollama pull embeddinggemma`, then index")
    assert models_without_license("ollama pull gemma3:4b  # Apache-2.0")
    assert models_without_license("ollama pull strangers-model  # MIT")
    assert models_without_license("such as `st:BAAI/bge-reranker-v2-m3`")
    assert models_without_license("run `.venv/bin/magpie models pull`\nand index")
    assert not models_without_license("`ollama pull embeddinggemma` (Gemma Terms of Use)")
    assert not models_without_license("run `.venv/bin/magpie models pull`\n([its license](licenses.md#models))")


# ---------------------------------------------------------------- extras


def test_every_extra_is_listed_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## Extras\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"pip install -e '\.\[(\w+)\]'", section))
    assert listed == set(project["optional-dependencies"]) - {"dev"}
    for name in re.findall(r"pip install '([^']+)'", section):
        assert any(name in packages for packages in project["optional-dependencies"].values()), name


# ---------------------------------------------------------------- settings


@every_page
def test_settings_that_are_named_exist(path: Path) -> None:
    known = {variable(name) for name in setting_descriptions()} | {
        slack_variable(name) for name in SlackSettings.model_fields
    }
    text = path.read_text(encoding="utf-8")
    found = set(re.findall(r"\b(?:MAGPIE|SLACK)_[A-Z_]*[A-Z]\b", text))
    assert sorted(found - known) == []


def test_pages_have_one_title() -> None:
    for path in PAGES:
        titles = [token for token in parse(path) if token.type == "heading_open" and token.tag == "h1"]
        assert len(titles) == 1, path.name
