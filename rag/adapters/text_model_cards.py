"""What the cards of text embedding models say: the prefixes they were trained with, and how much they read."""

from __future__ import annotations

from dataclasses import dataclass

_WEB_SEARCH = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Texts that a model expects before a query and a document, and the tokens that it reads, 0 if not known.

    `version` is part of the embedder's identity. Change it when the prefixes change, because vectors made with others
    cannot be compared.
    """

    query: str = ""
    document: str = ""
    version: str = "n1"
    tokens: int = 0


# By the start of the model's name; the first one that fits counts. Checked against the model cards in November 2026.
_FAMILIES: dict[str, ModelCard] = {
    "nomic-embed-text-v2": ModelCard("search_query: ", "search_document: ", "p1", 512),
    "nomic-embed-text": ModelCard("search_query: ", "search_document: ", "p1", 2048),
    "mxbai-embed-large": ModelCard("Represent this sentence for searching relevant passages: ", "", "p1", 512),
    "embeddinggemma": ModelCard("task: search result | query: ", "title: none | text: ", "p1", 2048),
    "qwen3-embedding": ModelCard(_WEB_SEARCH, "", "p1", 32768),
    "multilingual-e5-large-instruct": ModelCard(f"{_WEB_SEARCH} ", "", "i1", 512),
    "multilingual-e5": ModelCard("query: ", "passage: ", "p1", 512),
    "e5-": ModelCard("query: ", "passage: ", "p1", 512),
    "bge-m3": ModelCard(tokens=8192),
    "paraphrase-multilingual": ModelCard(tokens=128),
    "all-minilm": ModelCard(tokens=256),
}


def card_of(model: str) -> ModelCard:
    """Return the card of a model's family, or an empty one. A registry or folder before the name is ignored."""
    name = model.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((card for family, card in _FAMILIES.items() if name.startswith(family)), ModelCard())
