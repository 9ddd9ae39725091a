"""Which text embedder the settings name."""

from __future__ import annotations

from rag.errors import BadSetting, WeightsMissing
from rag.ports import TextEmbedder
from rag.settings import TextSettings

OLLAMA, SENTENCES = "ollama:", "st:"


def open_text_embedder(settings: TextSettings, answer_host: str = "", threads: int | None = None) -> TextEmbedder:
    """The text embedder of `text.model`; loads nothing and asks nobody yet.

    `answer_host` is the address of the generator's Ollama, used when `text.host` is empty. Raise WeightsMissing when
    none is set, BadSetting for a name of another form, or of a model in Ollama's cloud.
    """
    if not settings.model:
        raise WeightsMissing("no text embedder is set", "set MAGPIE_TEXT__MODEL, such as to ollama:nomic-embed-text")
    if settings.model.startswith(OLLAMA):
        from rag.adapters.ollama_embed import open_ollama_embedder

        return open_ollama_embedder(settings, settings.model.removeprefix(OLLAMA), settings.host or answer_host)
    if settings.model.startswith(SENTENCES):
        from rag.adapters.sentence_transformers import SentenceEmbedder

        return SentenceEmbedder(settings.model.removeprefix(SENTENCES), settings, threads)
    raise BadSetting(
        f"{settings.model!r} names no text embedder.",
        "Set MAGPIE_TEXT__MODEL to ollama:MODEL, to st:NAME or st:FOLDER, or leave it empty.",
    )
