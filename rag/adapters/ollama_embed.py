"""Text embeddings with Ollama's /api/embed.

From Ollama's source (0.33): it adds no prefixes, it cuts long texts silently unless `truncate` is false, it reports
internal errors as status 400, and it embeds the texts of one request one after another.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING

from rag.adapters.embedder_errors import Remedies, as_embedder_errors
from rag.adapters.ollama_client import DEFAULT_ADDRESS, open_client
from rag.adapters.ollama_errors import map_errors, pull_command, start_command
from rag.adapters.text_model_cards import card_of
from rag.adapters.text_windows import DEFAULT_CONTEXT, windows_by_letters
from rag.adapters.whole_texts import TextTooLong, embed_whole
from rag.errors import BadSetting, EmbedderFailed, ModelMissing
from rag.ports import Vector
from rag.settings import TextSettings

if TYPE_CHECKING:
    import ollama

_METADATA_SECONDS = 10.0
"""Metadata of a model is read from files and never waits for the model."""

_KEEP_ALIVE = "30m"

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
        return int(context) if isinstance(context, int | float) and context > 0 else DEFAULT_CONTEXT

    def windows(self, text: str) -> list[str]:
        return windows_by_letters(text, self._card, self.context)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._card.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        found: list[Vector] = []
        size = self._settings.batch
        remedy = f"Pull the model again: {pull_command(self._model, self._address)}"
        with self._map_errors(), self._open(self._settings.seconds) as client:
            for start in range(0, len(texts), size):
                batch = texts[start : start + size]
                found += embed_whole(batch, prefix, partial(self._request, client), remedy)
        return found

    def _request(self, client: ollama.Client, texts: list[str]) -> Sequence[Sequence[float]]:
        import ollama

        try:
            answer = client.embed(model=self._model, input=texts, truncate=False, keep_alive=_KEEP_ALIVE)
        except ollama.ResponseError as error:
            if any(phrase in str(error.error).lower() for phrase in _TOO_LONG):
                raise TextTooLong(str(error.error)) from error
            raise
        found: Sequence[Sequence[float]] = answer.embeddings
        return found

    def _open(self, seconds: float) -> ollama.Client:
        return open_client(self._address, seconds, "MAGPIE_TEXT__HOST")

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        start, pull = start_command(self._model, self._address), pull_command(self._model, self._address)
        remedies = Remedies(
            server="Ollama server",
            model=self._model,
            address=self._address,
            down=f"{start} (MAGPIE_TEXT__HOST sets the address)",
            missing=pull,
            unfit="Set MAGPIE_TEXT__MODEL to an embedding model, such as ollama:nomic-embed-text.",
            busy="See Ollama's log.",
        )
        with as_embedder_errors(remedies), map_errors(self._model, self._address):
            yield


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
