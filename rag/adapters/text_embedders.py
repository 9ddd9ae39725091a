"""Choose the text embedder that the settings name."""

from __future__ import annotations

from rag.errors import BadSetting, WeightsMissing
from rag.ports import TextEmbedder
from rag.setting_groups import TextSettings

OLLAMA, OPENAI, SENTENCE_TRANSFORMERS = "ollama:", "openai:", "st:"


def open_text_embedder(settings: TextSettings, answer_host: str = "", threads: int | None = None) -> TextEmbedder:
    """Return the text embedder of `text.model`. It loads nothing and connects to nothing yet.

    `answer_host` is the address of the generator's Ollama, used if `text.host` is empty. Raise WeightsMissing if no
    model is set, BadSetting for an invalid name, or a model in Ollama's cloud.
    """
    if not settings.model:
        raise WeightsMissing(
            "no text embedder is set", "set MAGPIE_TEXT__MODEL to auto, or to a model such as ollama:embeddinggemma"
        )
    if settings.model.startswith(OLLAMA):
        from rag.adapters.ollama_embed import open_ollama_embedder

        return open_ollama_embedder(settings, settings.model.removeprefix(OLLAMA), settings.host or answer_host)
    if settings.model.startswith(OPENAI):
        from rag.adapters.openai_embed import OpenAIEmbedder

        return OpenAIEmbedder(settings, settings.model.removeprefix(OPENAI))
    if settings.model.startswith(SENTENCE_TRANSFORMERS):
        from rag.adapters.sentence_transformers import SentenceEmbedder

        return SentenceEmbedder(settings.model.removeprefix(SENTENCE_TRANSFORMERS), settings, threads)
    raise BadSetting(
        f"{settings.model!r} is not a valid text embedder.",
        "Set MAGPIE_TEXT__MODEL to auto, ollama:MODEL, openai:MODEL, st:NAME or st:FOLDER, or empty: no text vectors.",
    )
