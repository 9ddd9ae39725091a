"""An installation without torch: everything works except CLIP and models of sentence-transformers, which say why."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.packaging import light
from tests.support.ollama_server import OllamaServer, ollama_server

pytestmark = pytest.mark.timeout(300)

SECONDS = 200
"""For one command on a busy machine; the slowest takes 15 s of processor time."""


class Installation:
    """The light installation, with a data folder and a fake Ollama server of its own."""

    def __init__(self, python: Path, data: Path, ollama: OllamaServer) -> None:
        self._python = python
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(data.parent),
            "MAGPIE_DATA": str(data),
            "MAGPIE_TEXT__MODEL": "ollama:embeds:1b",
            "MAGPIE_TEXT__HOST": ollama.url,
            "MAGPIE_ANSWER__HOST": ollama.url,
            "MAGPIE_ANSWER__MODEL": "sees:4b",
        }

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._python), *arguments],
            env={**self._environment, **more},
            cwd=self._environment["HOME"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def magpie(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "bot.cli.main", *arguments, **more)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("light")
    with ollama_server() as ollama:
        yield Installation(light.build(folder / "venv"), folder / "data", ollama)


@pytest.fixture(scope="module")
def indexed(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The installation with three files: a PDF, a picture that OCR has to read, and a table."""
    folder = tmp_path_factory.mktemp("files")
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "The retarder of hall seven listens on port 4719.")
        document.save(folder / "manual.pdf")
    picture = Image.new("RGB", (900, 160), "white")
    ImageDraw.Draw(picture).text((40, 45), "KESTREL ROUTER CELLAR", fill="black", font=ImageFont.load_default(56))
    picture.save(folder / "photo.png")
    (folder / "stock.csv").write_text("part,shelf\nvalve,12\ngasket,31\n", encoding="utf-8")
    done = installation.magpie("index", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return installation


@pytest.mark.parametrize("package", ["torch", "torchvision", "open_clip", "transformers", "sentence_transformers"])
def test_heavy_packages_are_absent(installation: Installation, package: str) -> None:
    assert f"No module named '{package}'" in installation.run("-c", f"import {package}").stderr


def test_size_on_disk_is_at_most_900_mb(installation: Installation, tmp_path: Path) -> None:
    """Without compiled modules, which an installation leaves out and Python makes as it uses them."""
    installed = Path(installation.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    files = [path for path in installed.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 900e6


@pytest.mark.parametrize(
    ("words", "name"),
    [("retarder port", "manual.pdf"), ("kestrel router", "photo.png"), ("gasket shelf", "stock.csv")],
)
def test_words_of_every_kind_of_file_are_found(indexed: Installation, words: str, name: str) -> None:
    found = json.loads(indexed.magpie("find", words, "--json").stdout)
    assert found["hits"][0]["file"] == name


def test_answers_are_written_and_cited(indexed: Installation) -> None:
    done = indexed.magpie("ask", "Which port does the retarder of hall seven listen on?", "--json")
    answer = json.loads(done.stdout)
    assert answer["mode"] == "vision", done.stderr
    assert answer["citations"][0]["file"] == "manual.pdf"


def test_texts_have_vectors_from_ollama(indexed: Installation) -> None:
    status = json.loads(indexed.magpie("status", "--json").stdout)
    assert status["text_model"]["model"] == "ollama:embeds:1b"
    assert status["text_model"]["waiting"] == 0


def test_doctor_names_the_missing_package_and_the_remedy(indexed: Installation) -> None:
    checks = json.loads(indexed.magpie("doctor", "--json").stdout)["checks"]
    clip = next(check for check in checks if check["name"] == "picture lanes")
    assert "open_clip is not installed" in clip["detail"]
    assert "make install" in clip["fix"]
    assert [check["name"] for check in checks if check["status"] == "fail"] == []


@pytest.mark.parametrize("command", ["models pull", "bench --random", "embedder"])
def test_commands_of_clip_end_with_the_remedy(installation: Installation, command: str) -> None:
    done = installation.magpie(*command.split())
    assert done.returncode == 1
    assert "The package open_clip is not installed." in done.stderr
    assert "install Magpie with torch" in done.stderr


def test_model_of_sentence_transformers_ends_with_the_remedy(installation: Installation, tmp_path: Path) -> None:
    done = installation.magpie("--data", str(tmp_path / "other"), "doctor", MAGPIE_TEXT__MODEL="st:all-MiniLM-L6-v2")
    assert "the package sentence-transformers is not installed" in " ".join(done.stdout.split())


def test_demo_runs_to_its_end(installation: Installation, tmp_path: Path) -> None:
    done = installation.magpie("--data", str(tmp_path / "demo"), "demo", "--script")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This is tern-sensor-field-report.pdf, p. 7." in done.stdout
