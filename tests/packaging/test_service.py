"""The systemd unit is valid, and restricts the service without stopping the sandboxes of its own children."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.setting_names import variable
from tests.docs.markdown import ROOT

UNIT = ROOT / "deploy" / "magpie.service"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=True, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read(UNIT, encoding="utf-8")
    return parsed


def test_every_setting_is_given_once_with_a_known_value(unit: configparser.ConfigParser) -> None:
    assert unit.sections() == ["Unit", "Service", "Install"]
    switches = {
        name: value for name, value in unit["Service"].items() if re.match(r"Protect|Private|Restrict|No", name)
    }
    assert {value for name, value in switches.items() if name != "RestrictAddressFamilies"} == {"yes", "strict"}


def test_data_folder_is_the_only_one_that_can_be_written(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["ProtectSystem"] == "strict"
    assert f"{variable('data')}=/var/lib/{service['StateDirectory']}" in service["Environment"]
    assert service["StateDirectoryMode"] == "0700"
    assert "ReadWritePaths" not in service


def test_service_is_an_ordinary_user_without_privileges(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["User"] == "magpie"
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""


@pytest.mark.parametrize(
    "option",
    ["RestrictNamespaces", "PrivateUsers", "ProtectProc", "SystemCallFilter", "MemoryDenyWriteExecute", "NoExecPaths"],
)
def test_options_that_stop_the_own_sandboxes_are_left_out(unit: configparser.ConfigParser, option: str) -> None:
    assert option not in unit["Service"]


@needs_systemd
def test_systemd_accepts_the_unit_and_calls_it_hardened(tmp_path: Path) -> None:
    """The program is not installed where the unit expects it, so another one stands in its place."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text(), flags=re.MULTILINE))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=45", "--no-pager", str(copy)]
    assert subprocess.run(security, capture_output=True, check=False).returncode == 0
