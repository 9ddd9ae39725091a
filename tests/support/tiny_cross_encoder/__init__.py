"""A cross-encoder that reads which color belongs to which shape. It is trained by `train.py`."""

from __future__ import annotations

from pathlib import Path

from rag.setting_groups import RerankSettings

FOLDER = Path(__file__).parent / "magpie-tiny-reranker"

TINY = RerankSettings(model=f"st:{FOLDER}", device="cpu", budget_ms=30_000)
"""Settings of the model. The budget is that of a busy machine, not of the model, which takes a few milliseconds."""
