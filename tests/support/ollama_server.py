"""A fake Ollama server with the API's frames, counts, statuses and error bodies.

Follows the source of Ollama 0.33 (server/routes.go, llm/llama_server.go, docs/api). It listens on a free loopback
port. Its answers are those of the fake generator, or come from `script`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, islice
from threading import Event, Lock, Thread
from typing import Any, Literal

from tests.support.generator import pieces_of, reply_to
from tests.support.ollama_chat import Model, Refused, Taken, decoded, taken
from tests.support.ollama_embed import embedded, inputs

_LOCAL = (".localhost", ".local", ".internal")

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


@dataclass
class Script:
    """The behavior of the next answers. `text` is the reply, or a function of the user's prompt that returns it.

    `status` and `body` replace the response to any POST request. After `pieces_before_gate` pieces, an answer waits
    until `gate` is set. With `endless`, it continues until the client disconnects.
    """

    text: str | Callable[[str], str] | None = None
    fault: Fault = ""
    error: str = "an error was encountered while running the model: CUDA error"
    after: int = 2
    status: int = 0
    body: bytes = b""
    location: str = ""
    gate: Event | None = None
    pieces_before_gate: int = 1
    endless: bool = False

    def reply(self, user: str) -> str:
        """Return the reply to a user's prompt."""
        if self.text is None:
            return reply_to(user)
        return self.text(user) if callable(self.text) else self.text


@dataclass(frozen=True)
class Request:
    path: str
    body: dict[str, Any]


@dataclass
class OllamaServer:
    url: str
    models: dict[str, Model]
    script: Script = field(default_factory=Script)
    model: Callable[[Taken], Iterator[str]] | None = None
    """Writes the answers, token by token, instead of the script: a real model behind this protocol."""
    requests: list[Request] = field(default_factory=list)
    usage: list[tuple[int, int]] = field(default_factory=list)
    """The tokens of prompt and answer that were counted for each answer of the script."""
    warnings: list[str] = field(default_factory=list)
    started: Event = field(default_factory=Event)
    """Set when the first frame of an answer has been sent."""
    hung_up: Event = field(default_factory=Event)
    """Set when a client has disconnected during an answer."""
    loaded: dict[str, int] = field(default_factory=dict)
    """The models in memory and their context windows. Another window loads a model again, which `loads` counts."""
    loads: int = 0
    lock: Lock = field(default_factory=Lock)

    def load(self, model: Model, context: int, *, unload: bool = False) -> None:
        with self.lock:
            if unload:
                self.loaded.pop(model.name, None)
            elif self.loaded.get(model.name) != context:
                self.loaded[model.name] = context
                self.loads += 1

    def running(self) -> list[dict[str, Any]]:
        """Return the models of /api/ps."""
        with self.lock:
            return [
                _listed(self.models[name])
                | {"size_vram": _listed(self.models[name])["size"], "expires_at": CREATED, "context_length": context}
                for name, context in self.loaded.items()
            ]

    def embedded(self) -> list[str]:
        """Return the texts of all requests to /api/embed, in order."""
        return [text for request in self.requests if request.path == "/api/embed" for text in inputs(request.body)]

    def chats(self) -> list[dict[str, Any]]:
        return [request.body for request in self.requests if request.path == "/api/chat"]


@contextmanager
def ollama_server(*models: Model) -> Iterator[OllamaServer]:
    """Serve these models until the block ends. By default: one with vision, one without, and one for embeddings."""
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
    """Return a URL of this machine at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class _Handler(BaseHTTPRequestHandler):
    ollama: OllamaServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # by a client that stopped reading
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing, because requests are recorded."""

    def do_GET(self) -> None:
        if self._reject_foreign_host():
            return
        if self.path == "/":
            self._send(200, b"Ollama is running", "text/plain; charset=utf-8")
        elif self.path == "/api/version":
            self._json(200, {"version": "0.33.0"})
        elif self.path == "/api/tags":
            self._json(200, {"models": [_listed(model) for model in self.ollama.models.values()]})
        elif self.path == "/api/ps":
            self._json(200, {"models": self.ollama.running()})
        else:
            self._send(404, b"404 page not found", "text/plain")

    def _reject_foreign_host(self) -> bool:
        """Send 403 with an empty body if the Host is not local, as Ollama does on the loopback interface."""
        host = (self.headers.get("Host") or "").rpartition(":")[0].strip("[]") or "localhost"
        local = host in ("localhost", "::1") or host.startswith(("127.", "10.", "192.168.")) or host.endswith(_LOCAL)
        if not local:
            self._send(403, b"", "text/plain")
        return not local

    def do_POST(self) -> None:
        if self._reject_foreign_host():
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path not in ("/api/chat", "/api/show", "/api/embed"):
            self._send(404, b"404 page not found", "text/plain")
            return
        try:
            body = decoded(raw)
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
        except Refused as refused:
            self._json(refused.status, {"error": str(refused)})
        except (BrokenPipeError, ConnectionResetError):
            self.ollama.hung_up.set()
            self.close_connection = True

    # ------------------------------------------------------------ chat

    def _model(self, body: dict[str, Any]) -> Model:
        name = body.get("model") or ""
        if not name:
            raise Refused(400, "model is required")
        model = self.ollama.models.get(name) or self.ollama.models.get(f"{name}:latest")
        if model is None:
            quoted = f'"{name}" not found, try pulling it first' if self.path == "/api/embed" else f"'{name}' not found"
            raise Refused(404, f"model {quoted}")
        return model

    def _chat(self, model: Model, body: dict[str, Any]) -> None:
        script, asked = self.ollama.script, taken(model, body, self.ollama.warnings)
        keep = body.get("keep_alive")
        self.ollama.load(model, asked.context, unload=keep in (0, "0", "0s") and not asked.messages)
        if not asked.messages:
            reason = "unload" if keep in (0, "0", "0s") else "load"
            self._json(200, _frame(model, {"role": "assistant", "content": ""}, done=True) | {"done_reason": reason})
            return
        if self.ollama.model is not None:
            written = self.ollama.model(asked)
            first = list(islice(written, 1))  # what it refuses is refused before the stream begins
            self._stream(model, chain(first, written), {"prompt_eval_count": asked.prompt_tokens}, asked)
            return
        reason, pieces = "stop", pieces_of(script.reply(asked.messages[-1]["content"]))
        # Without a limit, an answer ends with the context window, which is not shifted for vision models.
        remaining = max(0, asked.context - asked.prompt_tokens)
        longest = min(asked.longest, remaining) if asked.longest >= 0 else remaining
        if longest < len(pieces):
            reason, pieces = "length", pieces[:longest]
        counts = {
            "done_reason": reason,
            "total_duration": 1_500_000_000,
            "load_duration": 200_000_000,
            "prompt_eval_count": asked.prompt_tokens,
            "prompt_eval_duration": 300_000_000,
            "eval_count": len(pieces),
            "eval_duration": 900_000_000,
        }
        self.ollama.usage.append((asked.prompt_tokens, len(pieces)))
        reported = {name: count for name, count in counts.items() if count}  # Go's omitempty
        if body.get("stream", True) is False:
            kind = "thinking" if asked.thinks else "content"
            message = {"role": "assistant", "content": ""} | {kind: "".join(pieces)}
            done = script.fault != "no done frame"
            self._json(200, _frame(model, message, done=done) | (reported if done else {}))
        else:
            self._stream(model, pieces, reported, asked)

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

    def _stream(self, model: Model, pieces: Iterable[str], counts: dict[str, Any], asked: Taken) -> None:
        script = self.ollama.script
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        count = -1
        for count, piece in enumerate([] if script.fault == "silent" else pieces):
            if script.gate is not None and count == script.pieces_before_gate:
                script.gate.wait(30)
            if count == script.after and self._apply_fault(script):
                return
            kind = "thinking" if asked.thinks or script.fault == "thinks only" else "content"
            message = {"role": "assistant", "content": ""} | {kind: piece}
            self._line(_frame(model, message))
            self.ollama.started.set()
        while script.endless:
            self._line(_frame(model, {"role": "assistant", "content": " and so on"}))
        if script.fault != "no done frame":
            reason = "length" if count + 1 == asked.longest else "stop"
            self._line(
                _frame(model, {"role": "assistant", "content": ""}, done=True) | {"done_reason": reason} | counts
            )
        self._chunk(b"")

    def _apply_fault(self, script: Script) -> bool:
        """Apply the fault in the middle of an answer. Return whether the answer has ended."""
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


def _frame(model: Model, message: dict[str, str], done: bool = False) -> dict[str, Any]:
    return {"model": model.name, "created_at": CREATED, "message": message, "done": done}


def _shown(model: Model) -> dict[str, Any]:
    return {
        "modelfile": f"FROM {model.name}",
        "template": "{{ .Prompt }}",
        "parameters": "",
        "details": _details(model),
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
        "details": _details(model),
        "capabilities": list(model.capabilities),
    }


def _details(model: Model) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": "4B",
        "quantization_level": "Q4_K_M",
    }
