"""A fake OpenAI-compatible server: llama.cpp's, vLLM's or LM Studio's list of models, stream and errors.

Written from the sources and documentation of llama.cpp, vLLM and LM Studio. It listens on a free
loopback port. Its answers are those of the fake generator, or come from `script`.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread
from typing import Any, Literal

from PIL import Image, UnidentifiedImageError

from rag.vectors.max_sim import score_pages
from tests.support.embedder import FakeTextEmbedder
from tests.support.generator import pieces_of
from tests.support.ollama_server import Script
from tests.support.page_embedder import FakePageEmbedder
from tests.support.reranker import word_overlap

Flavor = Literal["llama.cpp", "vllm", "tei", "lm studio", "other"]

_KNOWN = frozenset(
    "model messages stream stream_options temperature max_tokens max_completion_tokens stop seed top_p "
    "chat_template_kwargs response_format".split()
)


@dataclass(frozen=True)
class ServedModel:
    name: str
    vision: bool = False
    context: int = 8192
    always_thinks: bool = False
    embeds: bool = False
    reranks: bool = False
    weights: str = "team/first"
    """Where vLLM says that the model comes from; its length stands for the size that llama.cpp reports."""


class Refused(Exception):
    """A request that the server rejects, with the status and the body of its error."""

    def __init__(self, status: int, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "code": status, **more}}


@dataclass
class OpenAIServer:
    url: str
    models: dict[str, ServedModel]
    flavor: Flavor = "vllm"
    key: str = ""
    script: Script = field(default_factory=Script)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    usage: list[tuple[int, int]] = field(default_factory=list)
    """The tokens of prompt and answer that were reported for each answer."""
    hung_up: Event = field(default_factory=Event)
    """Set when a client has disconnected during an answer."""

    def chats(self) -> list[dict[str, Any]]:
        return [body for path, body in self.requests if path == "/v1/chat/completions"]


@contextmanager
def openai_server(*models: ServedModel, flavor: Flavor = "vllm", key: str = "") -> Iterator[OpenAIServer]:
    """Serve these models until the block ends. By default: one with vision and one without."""
    known = models or (ServedModel("sees:4b", vision=True), ServedModel("reads:1b"))
    server = OpenAIServer("", {model.name: model for model in known}, flavor, key)

    class Handler(_Handler):
        openai = server

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


class _Handler(BaseHTTPRequestHandler):
    openai: OpenAIServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing, because requests are recorded."""

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # by a client that stopped reading
            super().handle()

    def do_GET(self) -> None:
        server = self.openai
        server.requests.append((self.path, {}))
        if self._is_without_key():
            return
        if server.script.status:
            self._send(server.script.status, server.script.body)
        elif self.path == "/v1/models":
            self._json(200, {"object": "list", "data": [self._listed(model) for model in server.models.values()]})
        elif self.path == "/props" and server.flavor == "llama.cpp":
            (model,) = list(server.models.values())[:1]
            modalities = {"vision": model.vision, "audio": False}
            self._json(200, {"default_generation_settings": {"n_ctx": model.context}, "modalities": modalities})
        elif self.path == "/api/v0/models" and server.flavor == "lm studio":
            rows = [
                {
                    "id": model.name,
                    "type": "vlm" if model.vision else "llm",
                    "max_context_length": 2 * model.context,
                    "loaded_context_length": model.context,
                }
                for model in server.models.values()
            ]
            self._json(200, {"object": "list", "data": rows})
        elif server.flavor == "other":
            self._send(200, b"<!doctype html><title>Welcome</title>", "text/html")
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._is_without_key():
            return
        script = self.openai.script
        try:
            body = json.loads(raw)
            self.openai.requests.append((self.path, body))
            if script.status:
                is_stream = script.body.startswith(b"data:")
                self._send(script.status, script.body, "text/event-stream" if is_stream else "application/json")
            elif self.path == "/v1/chat/completions":
                self._chat(body)
            elif self.path == "/v1/embeddings":
                self._embed(body)
            elif self.path == "/v1/rerank" and self.openai.flavor in ("llama.cpp", "vllm"):
                self._rerank(body)
            elif self.path == "/rerank" and self.openai.flavor == "tei":
                self._rerank_as_tei(body)
            elif self.openai.flavor == "tei":
                self._send(404, b"")
            else:
                self._json(404, {"detail": "Not Found"})
        except Refused as refused:
            self._json(refused.status, refused.body)
        except (BrokenPipeError, ConnectionResetError):
            self.openai.hung_up.set()
            self.close_connection = True

    def _is_without_key(self) -> bool:
        if not self.openai.key or self.headers.get("Authorization") == f"Bearer {self.openai.key}":
            return False
        self._json(401, {"error": "Unauthorized"})
        return True

    def _listed(self, model: ServedModel) -> dict[str, Any]:
        row: dict[str, Any] = {"id": model.name, "object": "model", "created": 1_790_000_000, "owned_by": "us"}
        if self.openai.flavor == "vllm":
            return row | {"max_model_len": model.context, "root": model.weights}
        if self.openai.flavor == "llama.cpp":
            return row | {"meta": {"n_ctx": model.context, "n_embd": 64, "n_params": len(model.weights), "size": 1000}}
        return row

    # ------------------------------------------------------------ chat

    def _chat(self, body: dict[str, Any]) -> None:
        if unknown := set(body) - _KNOWN:
            raise Refused(400, f"Unrecognized request arguments: {sorted(unknown)}")
        model = self.openai.models.get(body["model"])
        if model is None:
            raise Refused(404, f"The model `{body['model']}` does not exist.", type="NotFoundError")
        text, tokens = _read(body["messages"], model)
        longest = int(body.get("max_tokens", 16))
        if tokens + longest > model.context:
            raise Refused(
                400,
                f"This model's maximum context length is {model.context} tokens. However, you requested "
                f"{tokens + longest} tokens ({tokens} in the messages, {longest} in the completion).",
            )
        thinks = model.always_thinks or body.get("chat_template_kwargs", {}).get("enable_thinking", True) is not False
        script = self.openai.script
        pieces = pieces_of(script.reply(text))
        reason = "length" if longest < len(pieces) else "stop"
        usage = body.get("stream_options", {}).get("include_usage")
        self._stream(pieces[:longest], reason, tokens if usage else None, thinks=thinks and model.always_thinks)

    def _stream(self, pieces: list[str], reason: str, tokens: int | None, *, thinks: bool) -> None:
        script = self.openai.script
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._event(_chunk({"role": "assistant", "content": ""}))
        kind = "reasoning_content" if thinks or script.fault == "thinks only" else "content"
        for count, piece in enumerate([] if script.fault == "silent" else pieces):
            if script.gate is not None and count == script.pieces_before_gate:
                script.gate.wait(30)
            if count == script.after and self._apply_fault(script):
                return
            self._event(_chunk({kind: piece}))
        while script.endless:
            self._event(_chunk({"content": " and so on"}))
        if script.fault != "no done frame":
            self._event(_chunk({}, reason))
            if tokens is not None:
                self.openai.usage.append((tokens, len(pieces)))
                self._event({"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": len(pieces)}})
            self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _apply_fault(self, script: Script) -> bool:
        """Apply the fault in the middle of an answer. Return whether the answer has ended."""
        if script.fault == "error line":
            self._event({"error": script.error})
        elif script.fault == "error object":
            self._event({"error": {"code": 500, "message": script.error}})
        elif script.fault == "not json":
            self._chunk(b"data: <html>Bad gateway</html>\n\n")
        elif script.fault == "cut connection":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return True
        else:
            return False
        self._chunk(b"")
        return True

    # ------------------------------------------------------------ vectors

    def _embed(self, body: dict[str, Any]) -> None:
        """Answer with vectors in reverse order, as `index` allows. A token is a word; as in llama.cpp, none is cut."""
        if unknown := set(body) - {"model", "input", "encoding_format", "dimensions", "user"}:
            raise Refused(400, f"Unrecognized request arguments: {sorted(unknown)}")
        model = self.openai.models.get(body["model"])
        if model is None:
            raise Refused(404, f"The model `{body['model']}` does not exist.", type="NotFoundError")
        if not model.embeds:
            raise Refused(501, "This server does not support embeddings. Start it with `--embeddings`")
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows: list[dict[str, Any]] = []
        for index, words in enumerate(map(str.split, texts)):
            if not words:
                raise Refused(400, "Input content cannot be empty", type="invalid_request_error")
            if len(words) > model.context:
                size = f"current batch size: {model.context}"
                hint = f"increase the physical batch size ({size})"
                raise Refused(500, f"input ({len(words)} tokens) is too large to process. {hint}", type="server_error")
            vector = [3 * float(value) for value in FakeTextEmbedder.of_words(words)]
            rows.append({"object": "embedding", "index": index, "embedding": vector})
        fault = self.openai.script.fault
        if fault == "fewer":
            rows = rows[1:]
        if fault == "zeros":
            rows = [row | {"embedding": [0.0] * len(row["embedding"])} for row in rows]
        if fault == "not json":
            self._send(200, b"<html>Bad gateway</html>", "text/html")
        elif fault == "cut connection":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self._json(200, {"object": "list", "data": rows[::-1], "model": model.name})

    # ------------------------------------------------------------ scores

    def _rerank(self, body: dict[str, Any]) -> None:
        """Answer with one score a document, best first: llama.cpp's logits, or vLLM's scores from 0 to 1."""
        if unknown := set(body) - {"model", "query", "documents", "top_n", "return_documents"}:
            raise Refused(400, f"Unrecognized request arguments: {sorted(unknown)}")
        model = self.openai.models.get(body["model"])
        if self.openai.flavor == "llama.cpp":  # it serves one model under any name
            (model,) = list(self.openai.models.values())[:1]
        if model is None:
            raise Refused(404, f"The model `{body['model']}` does not exist.", type="NotFoundError")
        if not model.reranks:
            if self.openai.flavor == "llama.cpp":
                raise Refused(501, "This server does not support reranking. Start it with `--reranking`")
            self._json(404, {"detail": "Not Found"})
            return
        pictures = [each for each in body["documents"] if not isinstance(each, str)]
        if pictures and not model.vision:
            raise Refused(400, f"MultiModalParam is not supported for {model.name}", type="BadRequestError")
        if pictures:
            self._rerank_pictures(body, pictures)
            return
        for words in map(str.split, body["documents"]):
            if not words:
                raise Refused(400, "documents must be a non-empty string array", type="invalid_request_error")
            if len(words) > model.context:
                self._refuse_long(len(words), model)
        scores = word_overlap(body["query"], body["documents"])
        if self.openai.flavor == "llama.cpp":
            scores = [12 * score - 6 for score in scores]
        rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
        rows.sort(key=lambda row: -row["relevance_score"])
        self._send_scores({"model": body["model"], "results": rows[: body["top_n"]]}, "results")

    def _rerank_pictures(self, body: dict[str, Any], documents: Sequence[Any]) -> None:
        """Answer with scores of pictures, as vLLM takes them: by the colors that the question names."""
        embedder, pictures = FakePageEmbedder(), []
        for document in documents:
            [part] = document["content"]
            kind, _, content = part["image_url"]["url"].partition(";base64,")
            assert (part["type"], kind) == ("image_url", "data:image/jpeg")
            pictures.append(base64.b64decode(content, validate=True))
        tokens = [page for page in embedder.embed_pages(pictures) if page is not None]
        scores = [page.score for page in score_pages(embedder.embed_question(body["query"]), tokens)]
        rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
        rows.sort(key=lambda row: -row["relevance_score"])
        self._send_scores({"model": body["model"], "results": rows[: body["top_n"]]}, "results")

    def _refuse_long(self, tokens: int, model: ServedModel) -> None:
        """Refuse a document as vLLM does, or llama.cpp for its context or its batch."""
        if self.openai.flavor == "vllm":
            raise Refused(400, f"This model's maximum context length is {model.context} tokens.")
        if model.vision:
            size = f"request ({tokens} tokens) exceeds the available context size ({model.context} tokens)"
            raise Refused(400, f"{size}, try increasing it", type="exceed_context_size_error")
        raise Refused(500, f"input ({tokens} tokens) is too large to process. increase the physical batch size")

    def _rerank_as_tei(self, body: dict[str, Any]) -> None:
        if unknown := set(body) - {"query", "texts", "raw_scores", "return_text", "truncate"}:
            raise Refused(422, f"unknown field {sorted(unknown)}")
        (model,) = list(self.openai.models.values())[:1]
        if not model.reranks:
            self._json(424, {"error": "model is not a re-ranker model", "error_type": "Backend"})
        elif len(body["texts"]) > 32:
            self._json(413, {"error": "batch size 33 > maximum allowed batch size 32", "error_type": "Validation"})
        else:
            rows = [{"index": i, "score": score} for i, score in enumerate(word_overlap(body["query"], body["texts"]))]
            self._send_scores({"rows": sorted(rows, key=lambda row: -row["score"])}, "rows")

    def _send_scores(self, body: dict[str, Any], key: str) -> None:
        fault = self.openai.script.fault
        if self.openai.script.gate is not None:
            self.openai.script.gate.wait(30)
        if fault == "fewer":
            body[key] = body[key][1:]
        if fault == "not json":
            self._send(200, b"<html>Bad gateway</html>", "text/html")
        elif fault == "cut connection":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self._send(200, json.dumps(body if key == "results" else body[key]).encode())

    # ------------------------------------------------------------ bytes

    def _event(self, value: dict[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.openai.script.location:
            self.send_header("Location", self.openai.script.location)
        self.end_headers()
        self.wfile.write(body)


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice], "usage": None}


def _read(messages: list[dict[str, Any]], model: ServedModel) -> tuple[str, int]:
    """Return the text of the last message, and the tokens of all: one for four letters, and those of pictures."""
    tokens, text = 0, ""
    for message in messages:
        content = message["content"]
        parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "\n".join(part["text"] for part in parts if part["type"] == "text")
        tokens += max(len(text) // 4, len(text.split()))
        for part in parts:
            if part["type"] == "image_url":
                tokens += _picture_tokens(part["image_url"]["url"], model)
    return text, tokens


def _picture_tokens(url: str, model: ServedModel) -> int:
    if not model.vision:
        raise Refused(400, f"{model.name} is not a multimodal model")
    head, _, data = url.partition(";base64,")
    try:
        with Image.open(BytesIO(base64.b64decode(data, validate=True))) as image:
            image.load()
            kind, size = f"data:image/{(image.format or '').lower()}", image.size
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise Refused(400, "cannot identify image file") from error
    if head != kind:
        raise Refused(400, f"invalid image: {head} is not {kind}")
    return max(1024, size[0] * size[1] // 32**2)
