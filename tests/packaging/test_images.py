"""Dockerfile and compose.yaml: not root, read-only, healthy, in step with settings and targets. Nothing is built."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from bot.environment import variable as slack_variable
from bot.settings import SlackSettings
from rag.setting_names import variable
from rag.settings import setting_descriptions
from tests.docs.markdown import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BOTS = ("magpie", "magpie-gpu")


def stages() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Return (base, instructions) of each stage of the Dockerfile."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = ""
    for line in DOCKERFILE.splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, [])
        elif name and instruction and not instruction.startswith("#"):
            found[name][1].append((instruction, rest.strip()))
    return found


def instructions(target: str) -> list[tuple[str, str]]:
    """Return the instructions of a target with those of the stages it starts from."""
    base, own = stages()[target]
    return [*(instructions(base) if base in stages() else []), *own]


every_target = pytest.mark.parametrize("target", ["light", "cpu", "cuda"])


def last(target: str, instruction: str) -> str:
    return [rest for name, rest in instructions(target) if name == instruction][-1]


@every_target
def test_image_runs_the_bot_as_an_ordinary_user(target: str) -> None:
    assert last(target, "USER") == "magpie"
    assert json.loads(last(target, "ENTRYPOINT")) == ["magpie"]
    assert json.loads(last(target, "CMD")) == ["run"]


@every_target
def test_image_has_a_health_check_on_the_port_of_the_bot(target: str) -> None:
    check = last(target, "HEALTHCHECK")
    command = json.loads(check[check.index("CMD ") + 4 :])
    compile(command[2], "the health check", "exec")
    assert command[:2] == ["python", "-c"]
    assert slack_variable("health_port") in command[2]
    assert f"{slack_variable('health_port')}=" in " ".join(rest for name, rest in instructions(target) if name == "ENV")


def test_default_target_is_the_light_one() -> None:
    assert [*stages()][-1] == "light"


def test_every_package_is_checked_against_its_hash() -> None:
    installs = re.findall(r"pip install ([^&\n]*)", DOCKERFILE)
    assert len(installs) == 4
    for arguments in installs:
        assert "--no-deps" in arguments
        assert "--require-hashes" in arguments or arguments.split()[-1] == "."


@pytest.mark.parametrize(("target", "constraints"), [("light", "constraints-light.txt"), ("cpu", "constraints.txt")])
def test_target_has_the_packages_of_its_constraints(target: str, constraints: str) -> None:
    source = re.findall(r"--from=(\S+)", last(target, "COPY"))[0]
    assert any(name == "RUN" and constraints in rest for name, rest in instructions(source))


def test_only_the_product_is_sent_to_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    allowed = {line[1:].rstrip("*") for line in lines if line.startswith("!")}
    assert allowed == {
        "bot",
        "rag",
        "manifest.yml",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
        "constraints*.txt",
    }


# ---------------------------------------------------------------- compose.yaml


@pytest.mark.parametrize("name", BOTS)
def test_bot_gets_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["volumes"] == ["magpie:/data"]
    assert "ports" not in service
    assert "privileged" not in service


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_profile_starts_one_bot_and_one_ollama(profile: str) -> None:
    started = [name for name, service in SERVICES.items() if profile in service["profiles"]]
    assert len(started) == 2
    for name in started:
        devices = SERVICES[name].get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
        assert bool(devices) == (profile == "gpu")


def test_targets_of_the_services_exist() -> None:
    for name in BOTS:
        target = re.sub(r"\$\{TARGET:-(\w+)\}", r"\1", SERVICES[name]["build"]["target"])
        assert target in stages()
        assert SERVICES[name]["image"] == f"magpie:{SERVICES[name]['build']['target']}"


def test_settings_in_images_and_services_exist() -> None:
    known = {variable(name) for name in setting_descriptions()} | {
        slack_variable(name) for name in SlackSettings.model_fields
    }
    named = {name for service in BOTS for name in SERVICES[service]["environment"]}
    named |= {
        name
        for target in ("light", "cpu", "cuda")
        for kind, rest in instructions(target)
        if kind == "ENV"
        for name in re.findall(r"(\w+)=", rest)
    }
    assert {name for name in named if name.startswith(("MAGPIE_", "SLACK_"))} <= known


def test_volumes_are_declared() -> None:
    named = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert named == set(COMPOSE["volumes"])
