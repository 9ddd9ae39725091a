"""Responses of the fake Ollama server to /api/embed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.support.embedder import FakeTextEmbedder


def inputs(body: dict[str, Any]) -> list[str]:
    """Return the texts of a request."""
    texts = body.get("input") or []
    return [texts] if isinstance(texts, str) else list(texts)


def embedded(
    name: str, capabilities: Sequence[str], context: int, body: dict[str, Any], fault: str
) -> tuple[int, bytes]:
    """Return the status and the body, with one unit vector for each text.

    As in Ollama, internal errors have the status 400, and long texts are cut unless `truncate` is false. A token is a
    word, and two tokens are special.
    """
    if fault == "not json":
        return 200, b"<html>Bad gateway</html>"
    if fault in ("error line", "nan"):
        message = "failed to encode response: json: unsupported value: NaN" if fault == "nan" else "CUDA error"
        return 400, json.dumps({"error": message}).encode()
    if "embedding" not in capabilities:
        return 400, json.dumps({"error": "this model does not support embeddings"}).encode()
    found = []
    for words in map(str.split, inputs(body)):
        if len(words) + 2 > context and body.get("truncate") is False:
            return 400, json.dumps({"error": "the input length exceeds the context length"}).encode()
        found.append([float(value) for value in FakeTextEmbedder.of_words(words[: context - 2])])
    if fault == "fewer":
        found = found[:-1]
    if fault == "zeros":
        found = [[0.0] * len(row) for row in found]
    return 200, json.dumps({"model": name, "embeddings": found, "total_duration": 900_000}).encode()
