"""No command that Magpie shows installs a package which nobody, or a stranger, has registered.

`magpie` on the package index is a stranger's; whoever registers a free name could run code on the machines of everyone
who follows such a command.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tests.docs.markdown import ROOT

COMMAND = re.compile(
    r"\b(?:pip3?[ \t]+(?:install|download|wheel)|pipx[ \t]+(?:install|run|inject)"
    r"|uvx|uv[ \t]+(?:pip[ \t]+install|tool[ \t]+(?:install|run)))(?P<arguments>(?:[ \t]+[^\s`]+)+)"
)
WITH_VALUE = {"-r", "-c", "-w", "-d", "--requirement", "--constraint", "--constraints", "--overrides", "--target"}
WITH_VALUE |= {"--python", "--find-links", "--wheel-dir", "--dest", "--pip-args"}
ENDS = re.compile(r"&&|\|\||[;|#)]")
TOOLS = {"pip", "pipx", "uv", "setuptools"}


def shown() -> Iterator[Path]:
    """Yield every file whose text people or machines follow."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith((".", "constraints")))
    for folder, pattern in (("docs", "*.md"), ("bot", "*.py"), ("rag", "*.py"), ("deploy", "*"), (".github", "*.yml")):
        yield from (path for path in (ROOT / folder).rglob(pattern) if path.is_file())
    yield ROOT / ".ci" / "run"


def known() -> set[str]:
    """Return the packages that Magpie depends on: registered, and pinned with hashes or looked at when they change."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return TOOLS | {canonicalize_name(Requirement(line).name) for line in lines}


def installed(text: str) -> Iterator[str]:
    """Yield the names of packages that the commands in a text would fetch from a package index."""
    for command in COMMAND.finditer(text):
        arguments = ENDS.split(command["arguments"])[0].split()
        if command[0].startswith("uvx") and "--from" in arguments:  # what follows is the name of a command
            arguments = arguments[: arguments.index("--from") + 2]
        skip = False
        for raw in arguments:
            argument = raw.strip("'\"").rstrip("'\".,:")
            if skip or argument.startswith("-") or not argument:
                skip = not skip and argument in WITH_VALUE
            elif not is_file_or_address(argument):
                yield argument


def is_file_or_address(argument: str) -> bool:
    """Return whether pip would not look the argument up by name. Words in capitals and <...> stand for a path."""
    return (
        argument.startswith((".", "/", "~", "$", "<", "git+"))
        or argument.endswith(".whl")
        or "/" in argument
        or re.fullmatch(r"[A-Z][A-Z_-]*", argument) is not None
    )


def name_of(argument: str) -> str:
    try:
        return canonicalize_name(Requirement(argument).name)
    except InvalidRequirement:
        return argument


def foreign(text: str) -> set[str]:
    return {name_of(argument) for argument in installed(text.replace("\\\n", " "))} - known()


def test_commands_install_known_packages_only() -> None:
    texts = {path: path.read_text(encoding="utf-8", errors="ignore") for path in shown()}
    assert {str(path): names for path, text in texts.items() if (names := foreign(text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "Run `pip install magpie`.",
        "pip install 'magpie[ray]'",
        "pipx install magpie-slack",
        "uvx magpie demo",
        "uvx --python 3.12 magpie",
        "uv tool install magpie==0.1",
        "python -m pip install -r constraints.txt magpie",
        "pip install --no-deps magpie && magpie demo",
    ],
)
def test_names_of_strangers_are_noticed(text: str) -> None:
    assert foreign(text) != set()


@pytest.mark.parametrize(
    "text",
    [
        "pip install -e '.[ray]'",
        "pip install --no-deps ./magpie-0.1.0-py3-none-any.whl",
        "uvx --from ./magpie-0.1.0-py3-none-any.whl magpie demo",
        "pipx install git+URL-OF-THIS-REPOSITORY",
        "pip install 'sentence-transformers>=5.1' && magpie models pull",
        "pip install --require-hashes -r constraints-light.txt",
    ],
)
def test_files_addresses_and_dependencies_are_allowed(text: str) -> None:
    assert foreign(text) == set()
