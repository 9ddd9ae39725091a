"""The models that `magpie models list` knows."""

from __future__ import annotations

from rag.adapters.known_models import PAGE_MODELS, RERANKERS, TEXT_MODELS, list_known_models
from rag.adapters.openclip_models import OpenClipModels
from rag.adapters.text_models import CACHED_MODELS
from rag.model.operations import ModelKind
from rag.model_terms import UNKNOWN
from rag.setting_groups import EmbedSettings


def test_every_model_has_its_license_and_what_it_is_good_at() -> None:
    rows = OpenClipModels(EmbedSettings(device="cpu"), "auto", "").list_models()
    assert {row.kind for row in rows} == set(ModelKind)
    for row in rows:
        assert row.license != UNKNOWN.license, row.name
        assert row.good_at, row.name
        assert row.size, row.name
        assert row.memory, row.name
        assert all(figure.source for figure in row.figures), row.name
    assert [row.name for row in rows if row.used] == ["ViT-B-32"]


def test_text_embedders_are_those_that_auto_looks_for() -> None:
    assert tuple(model.name for model in TEXT_MODELS) == CACHED_MODELS


def test_model_that_the_settings_name_is_marked_or_added() -> None:
    rows = list_known_models(f"st:{TEXT_MODELS[1].name}", "openai:ours", f"st:{PAGE_MODELS[0].name}")
    assert [row.name for row in rows if row.used] == [TEXT_MODELS[1].name, "openai:ours", PAGE_MODELS[0].name]
    assert len(rows) == len(TEXT_MODELS) + len(RERANKERS) + 1 + len(PAGE_MODELS)
