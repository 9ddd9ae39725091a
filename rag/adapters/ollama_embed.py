"""Text embeddings with Ollama's /api/embed.

From Ollama's source (0.33): it adds no prefixes, it cuts long texts silently unless `truncate` is false, it reports
internal errors as status 400, and it embeds the texts of one request one after another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.adapters.ollama_client import DEFAULT_ADDRESS, open_client
from rag.adapters.ollama_errors import map_errors, pull_command, start_command
from rag.adapters.text_model_cards import card_of
from rag.adapters.text_windows import windows
from rag.adapters.unit_rows import unit_rows
from rag.errors import (
    BadSetting,
    EmbedderBusy,
    EmbedderDown,
    EmbedderFailed,
    GeneratorDown,
    MagpieError,
    ModelMissing,
    ModelUnfit,
    TryAgain,
    WeightsMissing,
)
from rag.ports import Vector
from rag.settings import TextSettings

if TYPE_CHECKING:
    import ollama

_METADATA_SECONDS = 10.0
"""Metadata of a model is read from files and never waits for the model."""

_KEEP_ALIVE = "30m"

_DEFAULT_CONTEXT = 512
"""Tokens that a model reads if the server does not say."""

_MAX_WINDOW = 2048
"""Tokens of a window, even if the model reads more: one vector cannot represent ten pages."""

_CHARS_PER_TOKEN = 3
"""Fewer than in prose, so that most windows fit; a window that does not fit is halved."""

_TOO_LONG = ("input length exceeds", "exceeds the available context", "too large to process", "longer than the context")


class OllamaEmbedder:
    """Implements ports.TextEmbedder with an Ollama server. Each call has its own connection."""

    def __init__(self, settings: TextSettings, model: str, address: str) -> None:
        self._settings = settings
        self._model = model
        self._address = ollama_address(address)
        self._card = card_of(model)

    @property
    def identity(self) -> str:
        """Contains the digest of the model's file; requested each time, because the model may be pulled again."""
        with self._map_errors(), self._open(_METADATA_SECONDS) as client:
            listed = {row.model: row.digest for row in client.list().models}
            digest = listed.get(self._model) or listed.get(f"{self._model}:latest")
            if not digest:
                raise ModelMissing(f"{self._model} is missing.")
            # Older servers do not report capabilities.
            capabilities = client.show(self._model).capabilities
        if capabilities and "embedding" not in capabilities:
            raise EmbedderFailed(
                f"the model {self._model} cannot embed texts", "set MAGPIE_TEXT__MODEL to ollama:nomic-embed-text"
            )
        name = re.sub("[^A-Za-z0-9_-]", "-", self._model.rsplit("/", 1)[-1])
        digest = re.sub("[^0-9a-f]", "", digest.removeprefix("sha256:"))[:12]
        return f"ollama-{name[:30]}-{digest or 'unknown'}-{self._card.version}"

    @cached_property
    def dim(self) -> int:
        return len(self.embed_queries(["?"])[0])

    @cached_property
    def context(self) -> int:
        """The model's context length in tokens."""
        with self._map_errors(), self._open(_METADATA_SECONDS) as client:
            metadata = client.show(self._model).modelinfo or {}
        context = metadata.get(f"{metadata.get('general.architecture')}.context_length")
        return int(context) if isinstance(context, int | float) and context > 0 else _DEFAULT_CONTEXT

    def windows(self, text: str) -> list[str]:
        prefix = max(len(self._card.query), len(self._card.document))
        tokens = min(self.context, self._card.tokens or _MAX_WINDOW, _MAX_WINDOW)
        max_chars = tokens * _CHARS_PER_TOKEN - prefix
        return windows(text, max(_CHARS_PER_TOKEN, max_chars), lambda piece: len(piece) + 1)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        found: list[Vector] = []
        size = self._settings.batch
        with self._map_errors(), self._open(self._settings.seconds) as client:
            for start in range(0, len(texts), size):
                found += self._embed_batch(client, texts[start : start + size], prefix)
        return found

    def _embed_batch(self, client: ollama.Client, texts: Sequence[str], prefix: str) -> list[Vector]:
        """Return vectors of whole texts. A text that is too long is embedded in halves, whose vectors are averaged."""
        import ollama

        try:
            answer = client.embed(
                model=self._model, input=[prefix + text for text in texts], truncate=False, keep_alive=_KEEP_ALIVE
            )
        except ollama.ResponseError as error:
            if not any(phrase in str(error.error).lower() for phrase in _TOO_LONG) or not any(
                len(t) > 1 for t in texts
            ):
                raise
            if len(texts) > 1:
                return [vector for text in texts for vector in self._embed_batch(client, [text], prefix)]
            half = len(texts[0]) // 2
            halves = (texts[0][:half], texts[0][half:])
            parts = [vector for text in halves for vector in self._embed_batch(client, [text], prefix)]
            return self._rows([np.mean(parts, axis=0)], 1)
        return self._rows(answer.embeddings, len(texts))

    def _rows(self, found: Sequence[Any], count: int) -> list[Vector]:
        """Return `count` unit vectors. Raise EmbedderFailed for another number of rows or rows of different lengths."""
        if len(found) != count or len({len(row) for row in found}) != 1:
            raise EmbedderFailed(
                f"Ollama sent {len(found)} vectors for {count} texts, or vectors of different lengths.",
                f"Pull the model again: {pull_command(self._model, self._address)}",
            )
        return unit_rows(np.asarray(found), f"Pull the model again: {pull_command(self._model, self._address)}")

    def _open(self, seconds: float) -> ollama.Client:
        return open_client(self._address, seconds, "MAGPIE_TEXT__HOST")

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        """Map the generator's errors to the embedder's, with remedies for the embedder's settings."""
        try:
            with map_errors(self._model, self._address):
                yield
        except GeneratorDown as error:
            start = start_command(self._model, self._address)
            raise EmbedderDown(str(error), f"{start} (MAGPIE_TEXT__HOST sets the address)") from error
        except ModelMissing as error:
            message = f"The model {self._model} is not on the Ollama server at {self._address}."
            raise WeightsMissing(message, pull_command(self._model, self._address)) from error
        except ModelUnfit as error:
            raise EmbedderFailed(
                f"Ollama cannot embed with {self._model}: {_cause(error)}",
                "Set MAGPIE_TEXT__MODEL to an embedding model, such as ollama:nomic-embed-text.",
            ) from error
        except TryAgain as error:
            raise EmbedderBusy(
                f"Ollama did not embed the texts: {_cause(error)}", "Magpie tries again. See Ollama's log."
            ) from error


def ollama_address(setting: str) -> str:
    """Return the address of the Ollama server: the setting, OLLAMA_HOST, or the default one."""
    return setting or os.environ.get("OLLAMA_HOST", "") or DEFAULT_ADDRESS


def list_models(setting: str, *, connect: float, seconds: float) -> list[tuple[str, int]]:
    """Return (name with its tag, size in bytes) of every model on the server at this address.

    Wait at most `connect` seconds for a connection and `seconds` for an answer. Raise a MagpieError if there is none.
    """
    address = ollama_address(setting)
    with map_errors("", address), open_client(address, seconds, "MAGPIE_TEXT__HOST", connect) as client:
        return [(row.model, int(row.size or 0)) for row in client.list().models if row.model]


def _cause(error: MagpieError) -> str:
    """Return the first line of the original error's message."""
    return str(error.__cause__ or error).splitlines()[0][:200]


def open_ollama_embedder(settings: TextSettings, model: str, address: str) -> OllamaEmbedder:
    """Return an embedder for a model of an Ollama server; sends no request yet.

    Raise BadSetting for a model that runs in Ollama's cloud, because every text would be sent there.
    """
    if model.lower().endswith((":cloud", "-cloud")):
        raise BadSetting(
            f"The model {model} runs in Ollama's cloud: every text would leave your network.",
            "Set MAGPIE_TEXT__MODEL to a local model, such as ollama:nomic-embed-text.",
        )
    return OllamaEmbedder(settings, model, address)
