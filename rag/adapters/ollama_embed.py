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
from rag.adapters.server_embedder import METADATA_SECONDS, SendTexts, ServerEmbedder
from rag.adapters.text_windows import DEFAULT_CONTEXT
from rag.adapters.whole_texts import TextTooLong
from rag.errors import BadSetting, EmbedderFailed, ModelMissing
from rag.setting_groups import TextSettings

if TYPE_CHECKING:
    import ollama

_KEEP_ALIVE = "30m"

_TOO_LONG = ("input length exceeds", "exceeds the available context", "too large to process", "longer than the context")


class OllamaEmbedder(ServerEmbedder):
    """An embedder of an Ollama server. Each call has its own connection."""

    def __init__(self, settings: TextSettings, model: str, address: str) -> None:
        super().__init__(settings, model)
        self._address = ollama_address(address)

    @property
    def identity(self) -> str:
        """Contains the digest of the model's file; requested each time, because the model may be pulled again."""
        with self._map_errors(), self._open(METADATA_SECONDS) as client:
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
        digest = re.sub("[^0-9a-f]", "", digest.removeprefix("sha256:"))[:12]
        return self._named("ollama", digest or "unknown")

    @cached_property
    def context(self) -> int:
        """The model's context length in tokens."""
        with self._map_errors(), self._open(METADATA_SECONDS) as client:
            metadata = client.show(self._model).modelinfo or {}
        context = metadata.get(f"{metadata.get('general.architecture')}.context_length")
        return int(context) if isinstance(context, int | float) and context > 0 else DEFAULT_CONTEXT

    @property
    def _remedy(self) -> str:
        return f"Pull the model again: {pull_command(self._model, self._address)}"

    @contextmanager
    def _connection(self) -> Iterator[SendTexts]:
        with self._map_errors(), self._open(self._settings.seconds) as client:
            yield partial(self._request, client)

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
