"""Answers from Ollama's /api/chat; every failure is mapped to one of Magpie's errors.

From the sources of Ollama 0.33 and `ollama` 0.6.3: `think` is true unless it is set, another num_ctx reloads the model,
a stream may end without its last frame, and the client raises five kinds of exceptions.
"""

from __future__ import annotations

import os
from collections.abc import Generator as Generating
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from rag.adapters.answer_end import check_end, check_prompt_read
from rag.adapters.ollama_client import DEFAULT_ADDRESS, open_client
from rag.adapters.ollama_errors import map_errors
from rag.errors import BadSetting
from rag.observation import Observer, Unobserved
from rag.ports import ModelInfo, Prompt
from rag.setting_groups import AnswerSettings

if TYPE_CHECKING:
    import ollama


_SHOW_SECONDS = 10.0
"""/api/show reads a file and never waits for the model."""

_KEEP_ALIVE = "30m"
"""How long the model stays loaded after an answer. With Ollama's 5 minutes, most answers would wait for a load."""


_LOG_HINT = "See Ollama's log."
_THINKING_HINT = "Set MAGPIE_ANSWER__MODEL to a model that does not think, such as qwen3-vl:4b-instruct."
_PROMPT_HINT = "Raise MAGPIE_ANSWER__NUM_CTX, or lower MAGPIE_ANSWER__PASSAGES; Ollama before 0.30 counts too few."


class OllamaGenerator:
    """A Generator. Safe to call from several threads.

    It does not limit or order requests: the caller does, because it knows who asked.
    """

    def __init__(self, settings: AnswerSettings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self._address = settings.host or os.environ.get("OLLAMA_HOST", "") or DEFAULT_ADDRESS

    def model_info(self) -> ModelInfo:
        model = self._settings.model
        with map_errors(model, self._address), self._open(min(_SHOW_SECONDS, self._settings.seconds)) as client:
            shown = client.show(model)
        return ModelInfo(model, "vision" in (shown.capabilities or []), _window(shown.modelinfo))

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        seconds = min(self._settings.seconds, prompt.seconds or self._settings.seconds)
        with map_errors(self._settings.model, self._address), self._open(seconds) as client:
            yield from self._pieces(client, prompt)

    def close(self) -> None:
        """Do nothing: each call has its own connection."""

    def _open(self, seconds: float) -> ollama.Client:
        return open_client(self._address, seconds, "MAGPIE_ANSWER__HOST (or OLLAMA_HOST)")

    def _pieces(self, client: ollama.Client, prompt: Prompt) -> Generating[str, None, None]:
        settings = self._settings
        user: dict[str, Any] = {"role": "user", "content": prompt.user}
        if prompt.pictures:
            user["images"] = list(prompt.pictures)
        longest = min(settings.num_predict, prompt.longest or settings.num_predict)
        parts = client.chat(
            model=settings.model,
            messages=[{"role": "system", "content": prompt.system}, user],
            stream=True,
            think=False,
            options={"num_ctx": settings.num_ctx, "num_predict": longest, "temperature": 0},
            keep_alive=_KEEP_ALIVE,
        )
        said, thought, reason = False, False, ""
        read: int | None = None
        with closing(parts):
            for part in parts:
                piece = part.message.content or ""
                thought = thought or bool(part.message.thinking)
                said = said or bool(piece.strip())
                if piece:
                    yield piece
                if part.done:
                    reason, read = part.done_reason or "stop", part.prompt_eval_count
                    self._observer.generated(read or 0, part.eval_count or 0)
                    break
        check_end(
            self._settings, said=said, thought=thought, reason=reason, log_hint=_LOG_HINT, thinking_hint=_THINKING_HINT
        )
        check_prompt_read(prompt, read, _PROMPT_HINT)


def _window(metadata: Mapping[str, Any] | None) -> int:
    """Return the model's trained context length, or 0 if unknown. Ollama silently limits num_ctx to it."""
    lengths = [value for name, value in (metadata or {}).items() if name.endswith(".context_length")]
    return lengths[0] if lengths and isinstance(lengths[0], int) and lengths[0] > 0 else 0


def open_generator(settings: AnswerSettings, observer: Observer | None = None) -> OllamaGenerator:
    """Return a generator for a model of an Ollama server; sends no request yet.

    Raise BadSetting for a model that runs in Ollama's cloud, because the passages would be sent there.
    """
    if settings.model.lower().endswith((":cloud", "-cloud")):
        raise BadSetting(
            f"The model {settings.model} runs in Ollama's cloud: the passages would leave your network.",
            "Set MAGPIE_ANSWER__MODEL to a local model, such as qwen3-vl:4b-instruct.",
        )
    return OllamaGenerator(settings, observer or Unobserved())
