"""A late-interaction model of colored shapes, small enough to keep with the tests. It is trained by `train.py`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "magpie-tiny-pages"
