"""What an OpenAI-compatible server says about a model: its context length, and whether it sees pictures.

Only the list of models is common. vLLM adds `max_model_len` to it, llama.cpp has /props, LM Studio /api/v0/models.
"""

from __future__ import annotations

from typing import Any

import httpx

from rag.adapters.openai_client import response_error
from rag.errors import ModelMissing
from rag.ports import ModelInfo
from rag.setting_groups import AnswerSettings

_MAX_LISTED = 5


def describe_model(client: httpx.Client, settings: AnswerSettings) -> ModelInfo:
    """Return what the server says about the model. Raise ModelMissing if it has other models only.

    Without a word about pictures the model counts as one that reads text only, unless `answer.vision` is on.
    """
    response = client.get("models")
    if response.status_code != httpx.codes.OK:
        raise response_error(response, settings.model, settings.host)
    listed = {row["id"]: row for row in response.json()["data"]}
    row = listed.get(settings.model)
    if row is None:
        names = ", ".join(list(listed)[:_MAX_LISTED]) or "none"
        raise ModelMissing(
            f"The model server at {settings.host} does not have {settings.model}; it has: {names}.",
            "Set MAGPIE_ANSWER__MODEL to one of them.",
        )
    sees, window = _from_llama_cpp(client) or _from_lm_studio(client, settings.model) or (False, 0)
    window = _positive(row.get("max_model_len")) or window
    return ModelInfo(settings.model, sees if settings.vision == "auto" else settings.vision == "on", window)


def _from_llama_cpp(client: httpx.Client) -> tuple[bool, int] | None:
    found = _get_object(client, "/props")
    if "default_generation_settings" not in found:
        return None
    modalities = found.get("modalities") or {}
    return bool(modalities.get("vision")), _positive(found["default_generation_settings"].get("n_ctx"))


def _from_lm_studio(client: httpx.Client, model: str) -> tuple[bool, int] | None:
    for row in _get_object(client, "/api/v0/models").get("data") or []:
        if row.get("id") == model:
            window = _positive(row.get("loaded_context_length")) or _positive(row.get("max_context_length"))
            return row.get("type") == "vlm", window
    return None


def _get_object(client: httpx.Client, path: str) -> dict[str, Any]:
    """Return the JSON object at a path of the server; an empty one if it has none there."""
    response = client.get(client.base_url.copy_with(path=path))
    if response.status_code != httpx.codes.OK:
        return {}
    try:
        found = response.json()
    except ValueError:  # a server that returns its start page for every path
        return {}
    return found if isinstance(found, dict) else {}


def _positive(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
