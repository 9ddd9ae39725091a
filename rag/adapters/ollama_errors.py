"""What the ollama client raises, told apart: each failure becomes one error with a sentence and a remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from rag.errors import (
    GeneratorBusy,
    GeneratorDown,
    GeneratorFailed,
    GeneratorTimeout,
    MagpieError,
    ModelMissing,
    ModelUnfit,
)

_DEFAULT = ("127.0.0.1:11434", "localhost:11434", "127.0.0.1", "localhost")
_LONGEST = 200


@contextmanager
def told_apart(model: str, address: str) -> Iterator[None]:
    """Everything a call of the client raises comes out as a MagpieError.

    AttributeError and TypeError are the client's way of saying that an error body is no JSON object, as
    proxies send them; ConnectionError and httpx.ConnectError are one thing, without and with a stream.
    """
    import httpx
    import ollama
    import pydantic

    try:
        yield
    except ollama.ResponseError as error:
        raise _of_response(_sentence(error.error), error.status_code, model, address) from error
    except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise GeneratorDown(f"Ollama does not answer at {address}.", start_command(model, address)) from error
    except httpx.TimeoutException as error:
        raise GeneratorTimeout(
            "The model took too long.",
            "Ask again: it may have been loading. A smaller model answers faster; "
            "MAGPIE_ANSWER__SECONDS sets how long to wait.",
        ) from error
    except httpx.HTTPError as error:
        raise GeneratorFailed("The connection to Ollama was cut.", "Ask again; Ollama's log says more.") from error
    except (pydantic.ValidationError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise GeneratorFailed(
            f"What answers at {address} does not speak as Ollama does.", "Look at MAGPIE_ANSWER__HOST and OLLAMA_HOST."
        ) from error


def start_command(model: str, address: str) -> str:
    """What to type so that Ollama answers at this address with this model."""
    host = urlsplit(address if "://" in address else f"http://{address}").hostname
    if host not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", None):
        return f"start Ollama on {host}, then: {pull_command(model, address)}"
    if shutil.which("ollama") is None:
        return f"install Ollama from https://ollama.com/download, then: {pull_command(model, address)}"
    # `serve` does not return, and `pull` does not wait for it.
    return f"{_prefix(address)}ollama serve & sleep 3; {pull_command(model, address)}"


def pull_command(model: str, address: str) -> str:
    """What to type so that the Ollama at this address has the model."""
    return f"{_prefix(address)}ollama pull {model}"


def _prefix(address: str) -> str:
    return "" if address.removeprefix("http://").rstrip("/") in _DEFAULT else f"OLLAMA_HOST={address} "


def _sentence(error: object) -> str:
    """The server's words; llama-server's own errors come as JSON inside the string."""
    for _ in range(3):
        if isinstance(error, dict):
            error = error.get("message") or error.get("error") or str(error)
        elif isinstance(error, str) and error.lstrip().startswith("{"):
            try:
                error = json.loads(error)
            except json.JSONDecodeError:
                break
        else:
            break
    return " ".join(str(error).split())


_SIGNS: tuple[tuple[tuple[str, ...], type[MagpieError], str, str], ...] = (
    (
        ("exceeds the available context size", "longer than the context length", "exceed_context_size"),
        ModelUnfit,
        "The question and its passages do not fit into the window of {model} ({said}).",
        "Raise MAGPIE_ANSWER__NUM_CTX, or lower MAGPIE_ANSWER__PASSAGES.",
    ),
    (
        ("does not support multimodal", "image input is not supported", "mmproj"),
        ModelUnfit,
        "The model {model} cannot see pictures.",
        "Set MAGPIE_ANSWER__MODEL to one that can, such as qwen3-vl:4b-instruct, or MAGPIE_ANSWER__PICTURES to 0.",
    ),
    (
        ("failed to load image", "illegal base64", "decode webp"),
        GeneratorFailed,
        "Ollama could not read a picture that went with the question ({said}).",
        "Ask again without the picture, or set MAGPIE_ANSWER__PICTURES to 0.",
    ),
    (
        ("does not support",),
        ModelUnfit,
        "The model {model} cannot write answers ({said}).",
        "Set MAGPIE_ANSWER__MODEL to a chat model, such as qwen3-vl:4b-instruct.",
    ),
    (
        ("out of memory", "out-of-memory", "cudamalloc failed", "failed to allocate", "requires more system memory"),
        ModelUnfit,
        "The model {model} does not fit into the memory of Ollama's machine.",
        "Set MAGPIE_ANSWER__MODEL to a smaller one, or lower MAGPIE_ANSWER__NUM_CTX.",
    ),
    (
        ("binary not found",),
        GeneratorDown,
        "Ollama at {address} is not fully installed.",
        "install Ollama again from https://ollama.com/download",
    ),
    (
        ("error loading model", "unknown model architecture", "incompatible with your version", "unable to load model"),
        ModelUnfit,
        "Ollama cannot load the model {model} ({said}).",
        "Update Ollama, or pull the model again: ollama pull {model}",
    ),
    (("timed out",), GeneratorTimeout, "The model {model} took too long to load.", "Ask again in a moment."),
    (
        ("running the model", "has terminated", "runner"),
        GeneratorFailed,
        "The model broke down while it was answering.",
        "Ask again: Ollama loads it anew. Its log says more.",
    ),
)


def _of_response(said: str, status: int, model: str, address: str) -> MagpieError:
    """The error for an HTTP status (-1: an error line in the middle of a stream) and the server's words."""
    lowered, short = said.lower(), said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
    if "not found" in lowered and "model" in lowered:
        return ModelMissing(f"The model {model} is not on the Ollama server.", pull_command(model, address))
    if status in (429, 503) or "server busy" in lowered:
        return GeneratorBusy("Ollama has more questions than it can queue.", "Ask again in a moment.")
    for signs, kind, sentence, hint in _SIGNS:
        if any(sign in lowered for sign in signs):
            said_short = short.rstrip(".")
            return kind(sentence.format(model=model, address=address, said=said_short), hint.format(model=model))
    if status in (408, 499, 504):
        return GeneratorTimeout("Ollama gave up waiting for the model.", "Ask again in a moment.")
    if status in (401, 403):
        return GeneratorDown(
            f"The server at {address} refuses us ({status}).",
            "set MAGPIE_ANSWER__HOST to a name it accepts (127.0.0.1 on the same machine), or OLLAMA_API_KEY",
        )
    if 300 <= status < 400 or status in (404, 405, 502):
        return GeneratorDown(
            f"At {address} something answers that is not Ollama ({status}).",
            "set MAGPIE_ANSWER__HOST to Ollama's own address",
        )
    return GeneratorFailed(f"Ollama failed: {short.rstrip('.') or status}.", "Ask again; Ollama's log says more.")
