"""The GitHub workflows are valid, and run commands that exist. They are not run here."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.docs.markdown import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))

TOP_KEYS = {"name", "on", "permissions", "concurrency", "jobs"}
JOB_KEYS = {"runs-on", "timeout-minutes", "strategy", "steps", "needs", "if", "env", "permissions"}
STEP_KEYS = {"name", "uses", "with", "run", "if", "env", "id", "shell", "timeout-minutes"}
TRIGGERS = {"push", "pull_request", "schedule", "workflow_dispatch"}

every_file = pytest.mark.parametrize("name", [path.name for path in FILES])


def load(name: str) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in document.items()}  # YAML 1.1 reads on as true


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(name)["jobs"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in jobs(name).values() for step in job["steps"]]


def commands(name: str) -> list[str]:
    """Return the commands of a workflow, those of a matrix too."""
    listed = [step["run"] for step in steps(name) if "run" in step]
    for job in jobs(name).values():
        listed += job.get("strategy", {}).get("matrix", {}).get("command", [])
    return [line.strip() for text in listed for line in text.splitlines()]


@every_file
def test_keys_are_those_of_a_workflow(name: str) -> None:
    workflow = load(name)
    assert set(workflow) <= TOP_KEYS
    assert {"name", "on", "jobs", "permissions"} <= set(workflow)
    assert set(workflow["on"]) <= TRIGGERS
    for job in jobs(name).values():
        assert {"runs-on", "steps", "timeout-minutes"} <= set(job) <= JOB_KEYS
    for step in steps(name):
        assert set(step) <= STEP_KEYS
        assert ("uses" in step) != ("run" in step)


@every_file
def test_workflow_may_only_read(name: str) -> None:
    assert load(name)["permissions"] == {"contents": "read"}
    assert [job for job in jobs(name).values() if "permissions" in job] == []


@every_file
def test_actions_are_those_of_github_with_a_version(name: str) -> None:
    used = [step["uses"] for step in steps(name) if "uses" in step]
    assert [each for each in used if not re.fullmatch(r"actions/[\w-]+@v\d+", each)] == []


@every_file
def test_targets_of_make_exist(name: str) -> None:
    named = {words[1] for line in commands(name) if (words := line.split())[0] == "make"}
    assert named
    assert named <= TARGETS


@every_file
def test_expressions_name_what_github_knows(name: str) -> None:
    expressions = re.findall(r"\$\{\{ *([\w.-]+) *\}\}", (FOLDER / name).read_text(encoding="utf-8"))
    axes = {axis for job in jobs(name).values() for axis in job.get("strategy", {}).get("matrix", {})}
    known = {*(f"matrix.{axis}" for axis in axes), "github.ref", "strategy.job-index"}
    assert set(expressions) <= known


def test_every_supported_python_is_tested() -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    oldest, too_new = (int(number) for number in re.findall(r"3\.(\d+)", required))
    matrix = jobs("checks.yml")["test"]["strategy"]["matrix"]["python"]
    assert matrix == [f"3.{minor}" for minor in range(oldest, too_new)]


def test_changes_are_linted_tested_and_built() -> None:
    run = " ".join(commands("checks.yml"))
    assert all(word in run for word in ("make lint", "make test", "pip wheel", "docker build"))


def test_nights_fuzz_explore_and_audit() -> None:
    (cron,) = [entry["cron"] for entry in load("nightly.yml")["on"]["schedule"]]
    assert len(cron.split()) == 5
    assert {line.split()[1] for line in commands("nightly.yml") if line.startswith("make")} >= {
        "fuzz",
        "explore",
        "audit",
    }
