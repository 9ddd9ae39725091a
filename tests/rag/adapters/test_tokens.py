"""What a model read and wrote is reported in its own count, by either protocol."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from rag.adapters.generators import open_generator
from rag.observation import Unobserved
from rag.ports import Prompt
from rag.setting_groups import AnswerSettings
from tests.support.ollama_server import ollama_server
from tests.support.openai_server import openai_server


class Counting(Unobserved):
    def __init__(self) -> None:
        self.counted: list[tuple[int, int]] = []

    def generated(self, prompt_tokens: int, answer_tokens: int, /) -> None:
        self.counted.append((prompt_tokens, answer_tokens))


@pytest.mark.parametrize("api", ["ollama", "openai"])
def test_tokens_of_every_text_are_reported(api: str) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(ollama_server()).url if api == "ollama" else stack.enter_context(openai_server()).url
        settings = AnswerSettings.model_validate({"api": api, "host": url, "model": "sees:4b", "vision": "on"})
        counting = Counting()
        generator = open_generator(settings, counting)
        pieces = list(generator.stream(Prompt("Be brief.", "How long is the pier?")))
        [(prompt, answer)] = counting.counted
        assert prompt > 0
        assert answer == len(pieces)
        list(generator.stream(Prompt("Be brief.", "How wide is it?")))
        assert len(counting.counted) == 2
