"""Text embeddings from /v1/embeddings, as vLLM, llama.cpp's server, LM Studio, LocalAI and TEI serve it.

From their sources: vectors may come in another order than the texts, `index` says which is which; no server adds the
prefixes that a model was trained with; llama.cpp answers 501 unless it was started with --embeddings, and refuses texts
longer than its physical batch (-ub), which may be shorter than its context.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import httpx

from rag.adapters.embedder_errors import Remedies, as_embedder_errors
from rag.adapters.openai_client import ServerAddress, error_body, open_openai_client, response_error
from rag.adapters.openai_errors import map_errors, message_of
from rag.adapters.server_embedder import METADATA_SECONDS, SendTexts, ServerEmbedder
from rag.adapters.text_windows import DEFAULT_CONTEXT
from rag.adapters.whole_texts import TextTooLong
from rag.errors import EmbedderFailed, ModelMissing
from rag.setting_groups import TextSettings

TOO_LONG = ("too large to process", "maximum context length", "exceeds the available context", "must have less than")
"""What llama.cpp, vLLM, llama.cpp and TEI say, in this order."""

_CANNOT_EMBED = (404, 405, 501)


class OpenAIEmbedder(ServerEmbedder):
    """An embedder of an OpenAI-compatible server. Each call has its own connection."""

    def __init__(self, settings: TextSettings, model: str) -> None:
        super().__init__(settings, model)
        self._server = ServerAddress(settings.host, settings.api_key, settings.allow_public, "MAGPIE_TEXT")

    @property
    def identity(self) -> str:
        """Contains what the server says about the model's weights; requested each time, because they may be replaced.

        Only llama.cpp tells their size, and vLLM their source: elsewhere another model under the same name is not
        noticed unless its vectors have another length.
        """
        row = self._listed()
        meta = row.get("meta") or {}
        known = [row.get("root"), *(meta.get(name) for name in ("n_params", "n_embd", "size"))]
        digest = hashlib.sha256(json.dumps([self._model, known]).encode()).hexdigest()[:12]
        return self._named("openai", digest)

    @cached_property
    def context(self) -> int:
        """The context length in tokens that the server reports, or else the one in the model's card."""
        row = self._listed()
        found = row.get("max_model_len") or (row.get("meta") or {}).get("n_ctx")
        return found if isinstance(found, int) and found > 0 else self._card.tokens or DEFAULT_CONTEXT

    def _listed(self) -> dict[str, Any]:
        """Return the model's row in the server's list, or an empty one if the server has no list.

        Raise WeightsMissing if the list has other models only.
        """
        with self._map_errors(), open_openai_client(self._server, METADATA_SECONDS) as client:
            response = client.get("models")
            if response.status_code == httpx.codes.NOT_FOUND:  # TEI serves one model under any name
                return {}
            if response.status_code != httpx.codes.OK:
                raise response_error(response, self._model, self._settings.host)
            rows: dict[str, dict[str, Any]] = {row["id"]: row for row in response.json()["data"]}
            if self._model not in rows:
                raise ModelMissing(f"{self._model} is missing.")
            return rows[self._model]

    @contextmanager
    def _connection(self) -> Iterator[SendTexts]:
        with self._map_errors(), open_openai_client(self._server, self._settings.seconds) as client:
            yield partial(self._request, client)

    def _request(self, client: httpx.Client, texts: list[str]) -> list[list[float]]:
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        response = client.post("embeddings", json=body)
        if response.status_code != httpx.codes.OK:
            self._raise(response)
        rows = response.json()["data"]
        return [row["embedding"] for row in sorted(rows, key=lambda row: int(row["index"]))]

    def _raise(self, response: httpx.Response) -> None:
        error = response_error(response, self._model, self._settings.host)
        message = message_of(error_body(response))
        if any(phrase in message.lower() for phrase in TOO_LONG):
            raise TextTooLong(message) from error
        if response.status_code in _CANNOT_EMBED and not isinstance(error, ModelMissing):
            raise EmbedderFailed(
                f"The server at {self._settings.host} cannot embed texts ({response.status_code}).", self._remedy
            )
        raise error

    @property
    def _remedy(self) -> str:
        return f"Serve an embedding model as {self._model} (llama.cpp needs --embeddings), or set MAGPIE_TEXT__MODEL."

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        host = self._settings.host
        remedies = Remedies(
            server="model server",
            model=self._model,
            address=host,
            down="Start it, and check MAGPIE_TEXT__HOST and MAGPIE_TEXT__API_KEY.",
            missing="Set MAGPIE_TEXT__MODEL to openai: and the name under which the server lists it at /v1/models.",
            unfit=self._remedy,
            busy="See the log of the model server.",
        )
        with as_embedder_errors(remedies), map_errors(self._model, host):
            yield
