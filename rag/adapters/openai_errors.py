"""Map the errors of OpenAI-compatible servers to Magpie's errors, each with a message and a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import httpx_sse

from rag.errors import (
    GeneratorBusy,
    GeneratorDown,
    GeneratorFailed,
    GeneratorTimeout,
    MagpieError,
    ModelMissing,
    ModelUnfit,
)

_MAX_QUOTED = 200


@contextmanager
def map_errors(model: str, address: str) -> Iterator[None]:
    """Raise every error of a request in the block as a MagpieError."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise GeneratorDown(
            f"The model server does not answer at {address}.",
            f"Start it with the model {model}, and check MAGPIE_ANSWER__HOST.",
        ) from error
    except httpx.TimeoutException as error:
        raise GeneratorTimeout(
            "The model took too long.",
            "Ask again: it may have been loading. Or use a smaller model, or raise MAGPIE_ANSWER__SECONDS.",
        ) from error
    except httpx.HTTPError as error:
        if isinstance(error, httpx_sse.SSEError):  # not a stream of events
            raise _unlike(address) from error
        raise GeneratorFailed(
            "The connection to the model server was cut.", "Ask again. See the log of the model server."
        ) from error
    except (ValueError, AttributeError, TypeError, KeyError, IndexError) as error:
        raise _unlike(address) from error


def _unlike(address: str) -> GeneratorFailed:
    return GeneratorFailed(
        f"The server at {address} does not respond like an OpenAI-compatible server.",
        "Check MAGPIE_ANSWER__HOST and MAGPIE_ANSWER__API.",
    )


_KNOWN_ERRORS: tuple[tuple[tuple[str, ...], type[MagpieError], str, str], ...] = (
    (
        ("exceeds the available context size", "maximum context length", "context length", "prompt is too long"),
        ModelUnfit,
        "The question and its passages do not fit into the context window of {model} ({message}).",
        "Give the model a longer context on its server, or lower MAGPIE_ANSWER__NUM_CTX or MAGPIE_ANSWER__PASSAGES.",
    ),
    (
        (
            "multimodal",
            "image input is not supported",
            "does not support image",
            "image(s) may be provided",
            "mmproj",
            "image_url",
        ),
        ModelUnfit,
        "The model {model} cannot see pictures, or the server allows fewer ({message}).",
        "Set MAGPIE_ANSWER__VISION to off, or serve a model with vision and allow two images per prompt.",
    ),
    (
        ("failed to load image", "cannot identify image", "invalid image", "illegal base64"),
        GeneratorFailed,
        "The model server could not read a picture that went with the question ({message}).",
        "Ask again without the picture, or set MAGPIE_ANSWER__PICTURES to 0.",
    ),
    (
        ("out of memory", "out-of-memory", "cudamalloc failed", "failed to allocate"),
        ModelUnfit,
        "The model {model} does not fit into the memory of the model server.",
        "Serve a smaller one, or give it a shorter context.",
    ),
    (("chat template",), ModelUnfit, "The model {model} has no chat template.", "Serve a model made for chat."),
    (("loading model", "is loading"), GeneratorBusy, "The model server is loading {model}.", "Ask again in a moment."),
)


def map_message(error: object, status: int, model: str, address: str) -> MagpieError:
    """Return the error for a server's error body and HTTP status; the status is 0 inside of a stream.

    Servers send `{"error": {"message": ...}}`, `{"error": "..."}`, `{"message": ...}` or `{"detail": ...}`.
    """
    message = message_of(error)
    short = (message if len(message) <= _MAX_QUOTED else message[:_MAX_QUOTED] + "…").rstrip(".")
    lowered = message.lower()
    if (status == httpx.codes.NOT_FOUND and "model" in lowered) or "model_not_found" in lowered:
        return ModelMissing(
            f"The model server at {address} does not have {model}.",
            "Set MAGPIE_ANSWER__MODEL to the name under which the server lists it at /v1/models.",
        )
    for phrases, kind, text, hint in _KNOWN_ERRORS:
        if any(phrase in lowered for phrase in phrases):
            return kind(text.format(model=model, message=short), hint)
    if status in (429, 503):
        return GeneratorBusy("The queue of the model server is full.", "Ask again in a moment.")
    if status in (408, 499, 504):
        return GeneratorTimeout("The model server gave up waiting for the model.", "Ask again in a moment.")
    if status in (401, 403):
        return GeneratorDown(
            f"The model server at {address} refused the request ({status}).", "Set MAGPIE_ANSWER__API_KEY to its key."
        )
    if 300 <= status < 400 or status in (404, 405, 502):
        return GeneratorDown(
            f"The server at {address} has no chat completions ({status}).",
            "Set MAGPIE_ANSWER__HOST to the address of the API, which usually ends with /v1.",
        )
    return GeneratorFailed(
        f"The model server failed: {short or status}.", "Ask again. See the log of the model server."
    )


def message_of(error: object) -> str:
    """Return the message and the code of an error, in one line."""
    for _ in range(3):
        if not isinstance(error, dict):
            break
        inner = error.get("error") or error.get("message") or error.get("detail") or ""
        code = error.get("code")
        if isinstance(inner, str) and isinstance(code, str):
            inner = f"{inner} ({code})"
        error = inner
    return " ".join(str(error).split())
