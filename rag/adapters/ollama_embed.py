"""Texts to vectors with Ollama's /api/embed.

What it really does was read in its source (0.33): no prefix is ever added, a text that is too long is cut in
silence unless `truncate` is false, internal errors come as 400, the inputs of one request run one after another.
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
from rag.adapters.ollama_errors import pull_command, start_command, told_apart
from rag.adapters.text_windows import prefixes_of, windows
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

_LOOK_SECONDS = 10.0
"""What is on the server is read from files and never waits for a model."""

_KEEP_ALIVE = "30m"

_CONTEXT = 512
"""Tokens a model reads when its server does not say."""

_LONGEST_WINDOW = 2048
"""Tokens of a window of a model that reads more: one vector says little about ten pages."""

_LETTERS = 3
"""Characters a token is taken to have: fewer than in prose, so that a window fits; what still does not is halved."""

_TOO_LONG = ("input length exceeds", "exceeds the available context", "too large to process", "longer than the context")


class OllamaEmbedder:
    """TextEmbedder on an Ollama server. Each call has its own connection."""

    def __init__(self, settings: TextSettings, model: str, address: str) -> None:
        self._settings = settings
        self._model = model
        self._address = address or os.environ.get("OLLAMA_HOST", "") or DEFAULT_ADDRESS
        self._prefixes = prefixes_of(model)

    @property
    def identity(self) -> str:
        """By the digest of the model's file, asked for each time: a model pulled again may be another."""
        with self._told_apart(), self._open(_LOOK_SECONDS) as client:
            listed = {row.model: row.digest for row in client.list().models}
            digest = listed.get(self._model) or listed.get(f"{self._model}:latest")
            if not digest:
                raise ModelMissing(f"{self._model} is not there.")
            # Whether it embeds at all is said by newer servers alone.
            able = client.show(self._model).capabilities
        if able and "embedding" not in able:
            raise EmbedderFailed(
                f"the model {self._model} makes no vectors", "set MAGPIE_TEXT__MODEL to one that does: nomic-embed-text"
            )
        name = re.sub("[^A-Za-z0-9_-]", "-", self._model.rsplit("/", 1)[-1])
        digest = re.sub("[^0-9a-f]", "", digest.removeprefix("sha256:"))[:12]
        return f"ollama-{name[:30]}-{digest or 'unknown'}-{self._prefixes.version}"

    @cached_property
    def dim(self) -> int:
        return len(self.embed_queries(["?"])[0])

    @cached_property
    def context(self) -> int:
        """Tokens the model reads."""
        with self._told_apart(), self._open(_LOOK_SECONDS) as client:
            facts = client.show(self._model).modelinfo or {}
        longest = facts.get(f"{facts.get('general.architecture')}.context_length")
        return int(longest) if isinstance(longest, int | float) and longest > 0 else _CONTEXT

    def windows(self, text: str) -> list[str]:
        prefix = max(len(self._prefixes.query), len(self._prefixes.document))
        room = min(self.context, _LONGEST_WINDOW) * _LETTERS - prefix
        return windows(text, max(_LETTERS, room), lambda piece: len(piece) + 1)

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._prefixes.document)

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        return self._embed(texts, self._prefixes.query)

    def _embed(self, texts: Sequence[str], prefix: str) -> list[Vector]:
        found: list[Vector] = []
        size = self._settings.batch
        with self._told_apart(), self._open(self._settings.seconds) as client:
            for start in range(0, len(texts), size):
                found += self._whole(client, texts[start : start + size], prefix)
        return found

    def _whole(self, client: ollama.Client, texts: Sequence[str], prefix: str) -> list[Vector]:
        """Vectors of texts, none of them cut: one that proves too long is embedded in halves, which are averaged."""
        import ollama

        try:
            answer = client.embed(
                model=self._model, input=[prefix + text for text in texts], truncate=False, keep_alive=_KEEP_ALIVE
            )
        except ollama.ResponseError as error:
            if not any(sign in str(error.error).lower() for sign in _TOO_LONG) or not any(len(t) > 1 for t in texts):
                raise
            if len(texts) > 1:
                return [vector for text in texts for vector in self._whole(client, [text], prefix)]
            half = len(texts[0]) // 2
            halves = (texts[0][:half], texts[0][half:])
            parts = [vector for text in halves for vector in self._whole(client, [text], prefix)]
            return self._rows([np.mean(parts, axis=0)], 1)
        return self._rows(answer.embeddings, len(texts))

    def _rows(self, found: Sequence[Any], wanted: int) -> list[Vector]:
        """Rows of length one."""
        if len(found) != wanted or len({len(row) for row in found}) != 1:
            raise EmbedderFailed(
                f"Ollama sent {len(found)} vectors for {wanted} texts, or vectors of several lengths.",
                f"Pull the model again: {pull_command(self._model, self._address)}",
            )
        return unit_rows(np.asarray(found), f"Pull the model again: {pull_command(self._model, self._address)}")

    def _open(self, seconds: float) -> ollama.Client:
        return open_client(self._address, seconds, "MAGPIE_TEXT__HOST")

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        """The generator's errors as the embedder's: the same failures, with other remedies."""
        try:
            with told_apart(self._model, self._address):
                yield
        except GeneratorDown as error:
            start = start_command(self._model, self._address)
            raise EmbedderDown(str(error), f"{start} (MAGPIE_TEXT__HOST sets the address)") from error
        except ModelMissing as error:
            said = f"The model {self._model} is not on the Ollama server at {self._address}."
            raise WeightsMissing(said, pull_command(self._model, self._address)) from error
        except ModelUnfit as error:
            raise EmbedderFailed(
                f"Ollama cannot embed with {self._model}: {_cause(error)}",
                "Set MAGPIE_TEXT__MODEL to an embedding model, such as ollama:nomic-embed-text.",
            ) from error
        except TryAgain as error:
            raise EmbedderBusy(
                f"Ollama did not embed: {_cause(error)}", "It is tried again by itself; Ollama's log says more."
            ) from error


def _cause(error: MagpieError) -> str:
    return str(error.__cause__ or error).splitlines()[0][:200]


def open_ollama_embedder(settings: TextSettings, model: str, address: str) -> OllamaEmbedder:
    """An Ollama server's model as TextEmbedder; asks the server nothing yet.

    Raise BadSetting for a model that runs in the cloud: Ollama would send it every text.
    """
    if model.lower().endswith((":cloud", "-cloud")):
        raise BadSetting(
            f"The model {model} runs in Ollama's cloud: every text would leave this house.",
            "Set MAGPIE_TEXT__MODEL to a model on your own machine, such as ollama:nomic-embed-text.",
        )
    return OllamaEmbedder(settings, model, address)
