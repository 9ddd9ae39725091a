"""Reranking in this process with a CrossEncoder, from a folder or the local Hugging Face cache."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

from rag.adapters.hub_files import model_folder
from rag.adapters.unit_rows import first_line
from rag.errors import RerankerFailed
from rag.ports import MAX_PASSAGES
from rag.setting_groups import RerankSettings

_DEFAULT_OWNER = "cross-encoder"
"""Owner of the repository for a name without one."""

_SAMPLE = (
    "The pump station at the north pier was rebuilt after the storm of March. Its two pumps move 340 liters a second. "
    "The switch cabinet stands above the highest tide, and the report lists the tests that were made since then. "
) * 6
"""A passage of 1,300 characters, about as long as a chunk of running text."""

_SIZES = (1, 4, 16, MAX_PASSAGES)
"""Batches by which the speed is measured. If a small one takes too long, larger ones need not be tried."""


class CrossEncoderReranker:
    """Implements ports.Reranker. The model is loaded by `open`; nothing is downloaded."""

    gives_probabilities = True

    def __init__(self, name: str, settings: RerankSettings, threads: int | None = None) -> None:
        self._name = name
        self._settings = settings
        self._threads = threads
        self._fits = False

    def open(self) -> None:
        """Load the model and score batches of growing size. Raise RerankerFailed if one takes more than the budget."""
        if self._fits:
            return
        self.score("how much do the pumps move", [_SAMPLE])  # the first call is slow everywhere
        for size in _SIZES:
            started = perf_counter()
            self.score("how much do the pumps move", [_SAMPLE] * size)
            taken = (perf_counter() - started) * 1000
            if taken > self._settings.budget_ms:
                raise RerankerFailed(
                    f"{self._name} takes {taken:,.0f} ms for {size} of up to {MAX_PASSAGES} passages on "
                    f"{self._model.device}, and MAGPIE_RERANK__BUDGET_MS is {self._settings.budget_ms}",
                    "Set MAGPIE_RERANK__DEVICE to a GPU, use a smaller model, or raise MAGPIE_RERANK__BUDGET_MS.",
                )
        self._fits = True

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        model = self._model
        from torch.nn import Sigmoid

        try:
            found = model.predict(
                [(question, passage) for passage in passages],
                batch_size=len(passages),
                activation_fn=Sigmoid(),  # models differ in whether they apply it
                show_progress_bar=False,
            )
        except Exception as error:  # of torch, of the tokenizer, or of code that came with the model
            raise RerankerFailed(
                f"The reranker stopped: {first_line(error)}", "Use a smaller model, or free some memory."
            ) from error
        return [float(score) for score in found]

    def close(self) -> None:
        self.__dict__.pop("_model", None)

    @cached_property
    def _model(self) -> Any:
        """Return the loaded model. Raise WeightsMissing, or RerankerFailed if it is damaged or not a reranker."""
        if find_spec("sentence_transformers") is None:
            raise RerankerFailed(
                "the package sentence-transformers is not installed", "pip install sentence-transformers"
            )
        folder = model_folder(self._name, _DEFAULT_OWNER, "MAGPIE_RERANK__MODEL")
        if _has_no_output(folder):
            raise self._no_reranker("it has no output for a score")
        device = self._settings.device
        try:
            import torch
            from sentence_transformers import CrossEncoder
            from transformers.utils import logging

            logging.disable_progress_bar()
            if self._threads:
                torch.set_num_threads(self._threads)
            model = CrossEncoder(str(folder), device=None if device == "auto" else device, local_files_only=True)
        except Exception as error:  # damaged files and unknown devices raise many kinds of errors
            raise RerankerFailed(
                f"{self._name} could not be loaded: {first_line(error)}",
                "Download the model again, or check MAGPIE_RERANK__MODEL and MAGPIE_RERANK__DEVICE.",
            ) from error
        if model.num_labels != 1:
            raise self._no_reranker(f"it has {model.num_labels} outputs instead of one score")
        return model.eval()

    def _no_reranker(self, why: str) -> RerankerFailed:
        return RerankerFailed(
            f"{self._name} is not a reranker: {why}",
            "Set MAGPIE_RERANK__MODEL to a reranker, such as st:BAAI/bge-reranker-v2-m3.",
        )


def _has_no_output(folder: Path) -> bool:
    """Return whether the weights end before the output, as those of text embedders do.

    sentence-transformers would add one with random weights.
    """
    try:
        names = json.loads((folder / "config.json").read_bytes()).get("architectures") or []
    except (OSError, ValueError):  # missing or damaged, which loading the model reports
        return False
    return bool(names) and all(name.endswith(("Model", "ForMaskedLM")) for name in names)
