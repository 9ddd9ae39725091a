"""A CLIP model of colored shapes, small enough to keep with the tests. It is trained by `train.py`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rag.setting_groups import EmbedSettings

if TYPE_CHECKING:
    from rag.adapters.openclip import OpenClipEmbedder

_HERE = Path(__file__).parent

TINY = EmbedSettings(
    device="cpu",
    model="magpie-tiny",
    config=_HERE / "magpie-tiny.json",
    weights=str(_HERE / "magpie-tiny.safetensors"),
    picture_floor=0.5,
    duplicate_threshold=0.93,
)
"""Settings of the model. The floors lie in the gaps that `measure.py` reports: matching pictures are near 0.65 and
rarely below 0.6, other questions below 0.1; a resaved picture is above 0.95, one of another kind below 0.8."""

ENVIRONMENT = {
    "MAGPIE_EMBED__DEVICE": "cpu",
    "MAGPIE_EMBED__MODEL": TINY.model,
    "MAGPIE_EMBED__CONFIG": str(TINY.config),
    "MAGPIE_EMBED__WEIGHTS": TINY.weights,
    "MAGPIE_EMBED__PICTURE_FLOOR": str(TINY.picture_floor),
    "MAGPIE_EMBED__DUPLICATE_THRESHOLD": str(TINY.duplicate_threshold),
}
"""The same settings as environment variables."""


def open_tiny() -> OpenClipEmbedder:
    from rag.adapters.openclip import open_embedder

    return open_embedder(TINY, 1)
