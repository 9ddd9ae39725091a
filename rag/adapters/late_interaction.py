"""Late-interaction models of page images with sentence-transformers' MultiVectorEncoder; nothing is downloaded.

It loads models in its own format, and ColPali, ColQwen2 and ColModernVBert in that of transformers. Only the vectors of
image tokens are kept: those of the prompt are the same on every page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.adapters.hub_files import model_folder
from rag.adapters.openclip_pictures import decoded
from rag.adapters.page_tokens import TokenGrid, compress
from rag.adapters.sentence_transformers import folder_fingerprint
from rag.adapters.unit_rows import first_line
from rag.errors import BadSetting, EmbedderFailed, Unreadable
from rag.ports import PageTokens
from rag.setting_groups import PageImageSettings

if TYPE_CHECKING:
    from PIL.Image import Image

_DEFAULT_OWNER = "vidore"
"""Owner of the repository for a name without one."""

_NEEDS_PROCESSOR_CALLS = frozenset({"ColModernVBertProcessor"})
"""Processors whose `__call__`, which sentence-transformers 6.2 uses, adds no prompt: images then fail, and questions
lack the tokens that the model was trained with."""

_VERSION = 1
"""Part of the identity: changes when the same model would give other vectors."""

SENTENCE_TRANSFORMERS = "st:"


class LateInteractionModel:
    """Implements ports.PageEmbedder and ports.Offloadable. The model is loaded on first use."""

    def __init__(self, settings: PageImageSettings, threads: int | None = None) -> None:
        """Raise BadSetting if `settings.model` does not begin with `st:`."""
        if not settings.model.startswith(SENTENCE_TRANSFORMERS):
            raise BadSetting(
                f"{settings.model!r} is not a valid late-interaction model.",
                "Set MAGPIE_PAGE_IMAGES__MODEL to st:NAME or st:FOLDER, to server, or empty: no search in page images.",
            )
        self._name = settings.model.removeprefix(SENTENCE_TRANSFORMERS)
        self._settings = settings
        self._threads = threads

    @cached_property
    def identity(self) -> str:
        name = re.sub("[^A-Za-z0-9_-]", "-", self._name.rstrip("/").rsplit("/", 1)[-1])
        return f"pages-{name[:26]}-{folder_fingerprint(self._folder)}-{self._settings.max_kb}k{_VERSION}"

    @property
    def device(self) -> str:
        return str(self._model.device)

    @property
    def weights_bytes(self) -> int:
        """Return the memory that the loaded weights take."""
        return sum(weight.nbytes for weight in self._model.parameters())

    def forward_alone(self, pictures: Sequence[bytes]) -> Callable[[], None]:
        """Return a forward pass over these pictures, which are prepared already; for benchmarks."""
        import torch

        features = self._features([decoded(picture) for picture in pictures], {}, "document")

        def forward() -> None:
            with torch.inference_mode():
                self._model(dict(features), task="document")
            if self._model.device.type == "cuda":
                torch.cuda.synchronize()

        return forward

    def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
        images = [_decoded(picture) for picture in pictures]
        fitting = [image for image in images if image is not None]
        made = iter(self._embed_images(fitting))
        return [None if image is None else next(made) for image in images]

    def embed_question(self, text: str) -> NDArray[np.float32]:
        rows = self._encode(self._question_rows, [text])[0]
        return _unit(np.asarray(rows, np.float32))

    def offload(self) -> None:
        """Move the weights to the CPU and free the GPU's cache."""
        import torch

        if self.__dict__.get("_model") is not None and self._model.device.type == "cuda":
            self._model.to("cpu")
            torch.cuda.empty_cache()

    def reload(self) -> None:
        """Move the weights back. Raise EmbedderFailed, and stay on the CPU, if the GPU's memory is full."""
        if self.__dict__.get("_model") is None or str(self._model.device) == self._loaded_on:
            return
        try:
            self._model.to(self._loaded_on)
        except RuntimeError as error:
            self._model.to("cpu")
            raise EmbedderFailed("The GPU's memory is full.", "Stop what uses it.") from error

    def _embed_images(self, images: Sequence[Image]) -> list[PageTokens]:
        if not images:
            return []
        features = self._encode(self._document_features, images)
        max_bytes = self._settings.max_kb << 10
        return [compress(self._grids(of, image.size), max_bytes) for of, image in zip(features, images, strict=True)]

    def _encode(self, encode: Callable[[Sequence[Any]], list[Any]], inputs: Sequence[Any]) -> list[Any]:
        try:
            return encode(inputs)
        except Exception as error:  # of torch, of the processor, or of code that came with the model
            raise EmbedderFailed(
                f"The model of page images stopped: {first_line(error)}",
                "Lower MAGPIE_PAGE_IMAGES__BATCH, use a smaller model, or free some memory.",
            ) from error

    def _question_rows(self, texts: Sequence[str]) -> list[Any]:
        if self._needs_processor_calls:
            processed = self._model.processor.process_queries(text=list(texts), return_tensors="pt")
            found = self._forward(texts, processed, "query")
            return [rows[mask.bool()].cpu() for rows, mask in zip(*found.values(), strict=True)]
        rows: list[Any] = self._model.encode_query(list(texts), convert_to_numpy=True, show_progress_bar=False)
        return rows

    def _document_features(self, images: Sequence[Image]) -> list[dict[str, Any]]:
        """Return the output of the model for each picture, with its token ids and its mask."""
        batch = self._settings.batch
        if not self._needs_processor_calls:
            found: list[dict[str, Any]] = self._model.encode_document(
                list(images), batch_size=batch, output_value=None, show_progress_bar=False
            )
            return found
        rows: list[dict[str, Any]] = []
        for start in range(0, len(images), batch):
            part = list(images[start : start + batch])
            processed = self._model.processor.process_images(images=part, return_tensors="pt")
            output = self._forward(part, processed, "document") | {"input_ids": processed["input_ids"]}
            rows += [{name: values[row] for name, values in output.items()} for row in range(len(part))]
        return rows

    @property
    def _needs_processor_calls(self) -> bool:
        return type(self._model.processor).__name__ in _NEEDS_PROCESSOR_CALLS

    def _forward(self, inputs: Sequence[Any], processed: Mapping[str, Any], task: str) -> dict[str, Any]:
        """Return the token embeddings and their mask, as `encode` makes them from `processed`."""
        import torch

        with torch.inference_mode():
            found = self._model(self._features(inputs, processed, task), task=task)
        return {name: found[name].cpu() for name in ("token_embeddings", "attention_mask")}

    def _features(self, inputs: Sequence[Any], processed: Mapping[str, Any], task: str) -> dict[str, Any]:
        """Return what the model reads, on its device; `processed` replaces what its own preprocessing makes."""
        features = {**self._model.preprocess(list(inputs), task=task), **processed}
        device = self._model.device
        return {key: value.to(device) if hasattr(value, "to") else value for key, value in features.items()}

    def _grids(self, features: dict[str, Any], size: tuple[int, int]) -> list[TokenGrid]:
        """Return the vectors of a picture of this width and height by their places."""
        token = getattr(self._model.processor, "image_token_id", None)
        kept = features["attention_mask"].bool()
        if token is not None and bool((features["input_ids"] == token).any()):
            kept = kept & (features["input_ids"] == token)
        rows = _unit(features["token_embeddings"][kept].float().cpu().numpy())
        return _split_tiles(rows, *self._tiles(size)) or self._one_grid(rows, size)

    def _tiles(self, size: tuple[int, int]) -> tuple[int, int, int]:
        """Return how many rows and columns of tiles a picture is cut into, and the rows of tokens of a tile.

        Models that do not cut pictures have 0 rows. Those that do add the whole picture as a last tile.
        """
        processor = self._model.processor
        images = getattr(processor, "image_processor", None)
        length = getattr(processor, "image_seq_len", None)
        if images is None or getattr(images, "do_image_splitting", None) is None or not length:
            return 0, 0, 0
        width, height = size
        _, rows, columns = images.get_number_of_image_patches(height, width)
        return max(1, rows), max(1, columns), math.isqrt(length)

    def _one_grid(self, rows: NDArray[np.float32], size: tuple[int, int]) -> list[TokenGrid]:
        from sentence_transformers.multi_vector_encoder.interpretability import get_n_patches

        try:
            columns, lines = get_n_patches(self._model, size)
        except (ValueError, NotImplementedError):
            columns = lines = 0
        if columns * lines != len(rows):  # the places of the tokens are not known
            return [TokenGrid(rows[None], is_placed=False)]
        return [TokenGrid(rows.reshape(lines, columns, -1))]

    @cached_property
    def _folder(self) -> Path:
        """Return the model's folder. Raise WeightsMissing, or EmbedderFailed if the package is not installed."""
        if find_spec("sentence_transformers") is None:
            raise EmbedderFailed(
                "the package sentence-transformers is not installed", "pip install sentence-transformers"
            )
        return model_folder(self._name, _DEFAULT_OWNER, "MAGPIE_PAGE_IMAGES__MODEL")

    @cached_property
    def _loaded_on(self) -> str:
        return str(self._model.device)

    @cached_property
    def _model(self) -> Any:
        try:
            import torch
            from sentence_transformers import MultiVectorEncoder
            from transformers.utils import logging
        except (ImportError, OSError, RuntimeError) as error:
            raise EmbedderFailed(
                f"sentence-transformers has no MultiVectorEncoder here: {first_line(error)}",
                "pip install --upgrade sentence-transformers",
            ) from error
        logging.disable_progress_bar()
        if self._threads:
            torch.set_num_threads(self._threads)
        wanted = self._settings.device
        on_gpu = wanted.startswith("cuda") or (wanted == "auto" and torch.cuda.is_available())
        try:
            model = MultiVectorEncoder(
                str(self._folder),
                device=None if wanted == "auto" else wanted,
                local_files_only=True,
                model_kwargs={"dtype": torch.bfloat16 if on_gpu else torch.float32},
            )
        except Exception as error:  # damaged files and unknown devices raise many kinds of errors
            raise EmbedderFailed(
                f"{self._name} could not be loaded: {first_line(error)}",
                "Download the model again, or check MAGPIE_PAGE_IMAGES__MODEL and MAGPIE_PAGE_IMAGES__DEVICE.",
            ) from error
        if not model.supports("image"):
            raise EmbedderFailed(
                f"{self._name} does not read images",
                "Set MAGPIE_PAGE_IMAGES__MODEL to a model of page images, such as st:vidore/colqwen2-v1.0-hf.",
            )
        return model.eval()


def _decoded(picture: bytes) -> Image | None:
    try:
        return decoded(picture)
    except Unreadable:
        return None


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(rows).all():
        raise EmbedderFailed("The model of page images returned a value that is not finite.", "Download it again.")
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)


def _split_tiles(rows: NDArray[np.float32], tile_rows: int, tile_columns: int, side: int) -> list[TokenGrid]:
    """Return the grid of all tiles, put together as they are on the page, and that of the whole picture after them.

    A picture of a single tile is that tile alone. Return no grids if the counts do not fit.
    """
    size, tiles, dim = side * side, tile_rows * tile_columns, rows.shape[1]
    if not tiles or len(rows) not in (size, size * (tiles + 1)):
        return []
    whole = TokenGrid(rows[-size:].reshape(side, side, dim))
    if len(rows) == size:
        return [whole]
    cut = rows[:-size].reshape(tile_rows, tile_columns, side, side, dim).transpose(0, 2, 1, 3, 4)
    return [TokenGrid(cut.reshape(tile_rows * side, tile_columns * side, dim)), whole]
