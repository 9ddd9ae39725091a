"""Captions by BLIP through transformers: a small model that needs no Ollama and does not read text in pictures."""

from __future__ import annotations

import threading
from functools import cached_property
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from rag.errors import EmbedderFailed, ExtractorStopped, WeightsMissing

_MAX_TOKENS = 60
"""BLIP's captions have about 12 tokens."""


class BlipCaptioner:
    """Implements ports.Captioner. `name` is a folder, or a model in the local Hugging Face cache."""

    def __init__(self, name: str, device: str) -> None:
        self._name = name
        self._device = device

    @property
    def identity(self) -> str:
        _ = self._folder
        return self._name.rstrip("/").rsplit("/", 1)[-1]

    def caption(self, picture: bytes, stop: threading.Event) -> str:
        import torch
        from PIL import Image

        processor, model = self._loaded
        with Image.open(BytesIO(picture), formats=("JPEG",)) as opened:
            pixels = processor(images=opened.convert("RGB"), return_tensors="pt").to(model.device)
        if stop.is_set():
            raise ExtractorStopped("Magpie is stopping.")
        try:
            with torch.inference_mode():
                written = model.generate(**pixels, max_new_tokens=_MAX_TOKENS)
        except RuntimeError as error:
            raise EmbedderFailed(
                f"BLIP stopped: {str(error).splitlines()[0]}", "Set MAGPIE_CAPTION__DEVICE=cpu, or free some memory."
            ) from error
        return str(processor.decode(written[0], skip_special_tokens=True))

    @cached_property
    def _folder(self) -> Path:
        """Return the model's folder. Raise WeightsMissing, or EmbedderFailed without transformers or torch."""
        for package in ("transformers", "torch"):
            if find_spec(package) is None:
                raise EmbedderFailed(
                    f"the package {package} is not installed", ".venv/bin/pip install -e '.[captions]'"
                )
        path = Path(self._name).expanduser()
        if path.is_dir():
            return path
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        try:
            return Path(snapshot_download(self._name, local_files_only=True))
        except (HFValidationError, LocalEntryNotFoundError) as error:
            raise WeightsMissing(
                f"the model {self._name} is not a folder, and not in the Hugging Face cache on this machine",
                f"hf download {self._name}, or set its folder: MAGPIE_CAPTION__MODEL=blip:/path/to/model",
            ) from error

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import BlipForConditionalGeneration, BlipProcessor
        from transformers.utils import logging

        logging.disable_progress_bar()
        device = self._device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            processor = BlipProcessor.from_pretrained(self._folder, local_files_only=True)
            model = BlipForConditionalGeneration.from_pretrained(self._folder, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise EmbedderFailed(
                f"BLIP could not be loaded from {self._folder}: {str(error).splitlines()[0]}",
                "Download its weights again.",
            ) from error
        return processor, model.to(device).eval()
