"""Data folders with an empty catalog. Migrations are tested where they are the subject, and applied once elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from rag.catalog import Catalog
from rag.catalog.migrate import MigrationHistory


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
