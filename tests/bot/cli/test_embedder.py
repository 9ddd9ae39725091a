"""`magpie embedder` in its own process, and the output of `magpie bench`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from rag.adapters.remote_clip import open_remote
from rag.setting_groups import EmbedSettings
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine
from tests.support.tiny_clip import ENVIRONMENT, open_tiny

TOKEN = "a-long-random-word"


def test_embedder_serves_until_it_is_stopped() -> None:
    environment = {**os.environ, **ENVIRONMENT, "MAGPIE_SERVE__PORT": "0", "MAGPIE_EMBED__TOKEN": TOKEN}
    command = [sys.executable, "-m", "bot.cli.main", "embedder", "--json"]
    root = str(Path(__file__).resolve().parents[3])
    with subprocess.Popen(
        command, env={**environment, "PYTHONPATH": root}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        printed = ""
        while not printed.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()
            printed += line
        result = json.loads(printed)
        assert result["address"] == "127.0.0.1"
        url = f"http://127.0.0.1:{result['port']}"
        client = open_remote(EmbedSettings(url=url, token=TOKEN))
        assert client.identity == result["identity"] == open_tiny().identity
        assert client.embed_texts(["a red circle"])[0] @ open_tiny().embed_texts(["a red circle"])[0] > 0.999
        client.close()
        assert httpx.get(f"{url}/identity", trust_env=False).status_code == 401
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        assert process.returncode in (0, 143)
    assert "Traceback" not in err
    assert TOKEN not in printed + out + err


def test_refuses_a_public_address_without_a_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_SERVE__HOST", "0.0.0.0")
    code, out, err = run(FakeEngine(), "embedder")
    assert (code, out) == (2, "")
    assert "MAGPIE_EMBED__TOKEN" in err


def test_refuses_to_start_without_weights(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_EMBED__DEVICE", "cpu")
    monkeypatch.setenv("MAGPIE_EMBED__WEIGHTS", "/nowhere/weights.pt")
    code, _, err = run(FakeEngine(), "embedder")
    assert code == 1
    assert "There are no weights" in err


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_replicas_without_ray_name_the_package_to_install(run: Run) -> None:
    code, out, err = run(FakeEngine(), "embedder", "--replicas", "2")
    assert (code, out) == (1, "")
    assert "pip install -e '.[ray]'" in err


def test_bench_prints_text_and_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    small = ("--pictures", "4", "--texts", "4", "--rounds", "1")
    code, out, _ = run(FakeEngine(), "bench", *small)
    assert code == 0
    assert "% of the model alone" in out
    code, out, _ = run(FakeEngine(), "bench", *small, "--random", "--json")
    assert code == 0
    result = json.loads(out)
    for name in ("images_per_s", "raw_images_per_s", "texts_per_s", "raw_texts_per_s"):
        assert result[name] > 0
    assert set(result["kinds"]) == {"pictures", "jpeg", "png", "texts"}
