"""What is known about text embedders and rerankers that Magpie can use, for `magpie models list`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rag.adapters.hub_files import cached_model
from rag.model.operations import ModelKind, ModelSummary, PublishedFigure
from rag.model_terms import terms_of_model

_MTEB = "means of embeddings-benchmark/results@f4cc6c8"
_SBERT = "sbert.net, Pretrained Cross-Encoders"
_QWEN = "README of QwenLM/Qwen3-Embedding, top 100 of Qwen3-Embedding-0.6B"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the Hugging Face hub, by its repository. `memory` is that of its weights in fp32."""

    name: str
    size: str
    memory: str
    good_at: str
    note: str = ""
    figures: tuple[PublishedFigure, ...] = ()


TEXT_MODELS = (
    KnownModel(
        "intfloat/multilingual-e5-small",
        "118 M",
        "0.5 GB",
        "texts in about 100 languages, on a CPU too",
        "`magpie models pull` downloads it",
    ),
    KnownModel(
        "google/embeddinggemma-300m",
        "0.3 B",
        "1.2 GB",
        "texts in more than 100 languages",
        "in Ollama: embeddinggemma",
        (
            PublishedFigure("ViDoRe v3.1 on OCR text, nDCG@10, all languages", 47.8, _MTEB),
            PublishedFigure("ViDoRe v3.1 on OCR text, nDCG@10, English", 50.1, _MTEB),
        ),
    ),
    KnownModel(
        "Qwen/Qwen3-Embedding-0.6B",
        "0.6 B",
        "2.4 GB",
        "long texts in more than 100 languages, on a GPU",
        "in Ollama: qwen3-embedding",
    ),
    KnownModel("BAAI/bge-m3", "0.57 B", "2.3 GB", "long texts in more than 100 languages", "in Ollama: bge-m3"),
    KnownModel(
        "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
        "118 M",
        "0.5 GB",
        "short texts in about 50 languages",
    ),
)
"""The models of `rag.adapters.text_models.CACHED_MODELS`, in the same order."""

RERANKERS = (
    KnownModel(
        "BAAI/bge-reranker-v2-m3",
        "0.57 B",
        "2.3 GB",
        "more than 100 languages, on a GPU",
        "`hf download` it",
        (PublishedFigure("MTEB-R, nDCG@10", 57.03, _QWEN),),
    ),
    KnownModel(
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        "23 M",
        "0.1 GB",
        "English; small",
        "`hf download` it",
        (
            PublishedFigure("TREC DL 2019, nDCG@10", 74.30, _SBERT),
            PublishedFigure("MS MARCO dev, MRR@10", 39.01, _SBERT),
        ),
    ),
    KnownModel(
        "Qwen/Qwen3-Reranker-0.6B",
        "0.6 B",
        "2.4 GB",
        "long texts in more than 100 languages, on a GPU",
        "serve it with vLLM or llama.cpp: MAGPIE_RERANK__MODEL=openai:NAME",
        (PublishedFigure("MTEB-R, nDCG@10", 65.80, _QWEN),),
    ),
)


PAGE_MODELS = (
    KnownModel(
        "vidore/colqwen2-v1.0-hf",
        "2.2 B",
        "8.8 GB",
        "images of pages: tables, charts, forms, slides, on a GPU",
        "`hf download` it",
    ),
    KnownModel(
        "ModernVBERT/colmodernvbert-merged",
        "0.25 B",
        "1.0 GB",
        "images of pages in English; small",
        "`hf download` it",
        (
            PublishedFigure("ViDoRe v3, nDCG@10, all languages", 26.1, _MTEB),
            PublishedFigure("ViDoRe v3, nDCG@10, English", 44.3, _MTEB),
        ),
    ),
    KnownModel(
        "tomaarsen/colSmol-256M-st",
        "0.26 B",
        "1.0 GB",
        "images of pages in English; small",
        "`hf download` it",
        (
            PublishedFigure("ViDoRe v1, nDCG@5", 79.7, _MTEB),
            PublishedFigure("ViDoRe v2, nDCG@5", 34.8, _MTEB),
            PublishedFigure("ViDoRe v3, nDCG@10, all languages", 20.7, _MTEB),
            PublishedFigure("ViDoRe v3, nDCG@10, English", 39.3, _MTEB),
        ),
    ),
)
"""Late-interaction models in formats that sentence-transformers loads. The figures are of the models that the last two
were converted from."""


def list_known_models(text_model: str, rerank_model: str, page_model: str) -> list[ModelSummary]:
    """Return the known models of texts, reranking and page images, and others that the settings name."""
    found = [*_summaries(ModelKind.TEXTS, TEXT_MODELS, text_model, "set by text.model")]
    found += _summaries(ModelKind.RERANKER, RERANKERS, rerank_model, "set by rerank.model")
    return [*found, *_summaries(ModelKind.PAGES, PAGE_MODELS, page_model, "set by page_images.model")]


def _summaries(kind: ModelKind, known: Iterable[KnownModel], setting: str, set_by: str) -> list[ModelSummary]:
    rows = [_summary(kind, model, is_used=setting.partition(":")[2] == model.name) for model in known]
    if setting not in ("", "auto") and not any(row.used for row in rows):
        engine, _, name = setting.partition(":")
        is_cached = engine == "st" and name.count("/") == 1 and cached_model(name) is not None
        rows.append(ModelSummary(setting, "", "", is_cached, True, set_by, terms_of_model(name).license, kind))
    return rows


def _summary(kind: ModelKind, model: KnownModel, *, is_used: bool) -> ModelSummary:
    return ModelSummary(
        model.name,
        "",
        model.memory,
        cached_model(model.name) is not None,
        is_used,
        model.note,
        terms_of_model(model.name).license,
        kind,
        model.size,
        model.good_at,
        model.figures,
    )
