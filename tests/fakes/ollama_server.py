"""A stand-in for Ollama's HTTP API, as strict as its source: frames, counts, statuses and error bodies.

Read from Ollama 0.33's source (server/routes.go, llm/llama_server.go, docs/api). It listens on a free
loopback port. What it says comes from the fake generator's rule, or from `script`.
"""

from __future__ import annotations

import base64
import binascii
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from tests.fakes.generator import pieces_of, reply_to
from tests.fakes.ollama_embed import embedded, inputs

CREATED = "2026-11-02T08:00:00.000000Z"

Fault = Literal[
    "",
    "nan",
    "fewer",
    "zeros",
    "error line",
    "no done frame",
    "thinks only",
    "silent",
    "cut connection",
    "not json",
    "error object",
]

_INTEGERS = ("num_ctx", "num_predict", "num_keep", "seed", "top_k", "num_gpu", "num_batch", "num_thread")
_NUMBERS = ("temperature", "top_p", "min_p", "repeat_penalty")
_OPTIONS = frozenset((*_INTEGERS, *_NUMBERS, "stop", "use_mmap", "main_gpu", "presence_penalty", "frequency_penalty"))


@dataclass(frozen=True)
class Model:
    name: str
    capabilities: tuple[str, ...] = ("completion",)
    trained_context: int = 262144
    family: str = "fake"
    digest: str = "0" * 64
    native_template: bool = False
    """Which of the two ways a picture is refused by a model without vision: 500, or 400."""


@dataclass
class Script:
    """How the next answers go. `status` and `body` are sent instead of an answer, to show and chat alike.

    `gate`: nothing is sent after `pieces_before_gate` pieces until it is set. `endless`: the answer goes on
    until the client hangs up.
    """

    text: str | None = None
    fault: Fault = ""
    error: str = "an error was encountered while running the model: CUDA error"
    after: int = 2
    status: int = 0
    body: bytes = b""
    location: str = ""
    gate: Event | None = None
    pieces_before_gate: int = 1
    endless: bool = False


@dataclass(frozen=True)
class Request:
    path: str
    body: dict[str, Any]


@dataclass
class OllamaServer:
    url: str
    models: dict[str, Model]
    script: Script = field(default_factory=Script)
    requests: list[Request] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    started: Event = field(default_factory=Event)
    """Set when the first frame of an answer was sent."""
    hung_up: Event = field(default_factory=Event)
    """Set when a client left in the middle of an answer."""

    def embedded(self) -> list[str]:
        """Every text that /api/embed was asked for, in order."""
        return [text for request in self.requests if request.path == "/api/embed" for text in inputs(request.body)]

    def chats(self) -> list[dict[str, Any]]:
        return [request.body for request in self.requests if request.path == "/api/chat"]


@contextmanager
def ollama_server(*models: Model) -> Iterator[OllamaServer]:
    """Serve these models (default: one that sees and one that does not) until the block ends."""
    known = models or (
        Model("sees:4b", ("completion", "vision", "tools")),
        Model("reads:1b"),
        Model("embeds:1b", ("embedding",)),
    )
    server = OllamaServer("", {model.name: model for model in known})

    class Handler(_Handler):
        ollama = server

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        if server.script.gate is not None:
            server.script.gate.set()
        http.shutdown()
        http.server_close()
        thread.join(10)


def closed_address() -> str:
    """An address of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class _Refused(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    ollama: OllamaServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded instead."""

    def do_GET(self) -> None:
        models = [_listed(model) for model in self.ollama.models.values()]
        if self.path == "/":
            self._send(200, b"Ollama is running", "text/plain; charset=utf-8")
        elif self.path == "/api/version":
            self._json(200, {"version": "0.33.0"})
        elif self.path in ("/api/tags", "/api/ps"):
            self._json(200, {"models": models if self.path == "/api/tags" else []})
        else:
            self._send(404, b"404 page not found", "text/plain")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path not in ("/api/chat", "/api/show", "/api/embed"):
            self._send(404, b"404 page not found", "text/plain")
            return
        try:
            body = _decoded(raw)
            self.ollama.requests.append(Request(self.path, body))
            if self.ollama.script.status:
                self._send(self.ollama.script.status, self.ollama.script.body, "application/json")
                return
            model = self._model(body)
            if self.path == "/api/show":
                self._json(200, _shown(model))
            elif self.path == "/api/embed":
                self._embed(model, body)
            else:
                self._chat(model, body)
        except _Refused as refused:
            self._json(refused.status, {"error": str(refused)})
        except (BrokenPipeError, ConnectionResetError):
            self.ollama.hung_up.set()
            self.close_connection = True

    # ------------------------------------------------------------ chat

    def _model(self, body: dict[str, Any]) -> Model:
        name = body.get("model") or ""
        if not name:
            raise _Refused(400, "model is required")
        model = self.ollama.models.get(name) or self.ollama.models.get(f"{name}:latest")
        if model is None:
            quoted = f'"{name}" not found, try pulling it first' if self.path == "/api/embed" else f"'{name}' not found"
            raise _Refused(404, f"model {quoted}")
        return model

    def _chat(self, model: Model, body: dict[str, Any]) -> None:
        script, messages = self.ollama.script, body.get("messages") or []
        if "completion" not in model.capabilities:
            raise _Refused(400, f'"{model.name}" does not support chat')
        if body.get("think") and "thinking" not in model.capabilities:
            raise _Refused(400, f'"{model.name}" does not support thinking')
        options = _options(body.get("options") or {}, self.ollama.warnings)
        pictures = [_picture(data) for message in messages for data in message.get("images") or []]
        if pictures and "vision" not in model.capabilities:
            raise _no_vision(model)
        words = sum(len(message.get("content", "")) // 4 for message in messages)
        prompt_tokens = words + sum(max(1024, width * height // 32**2) for width, height in pictures)
        context = min(options.get("num_ctx") or 4096, model.trained_context)
        if prompt_tokens > context:
            raise _too_long(prompt_tokens, context)
        text = script.text
        if text is None:
            text = reply_to(messages[-1]["content"]) if messages else ""
        reason, pieces = "stop" if messages else "load", pieces_of(text)
        longest = options.get("num_predict", -1)
        if 0 <= longest < len(pieces):
            reason, pieces = "length", pieces[:longest]
        counts = {
            "done_reason": reason,
            "total_duration": 1_500_000_000,
            "load_duration": 200_000_000,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": 300_000_000,
            "eval_count": len(pieces),
            "eval_duration": 900_000_000,
        }
        if body.get("stream", True) is False:
            message = {"role": "assistant", "content": "".join(pieces)}
            self._json(200, _frame(model, message, done=True) | counts)
        else:
            self._stream(model, pieces, {name: count for name, count in counts.items() if count})

    def _embed(self, model: Model, body: dict[str, Any]) -> None:
        script = self.ollama.script
        if script.gate is not None:
            script.gate.wait(30)
        if script.fault == "cut connection":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status, answer = embedded(model.name, model.capabilities, model.trained_context, body, script.fault)
        self._send(status, answer, "application/json; charset=utf-8")

    def _stream(self, model: Model, pieces: list[str], counts: dict[str, Any]) -> None:
        script = self.ollama.script
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = [] if script.fault == "silent" else pieces
        for count, piece in enumerate(pieces):
            if script.gate is not None and count == script.pieces_before_gate:
                script.gate.wait(30)
            if count == script.after and self._faulty(script):
                return
            kind = "thinking" if script.fault == "thinks only" else "content"
            message = {"role": "assistant", "content": ""} | {kind: piece}
            self._line(_frame(model, message))
            self.ollama.started.set()
        while script.endless:
            self._line(_frame(model, {"role": "assistant", "content": " and so on"}))
        if script.fault != "no done frame":
            self._line(_frame(model, {"role": "assistant", "content": ""}, done=True) | counts)
        self._chunk(b"")

    def _faulty(self, script: Script) -> bool:
        """Do what goes wrong in the middle of an answer; whether that was its end."""
        if script.fault == "error line":
            self._line({"error": script.error})
        elif script.fault == "error object":
            self._line({"error": {"code": 500, "message": script.error}})
        elif script.fault == "not json":
            self._chunk(b"<html>Bad gateway</html>\n")
        elif script.fault == "cut connection":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return True
        else:
            return False
        self._chunk(b"")
        return True

    # ------------------------------------------------------------ bytes

    def _line(self, value: dict[str, Any]) -> None:
        self._chunk(json.dumps(value).encode() + b"\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode(), "application/json; charset=utf-8")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.ollama.script.location:
            self.send_header("Location", self.ollama.script.location)
        self.end_headers()
        self.wfile.write(body)


def _decoded(raw: bytes) -> dict[str, Any]:
    if not raw:
        raise _Refused(400, "missing request body")
    try:
        body = json.loads(raw)
    except json.JSONDecodeError as error:
        raise _Refused(400, f"invalid character at offset {error.pos}") from error
    if not isinstance(body, dict):
        raise _Refused(400, "json: cannot unmarshal array into Go value of type api.ChatRequest")
    return body


def _options(options: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    for name, value in options.items():
        if name not in _OPTIONS:
            warnings.append(f"invalid option provided: {name}")
        elif name in _INTEGERS and (isinstance(value, bool) or value != int(value)):
            raise _Refused(500, f'option "{name}" must be of type integer')
        elif name in _NUMBERS and not isinstance(value, int | float):
            raise _Refused(500, f'option "{name}" must be of type float32')
    return options


def _picture(data: str) -> tuple[int, int]:
    """Its size. Go's decoder is strict: a `data:` prefix, a space or a wrong length is an error."""
    try:
        raw = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise _Refused(400, "illegal base64 data at input byte 4") from error
    try:
        with Image.open(BytesIO(raw)) as image:
            image.load()
            return image.size
    except (UnidentifiedImageError, OSError) as error:
        raise _Refused(400, _llama(400, "Failed to load image or audio file")) from error


def _llama(code: int, message: str, **more: Any) -> str:
    """llama-server's own error, which Ollama passes on as a string that holds JSON."""
    return json.dumps({"error": {"code": code, "message": message, **more}})


def _no_vision(model: Model) -> _Refused:
    if model.native_template:
        message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
        return _Refused(500, _llama(500, message, type="server_error"))
    return _Refused(400, _llama(400, "Multimodal data provided, but model does not support multimodal requests."))


def _too_long(tokens: int, context: int) -> _Refused:
    message = f"request ({tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    more = {"type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": context}
    return _Refused(400, _llama(400, message, **more))


def _frame(model: Model, message: dict[str, str], done: bool = False) -> dict[str, Any]:
    return {"model": model.name, "created_at": CREATED, "message": message, "done": done}


def _shown(model: Model) -> dict[str, Any]:
    return {
        "modelfile": f"FROM {model.name}",
        "template": "{{ .Prompt }}",
        "details": {"family": model.family, "parameter_size": "4B", "quantization_level": "Q4_K_M"},
        "model_info": {
            "general.architecture": model.family,
            f"{model.family}.context_length": model.trained_context,
        },
        "capabilities": list(model.capabilities),
        "modified_at": CREATED,
    }


def _listed(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": CREATED,
        "size": 3_300_000_000,
        "digest": model.digest,
    }
