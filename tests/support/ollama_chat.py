"""How the fake Ollama server validates a chat request: errors, the context window, and the reported token counts.

Follows the source of Ollama 0.33 (server/routes.go, server/prompt.go, llm/llama_server.go).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

_INTEGERS = ("num_ctx", "num_predict", "num_keep", "seed", "top_k", "num_gpu", "num_batch", "num_thread", "main_gpu")
_NUMBERS = ("temperature", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty")
_OPTIONS = frozenset((*_INTEGERS, *_NUMBERS, "stop", "use_mmap", "repeat_last_n"))

_KEEP = 4
"""num_keep: the first tokens that are kept of a prompt that is too long."""


@dataclass(frozen=True)
class Model:
    name: str
    capabilities: tuple[str, ...] = ("completion",)
    trained_context: int = 262144
    family: str = "fake"
    digest: str = "0" * 64
    native_template: bool = False
    """Whether llama.cpp's chat template is used. Then pictures are rejected with 500, not 400, and a prompt is never
    cut without an error."""
    always_thinks: bool = False
    """Whether `think: false` is ignored, as by the plain tags of qwen3-vl."""


class Refused(Exception):
    """A request that Ollama rejects, with the status and the message."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


@dataclass(frozen=True)
class Taken:
    """A valid request: its messages, the tokens of its prompt, the context window, and the maximum length."""

    messages: Sequence[dict[str, Any]]
    prompt_tokens: int
    context: int
    longest: int
    thinks: bool


def decoded(raw: bytes) -> dict[str, Any]:
    """Return the body of a request. Raise Refused as Go's decoder does."""
    if not raw:
        raise Refused(400, "missing request body")
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refused(400, f"invalid character at offset {getattr(error, 'pos', 0)}") from error
    if not isinstance(body, dict):
        raise Refused(400, "json: cannot unmarshal array into Go value of type api.ChatRequest")
    return body


def taken(model: Model, body: dict[str, Any], warnings: list[str]) -> Taken:
    """Validate a chat request. Raise Refused with Ollama's status and message."""
    messages = body.get("messages") or []
    if "completion" not in model.capabilities:
        raise Refused(400, f'"{model.name}" does not support chat')
    if body.get("tools") and "tools" not in model.capabilities:
        raise Refused(400, f'"{model.name}" does not support tools')
    if body.get("think") and "thinking" not in model.capabilities:
        raise Refused(400, f'"{model.name}" does not support thinking')
    form = body.get("format")
    if form not in (None, "", "json") and not isinstance(form, dict):
        raise Refused(500, f'invalid format: {json.dumps(form)}; expected "json" or a valid JSON Schema object')
    options = _options(body.get("options") or {}, warnings)
    if not all(isinstance(message, dict) and isinstance(message.get("content", ""), str) for message in messages):
        raise Refused(400, "json: cannot unmarshal object into Go struct field ChatRequest.messages")
    pictures = [_picture(data) for message in messages for data in message.get("images") or []]
    if pictures and "vision" not in model.capabilities:
        raise _no_vision(model)
    context = min(options.get("num_ctx") or 4096, model.trained_context)
    if "vision" in model.capabilities:
        context = max(context, 2048)
    kept = _fitting(messages, context)
    tokens = sum(map(_tokens, kept)) + sum(max(1024, width * height // 32**2) for width, height in pictures)
    if tokens > context:
        if pictures or model.native_template:
            raise too_long(tokens, context)
        if body.get("truncate") is False:
            raise Refused(400, "the prompt is longer than the context length currently available to the model; shorten")
        # The first tokens and the last half of the window are kept, so instructions and first passages are lost.
        warnings.append(f"truncating input prompt limit={context} prompt={tokens}")
        tokens = _KEEP + (context - _KEEP) // 2
    # The default is true for a model that can think.
    thinks = model.always_thinks or ("thinking" in model.capabilities and body.get("think") is not False)
    return Taken(kept, tokens, context, options.get("num_predict", -1), thinks)


def _fitting(messages: Sequence[dict[str, Any]], context: int) -> list[dict[str, Any]]:
    """Return the messages that fit. The oldest are removed first, but not the system's and the last one."""
    kept = list(messages)
    while sum(map(_tokens, kept)) > context:
        old = next((n for n, one in enumerate(kept[:-1]) if one.get("role") != "system"), None)
        if old is None:
            break
        del kept[old]
    return kept


def _tokens(message: dict[str, Any]) -> int:
    """Return the number of tokens: one for four letters, at least one for a word, and those of the template."""
    content = message.get("content", "")
    return 4 + max(len(content) // 4, len(content.split()))


def _options(options: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    for name, value in options.items():
        if name not in _OPTIONS:
            warnings.append(f"invalid option provided: {name}")
        elif name in _INTEGERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Refused(500, f'option "{name}" must be of type integer')
        elif name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise Refused(500, f'option "{name}" must be of type float32')
    return options


def _picture(data: Any) -> tuple[int, int]:
    """Return the size of a picture. Go's decoder is strict: a `data:` prefix, a space or a wrong length is an error."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Refused(400, "illegal base64 data at input byte 4") from error
    try:
        with Image.open(BytesIO(raw)) as image:
            image.load()
            return image.size
    except (UnidentifiedImageError, OSError) as error:
        raise Refused(400, _llama(400, "Failed to load image or audio file")) from error


def _llama(code: int, message: str, **more: Any) -> str:
    """Return an error of llama-server, which Ollama forwards as a string of JSON."""
    return json.dumps({"error": {"code": code, "message": message, **more}})


def _no_vision(model: Model) -> Refused:
    if model.native_template:
        message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
        return Refused(500, _llama(500, message, type="server_error"))
    return Refused(400, _llama(400, "Multimodal data provided, but model does not support multimodal requests."))


def too_long(tokens: int, context: int) -> Refused:
    message = f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    more = {"type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": context}
    return Refused(400, _llama(400, message, **more))
