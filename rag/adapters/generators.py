"""Open the generator that the settings name."""

from __future__ import annotations

from rag.observation import Observer
from rag.ports import Generator
from rag.setting_groups import AnswerSettings


def open_generator(settings: AnswerSettings, observer: Observer | None = None) -> Generator:
    """Return a generator that speaks the protocol `answer.api`; sends no request yet.

    Raise BadSetting for a model that runs in Ollama's cloud.
    """
    if settings.api == "openai":
        from rag.adapters.openai_chat import open_openai_generator

        return open_openai_generator(settings, observer)
    from rag.adapters import ollama

    return ollama.open_generator(settings, observer)
