"""Data folders with an empty catalog. Migrations are tested where they are the subject, and applied once elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Concatenate, ParamSpec

import rag
from rag.catalog import Catalog
from rag.catalog.migrate import MigrationHistory

_Given = ParamSpec("_Given")
_Open = Callable[Concatenate[rag.Settings, _Given], rag.Rag]


def migrated(folder: Path, *histories: MigrationHistory) -> Path:
    """Return the folder, with an empty catalog of the newest schema in it unless it has a catalog already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "catalog.db"
    if not path.exists():
        path.write_bytes(_empty_catalog(histories))
    return folder


@cache
def _empty_catalog(histories: tuple[MigrationHistory, ...]) -> bytes:
    with TemporaryDirectory() as folder:
        catalog = Catalog(Path(folder), histories)
        catalog.close()
        return catalog.path.read_bytes()


def _in_migrated_folder(opening: _Open[_Given]) -> _Open[_Given]:
    @wraps(opening)
    def opened(settings: rag.Settings, /, *args: _Given.args, **given: _Given.kwargs) -> rag.Rag:
        histories: Any = given.get("histories", ())
        migrated(settings.data, *histories)
        return opening(settings, *args, **given)

    return opened


open_rag = _in_migrated_folder(rag.open_rag)
"""`rag.open_rag` in a folder that has a catalog already."""
