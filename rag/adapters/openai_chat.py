"""Answers from /v1/chat/completions, as vLLM, llama.cpp's server, LM Studio and LocalAI serve it.

The servers agree on the request and the stream. Errors differ, see `openai_errors`, and so does what they say about a
model, see `openai_models`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Generator as Generating
from typing import Any

import httpx
from httpx_sse import EventSource

from rag.adapters.answer_end import check_end, check_prompt_read
from rag.adapters.openai_client import generator_address, open_openai_client, response_error
from rag.adapters.openai_errors import map_errors, map_message
from rag.adapters.openai_models import describe_model
from rag.observation import Observer, Unobserved
from rag.ports import ModelInfo, Prompt
from rag.setting_groups import AnswerSettings

_INFO_SECONDS = 10.0
"""Servers list their models without waiting for one."""


_LOG_HINT = "See the log of the model server."
_THINKING_HINT = "Set MAGPIE_ANSWER__MODEL to a model that does not think, or turn thinking off on the model server."
_PROMPT_HINT = "Give the model a longer context on its server, or lower MAGPIE_ANSWER__NUM_CTX."


class OpenAIGenerator:
    """A Generator. Safe to call from several threads; each call has its own connection."""

    def __init__(self, settings: AnswerSettings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer

    def model_info(self) -> ModelInfo:
        settings = self._settings
        with (
            map_errors(settings.model, settings.host),
            open_openai_client(generator_address(settings), min(_INFO_SECONDS, settings.seconds)) as client,
        ):
            return describe_model(client, settings)

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        settings = self._settings
        seconds = min(settings.seconds, prompt.seconds or settings.seconds)
        server = generator_address(settings)
        with map_errors(settings.model, settings.host), open_openai_client(server, seconds) as client:
            yield from self._pieces(client, prompt)

    def close(self) -> None:
        """Do nothing: each call has its own connection."""

    def _pieces(self, client: httpx.Client, prompt: Prompt) -> Generating[str, None, None]:
        end, said, thought = _End(), False, False
        with client.stream("POST", "chat/completions", json=self._request(prompt)) as response:
            if response.status_code != httpx.codes.OK:
                raise response_error(response, self._settings.model, self._settings.host)
            for event in EventSource(response).iter_sse():
                if event.data == "[DONE]":
                    break
                chunk = json.loads(event.data)
                if error := chunk.get("error"):
                    raise map_message(error, 0, self._settings.model, self._settings.host)
                delta = end.read(chunk)
                piece = delta.get("content") or ""
                thought = thought or bool(delta.get("reasoning_content") or delta.get("reasoning"))
                said = said or bool(piece.strip())
                if piece:
                    yield piece
        self._observer.generated(end.prompt_tokens or 0, end.answer_tokens)
        check_end(
            self._settings,
            said=said,
            thought=thought,
            reason=end.reason,
            log_hint=_LOG_HINT,
            thinking_hint=_THINKING_HINT,
        )
        check_prompt_read(prompt, end.prompt_tokens, _PROMPT_HINT)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        settings = self._settings
        pictures = [{"type": "image_url", "image_url": {"url": _data_url(each)}} for each in prompt.pictures]
        content: Any = [{"type": "text", "text": prompt.user}, *pictures] if pictures else prompt.user
        return {
            "model": settings.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0,
            "max_tokens": min(settings.num_predict, prompt.longest or settings.num_predict),
            # Read by vLLM, SGLang and llama.cpp; the others ignore it.
            "chat_template_kwargs": {"enable_thinking": False},
        }


class _End:
    """What the chunks of a stream say about its end. `reason` is empty until the answer is complete."""

    def __init__(self) -> None:
        self.reason = ""
        self.prompt_tokens: int | None = None
        self.answer_tokens = 0

    def read(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Return the delta of a chunk; the last chunk has token counts and no choices."""
        usage = chunk.get("usage")
        if usage is not None:
            self.prompt_tokens = usage.get("prompt_tokens")
            self.answer_tokens = usage.get("completion_tokens") or 0
        choices = chunk.get("choices") or [{}]
        self.reason = choices[0].get("finish_reason") or self.reason
        delta: dict[str, Any] = choices[0].get("delta") or {}
        return delta


def _data_url(picture: bytes) -> str:
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def open_openai_generator(settings: AnswerSettings, observer: Observer | None = None) -> OpenAIGenerator:
    """Return a generator for a model of an OpenAI-compatible server; sends no request yet."""
    return OpenAIGenerator(settings, observer or Unobserved())
