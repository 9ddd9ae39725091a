"""Check the end of a streamed answer, whichever protocol it came by."""

from __future__ import annotations

from rag.errors import AnswerCut, GeneratorFailed, ModelUnfit, PromptCut
from rag.ports import Prompt
from rag.setting_groups import AnswerSettings


def check_end(
    settings: AnswerSettings, *, said: bool, thought: bool, reason: str, log_hint: str, thinking_hint: str
) -> None:
    """Raise an error unless the answer is complete and has words.

    `said`, `thought`: whether there was any text, or any reasoning. `reason`: why the server stopped, empty if it does
    not say. The hints name the server's log, and what to do about a model that only thinks.
    """
    if not reason:
        raise GeneratorFailed("The model stopped in the middle of its answer.", f"Ask again. {log_hint}")
    if not said and thought:
        raise ModelUnfit(f"The model {settings.model} thinks and does not answer.", thinking_hint)
    if not said:
        raise GeneratorFailed("The model returned an empty answer.", "Ask again, or rephrase the question.")
    if reason == "length":
        raise AnswerCut(
            "The answer was cut at the length limit.",
            f"To allow longer answers, raise MAGPIE_ANSWER__NUM_PREDICT (now {settings.num_predict} tokens).",
        )


def check_prompt_read(prompt: Prompt, read: int | None, hint: str) -> None:
    """Raise PromptCut if the server read fewer tokens than the prompt has words: it left out a part of it."""
    words = len(prompt.system.split()) + len(prompt.user.split())
    if read and read < words:
        raise PromptCut(f"The model read only {read} tokens of a prompt of at least {words}.", hint)
