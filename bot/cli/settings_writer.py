"""Write magpie.toml: private, complete or not at all, with the comments and settings that it has."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from rag import settings_path


def write_settings(data: Path, table: str, values: Mapping[str, Any]) -> None:
    """Set values of one table of the data folder's settings file. Only the file's owner can read it.

    Raise OSError if it cannot be written; then it is as before.
    """
    import tomlkit

    path = settings_path(data)
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.is_file() else tomlkit.document()
    section = document.setdefault(table, tomlkit.table())
    for name, value in values.items():
        section[name] = value
    # A temporary file is created with the mode 0600.
    with NamedTemporaryFile("w", encoding="utf-8", dir=data, prefix=".magpie-", delete=False) as written:
        try:
            written.write(tomlkit.dumps(document))
            written.flush()
            os.fsync(written.fileno())
            os.replace(written.name, path)
        except OSError:
            Path(written.name).unlink(missing_ok=True)
            raise
