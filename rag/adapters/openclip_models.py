"""The models that `magpie models` lists, and the OpenCLIP models that it pulls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rag.adapters.known_models import list_known_models
from rag.adapters.openclip_weights import PRESETS, cached, choose, has_weights, pull
from rag.model.operations import ModelKind, ModelSummary
from rag.model_terms import terms_of_model
from rag.setting_groups import EmbedSettings


class OpenClipModels:
    """Implements ports.ModelStore with open_clip's models and the Hugging Face cache."""

    def __init__(
        self, settings: EmbedSettings, text_model: str = "", rerank_model: str = "", page_model: str = ""
    ) -> None:
        """`text_model`, `rerank_model` and `page_model` are the settings of the models of the other kinds."""
        self._settings = settings
        self._others = (text_model, rerank_model, page_model)

    def list_models(self) -> list[ModelSummary]:
        choice = choose(self._settings)
        rows = [
            ModelSummary(
                preset.model,
                preset.weights,
                f"{preset.memory_gb} GB",
                cached(preset.model, preset.weights) is not None,
                (preset.model, preset.weights) == (choice.model, choice.weights),
                preset.note,
                terms_of_model(preset.model, preset.weights, preset.repository).license,
                ModelKind.IMAGES,
                preset.size,
                preset.good_at,
                preset.figures,
            )
            for preset in PRESETS
        ]
        if not any(row.used for row in rows):
            note = "set by embed.model and embed.weights"
            terms = terms_of_model(choice.model, choice.weights).license
            rows.append(ModelSummary(choice.model, choice.weights, "", has_weights(choice), True, note, terms))
        return [*rows, *list_known_models(*self._others)]

    def pull_model(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path:
        named = {key: value for key, value in (("model", model), ("weights", weights)) if value}
        choice = choose(self._settings.model_copy(update=named))
        return pull(choice.model, choice.weights, report)
