"""A late-interaction model of colored shapes, small enough to keep with the tests. It is trained by `train.py`."""

from __future__ import annotations

from pathlib import Path

from rag.setting_groups import PageImageSettings

FOLDER = Path(__file__).parent / "magpie-tiny-pages"

TINY_PAGES = PageImageSettings(model=f"st:{FOLDER}", device="cpu", floor=0.87)
"""Settings of the model. The floor lies in the gap that `measure.py` reports."""
