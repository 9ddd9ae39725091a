"""The text embedders on this machine and in the team's Ollama: choose one, open one, download the default one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from rag.adapters.hub_files import cached_model, download_model
from rag.adapters.ollama_embed import list_models, ollama_address
from rag.adapters.text_embedders import OLLAMA, OPENAI, SENTENCE_TRANSFORMERS, open_text_embedder
from rag.errors import EmbedderFailed, OperatorMustAct, TryAgain, WeightsMissing
from rag.ports import TextEmbedder
from rag.setting_groups import TextSettings

OLLAMA_FAMILIES = ("embeddinggemma", "qwen3-embedding", "bge-m3", "nomic-embed-text-v2-moe")
"""Multilingual embedders in Ollama's library, the preferred one first."""

DEFAULT_MODEL = "intfloat/multilingual-e5-small"
"""What `magpie models pull` downloads: 118 million parameters, 384 dimensions, about 100 languages, 0.5 GB."""

CACHED_MODELS = (
    DEFAULT_MODEL,
    "google/embeddinggemma-300m",
    "Qwen/Qwen3-Embedding-0.6B",
    "BAAI/bge-m3",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
)
"""Multilingual embedders of the Hugging Face hub, in the order of preference. Each needs no code of its own."""

_CONNECT_SECONDS, _LIST_SECONDS = 1.0, 3.0
"""A question waits for this when it is the first one; a server that is up answers within milliseconds."""


class LocalTextModels:
    """Implements ports.TextModels with an Ollama server and the local Hugging Face cache."""

    def __init__(self, settings: TextSettings, answer_host: str = "", threads: int | None = None) -> None:
        """`answer_host` is the address of the generator's Ollama, used if `text.host` is empty."""
        self._settings = settings
        self._host = settings.host or answer_host
        self._threads = threads

    def open(self, model: str) -> TextEmbedder:
        settings = self._settings.model_copy(update={"model": model})
        return open_text_embedder(settings, self._host, self._threads)

    def find(self) -> str:
        """Return the preferred model that can be used now, in Ollama first. Downloads nothing.

        Raise WeightsMissing if there is none.
        """
        for model in self._candidates():
            try:
                _ = self.open(model).identity
            except (OperatorMustAct, TryAgain):
                continue
            return model
        raise WeightsMissing(
            f"there is no multilingual text embedder in Ollama at {ollama_address(self._host)} or on this machine",
            f"ollama pull {OLLAMA_FAMILIES[0]}, or: {_pull_command()}",
        )

    def pull(self, report: Callable[[str], None]) -> Path | None:
        """Download the model of `text.model`, or the default one for `auto`, and return its folder.

        Return None if there is nothing to download: no text vectors, a folder, or a model of a server.
        """
        name = self._settings.model
        if not name or name.startswith((OLLAMA, OPENAI)):
            return None
        repository = name.removeprefix(SENTENCE_TRANSFORMERS) if name.startswith(SENTENCE_TRANSFORMERS) else ""
        if repository and Path(repository).expanduser().is_dir():
            return None
        if find_spec("sentence_transformers") is None:
            raise EmbedderFailed(
                "The package sentence-transformers is not installed, so no text embedder was downloaded.",
                "Install it (pip install 'sentence-transformers>=5.1') and run the command again, or use a model of "
                f"Ollama: ollama pull {OLLAMA_FAMILIES[0]}",
            )
        return download_model(repository or DEFAULT_MODEL, report)

    def _candidates(self) -> Iterator[str]:
        yield from (f"{OLLAMA}{name}" for name in self._list_ollama())
        if find_spec("sentence_transformers") is not None:
            for repository in CACHED_MODELS:
                if cached_model(repository) is not None:
                    yield f"{SENTENCE_TRANSFORMERS}{repository}"

    def _list_ollama(self) -> list[str]:
        """Return the server's models of the known families: preferred families first, the smallest of each first."""
        try:
            listed = list_models(self._host, connect=_CONNECT_SECONDS, seconds=_LIST_SECONDS)
        except (OperatorMustAct, TryAgain):
            return []
        found = [
            (OLLAMA_FAMILIES.index(family), size, name)
            for name, size in listed
            if (family := _family(name)) in OLLAMA_FAMILIES
        ]
        # As people write it: the name is part of the embedder's identity.
        return [name.removesuffix(":latest") for _, _, name in sorted(found)]


def _family(name: str) -> str:
    """Return the name of a model in Ollama's library, without registry, owner and tag; "" for one in the cloud."""
    lowered = name.lower()
    return "" if lowered.endswith((":cloud", "-cloud")) else lowered.rsplit("/", 1)[-1].partition(":")[0]


def _pull_command() -> str:
    command = "magpie models pull"
    return command if find_spec("sentence_transformers") else f"pip install 'sentence-transformers>=5.1' && {command}"
