"""Map the errors of the ollama client to Magpie's errors, each with a message and a remedy."""

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

_DEFAULT_ADDRESSES = ("127.0.0.1:11434", "localhost:11434", "127.0.0.1", "localhost")
_MAX_QUOTED = 200


@contextmanager
def map_errors(model: str, address: str) -> Iterator[None]:
    """Raise every error of a client call in the block as a MagpieError.

    The client raises AttributeError or TypeError if an error body is not a JSON object (as proxies send it), and for
    a refused connection ConnectionError, or httpx.ConnectError while streaming.
    """
    import httpx
    import ollama
    import pydantic

    try:
        yield
    except ollama.ResponseError as error:
        raise _map_response(_message(error.error), error.status_code, model, address) from error
    except (ConnectionError, httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise GeneratorDown(f"Ollama does not answer at {address}.", start_command(model, address)) from error
    except httpx.TimeoutException as error:
        raise GeneratorTimeout(
            "The model took too long.",
            "Ask again: it may have been loading. Or use a smaller model, or raise MAGPIE_ANSWER__SECONDS.",
        ) from error
    except httpx.HTTPError as error:
        raise GeneratorFailed("The connection to Ollama was cut.", "Ask again. See Ollama's log.") from error
    except (pydantic.ValidationError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise GeneratorFailed(
            f"The server at {address} does not respond like Ollama.", "Check MAGPIE_ANSWER__HOST and OLLAMA_HOST."
        ) from error


def start_command(model: str, address: str) -> str:
    """Return the command that starts Ollama at this address with this model."""
    host = urlsplit(address if "://" in address else f"http://{address}").hostname
    if host not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", None):
        return f"start Ollama on {host}, then: {pull_command(model, address)}"
    if shutil.which("ollama") is None:
        return f"install Ollama from https://ollama.com/download, then: {pull_command(model, address)}"
    # `ollama serve` does not return, and `ollama pull` does not wait for it.
    return f"{_prefix(address)}ollama serve & sleep 3; {pull_command(model, address)}"


def pull_command(model: str, address: str) -> str:
    """Return the command that downloads the model to the Ollama server at this address."""
    return f"{_prefix(address)}ollama pull {model}"


def _prefix(address: str) -> str:
    """Return the environment variable that selects the address, or an empty string for the default one."""
    return "" if address.removeprefix("http://").rstrip("/") in _DEFAULT_ADDRESSES else f"OLLAMA_HOST={address} "


def _message(error: object) -> str:
    """Return the message of the server. Errors of llama-server are JSON inside the string."""
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


_KNOWN_ERRORS: tuple[tuple[tuple[str, ...], type[MagpieError], str, str], ...] = (
    (
        ("exceeds the available context size", "longer than the context length", "exceed_context_size"),
        ModelUnfit,
        "The question and its passages do not fit into the context window of {model} ({message}).",
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
        "Ollama could not read a picture that went with the question ({message}).",
        "Ask again without the picture, or set MAGPIE_ANSWER__PICTURES to 0.",
    ),
    (
        ("does not support",),
        ModelUnfit,
        "The model {model} cannot write answers ({message}).",
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
        "The installation of Ollama at {address} is incomplete.",
        "install Ollama again from https://ollama.com/download",
    ),
    (
        ("error loading model", "unknown model architecture", "incompatible with your version", "unable to load model"),
        ModelUnfit,
        "Ollama cannot load the model {model} ({message}).",
        "Update Ollama, or pull the model again: ollama pull {model}",
    ),
    (("timed out",), GeneratorTimeout, "The model {model} took too long to load.", "Ask again in a moment."),
    (
        ("running the model", "has terminated", "runner"),
        GeneratorFailed,
        "The model crashed while it was answering.",
        "Ask again: Ollama loads it again. See its log.",
    ),
)


def _map_response(message: str, status: int, model: str, address: str) -> MagpieError:
    """Return the error for an HTTP status (-1 for an error inside a stream) and the server's message."""
    lowered = message.lower()
    short = message if len(message) <= _MAX_QUOTED else message[:_MAX_QUOTED] + "…"
    if "not found" in lowered and "model" in lowered:
        return ModelMissing(f"The model {model} is not on the Ollama server.", pull_command(model, address))
    if status in (429, 503) or "server busy" in lowered:
        return GeneratorBusy("Ollama's queue is full.", "Ask again in a moment.")
    for phrases, kind, template, hint in _KNOWN_ERRORS:
        if any(phrase in lowered for phrase in phrases):
            text = template.format(model=model, address=address, message=short.rstrip("."))
            return kind(text, hint.format(model=model))
    if status in (408, 499, 504):
        return GeneratorTimeout("Ollama gave up waiting for the model.", "Ask again in a moment.")
    if status in (401, 403):
        return GeneratorDown(
            f"The server at {address} refused the request ({status}).",
            "set MAGPIE_ANSWER__HOST to a name it accepts (127.0.0.1 on the same machine), or OLLAMA_API_KEY",
        )
    if 300 <= status < 400 or status in (404, 405, 502):
        return GeneratorDown(
            f"The server at {address} is not Ollama ({status}).",
            "set MAGPIE_ANSWER__HOST to Ollama's own address",
        )
    return GeneratorFailed(f"Ollama failed: {short.rstrip('.') or status}.", "Ask again. See Ollama's log.")
