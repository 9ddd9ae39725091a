"""bubblewrap is used only where all that it is asked for works. A program named bwrap stands for a container's."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.sandbox import bubblewrap_prefix


def install_bwrap(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_is_left_out_where_a_container_refuses_a_new_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User namespaces are allowed there, so bubblewrap runs as long as it mounts nothing."""
    install_bwrap(tmp_path, monkeypatch, 'case "$*" in *--proc*) exit 1;; esac')
    assert bubblewrap_prefix((), ()) == []


def test_is_left_out_where_user_namespaces_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_bwrap(tmp_path, monkeypatch, "exit 1")
    assert bubblewrap_prefix((), ()) == []


def test_shows_a_command_the_given_paths_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_bwrap(tmp_path, monkeypatch, "exit 0")
    prefix = bubblewrap_prefix(["/usr", "/proc/self"], ["/data"])
    assert prefix[0] == str(tmp_path / "bwrap")
    assert prefix[-7:] == ["--ro-bind-try", "/usr", "/usr", "--bind", "/data", "/data", "--"]
