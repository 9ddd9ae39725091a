"""Settings in `magpie.toml` in the data folder. `answer.model` is the key `model` in the table `[answer]`."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rag.errors import BadSetting

NAME = "magpie.toml"

CHOOSE_FOLDER = "Name another folder: --data DIR, or MAGPIE_DATA."


def settings_path(data: Path) -> Path:
    """Return where the settings file of a data folder is, or would be."""
    return data / NAME


def read_settings_file(data: Path) -> dict[str, Any]:
    """Return the tables of the settings file; an empty dictionary if there is none.

    Raise BadSetting if the file cannot be read, or is not TOML in UTF-8.
    """
    path = settings_path(data)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise not_a_folder(data) from error
    except OSError as error:
        raise BadSetting(f"{path} could not be read: {error.strerror}.", "Correct its permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"{path} is not valid TOML: {error}.", 'Write texts in quotes, such as model = "qwen3-vl:4b-instruct".'
        ) from error


def not_a_folder(data: Path) -> BadSetting:
    """Return the error for a data folder of which the path, or a part of it, is a file."""
    return BadSetting(f"The data folder {data} is a file, or is below one.", CHOOSE_FOLDER)


def flatten(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of tables by dotted names: `{"answer": {"model": "m"}}` -> `{"answer.model": "m"}`."""
    found: dict[str, Any] = {}
    for table, values in tables.items():
        if isinstance(values, dict):
            found |= {f"{table}.{key}": value for key, value in values.items()}
        else:
            found[table] = values
    return found


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return tables of values by dotted names; the reverse of `flatten`."""
    tables: dict[str, Any] = {}
    for name, value in values.items():
        table, _, key = name.rpartition(".")
        if table:
            tables.setdefault(table, {})[key] = value
        else:
            tables[key] = value
    return tables


def check_names(names: Collection[str], known: Collection[str]) -> None:
    """Raise BadSetting for a name of the settings file that is not the name of a setting."""
    for name in names:
        if name not in known:
            similar = get_close_matches(name, known, n=1)
            raise BadSetting(
                f"{NAME} has a setting {name} that does not exist.{f' Did you mean {similar[0]}?' if similar else ''}",
                "Correct or remove it; docs/configuration.md lists all settings.",
            )
