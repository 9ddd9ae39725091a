"""Choose the reranker that the settings name."""

from __future__ import annotations

from rag.errors import BadSetting
from rag.ports import Reranker
from rag.setting_groups import RerankSettings

OPENAI, SENTENCE_TRANSFORMERS = "openai:", "st:"


def open_reranker(settings: RerankSettings, threads: int | None = None) -> Reranker:
    """Return the reranker of `rerank.model`. It loads nothing and connects to nothing yet.

    Raise BadSetting for an invalid name, or for an engine that reads no images if `rerank.images` is set.
    """
    if settings.images and not settings.model.startswith(OPENAI):
        raise BadSetting(
            f"{settings.model!r} cannot rerank by the images of pages.",
            "Set MAGPIE_RERANK__MODEL to openai:MODEL, or MAGPIE_RERANK__IMAGES=false.",
        )
    if settings.model.startswith(OPENAI):
        from rag.adapters.server_reranker import ServerReranker

        return ServerReranker(settings, settings.model.removeprefix(OPENAI))
    if settings.model.startswith(SENTENCE_TRANSFORMERS):
        from rag.adapters.cross_encoder import CrossEncoderReranker

        return CrossEncoderReranker(settings.model.removeprefix(SENTENCE_TRANSFORMERS), settings, threads)
    raise BadSetting(
        f"{settings.model!r} is not a valid reranker.",
        "Set MAGPIE_RERANK__MODEL to st:NAME, st:FOLDER, openai:MODEL or answer, or empty: no reranker.",
    )
