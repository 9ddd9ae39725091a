"""Reading the settings: the environment wins over the data folder's magpie.toml. A wrong name or value is an error."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from rag.errors import BadSetting
from rag.setting_names import PREFIX, RENAMED, setting_name, variable, with_new_names
from rag.settings import Settings, default_data, setting_descriptions
from rag.settings_file import NAME, check_names, flatten, nest, read_settings_file

OTHER_TABLES = ("slack", "sources")
"""Tables of magpie.toml that programs which use the engine read."""

_NEAR_MISS = 0.75
"""Similarity, from 0 to 1, from which an unknown name counts as a typing error."""

_KUBERNETES_ENDS = ("_SERVICE_HOST", "_SERVICE_PORT", "_PORT")
_KUBERNETES_PARTS = re.compile(r"_SERVICE_PORT_|_PORT_\d{1,5}_(?:TCP|UDP|SCTP)")

log = logging.getLogger("magpie")


def load_settings(data: Path | None = None) -> Settings:
    """Return the settings from the environment and, where it has none, from the data folder's magpie.toml.

    `data` overrides MAGPIE_DATA. Log a warning for each old name of a setting, and for each unknown name that starts
    with MAGPIE_. Raise BadSetting for an invalid value, and for a name that is nearly that of a setting: a typing error
    would otherwise be ignored.
    """
    environment, warnings = with_new_names(os.environ)
    for warning in (*warnings, *_unknown_variables()):
        log.warning(warning)
    in_file = _file_values(data, environment)
    given = nest({name: value for name, value in in_file.items() if variable(name) not in environment})
    try:
        return Settings(**given) if data is None else Settings(data=data, **given)
    except ValidationError as error:
        raise invalid_setting(error, lambda name: _where(name, in_file, environment)) from error


def _file_values(data: Path | None, environment: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the values of the engine's settings in magpie.toml by their names. Tables of other programs are left out.

    Raise BadSetting for an unknown name.
    """
    folder = data or Path(environment.get(variable("data")) or default_data())
    tables = read_settings_file(folder)
    found = flatten({name: values for name, values in tables.items() if name not in OTHER_TABLES})
    check_names(found, setting_descriptions().keys() - {"data"})
    return found


def _where(name: str, in_file: Mapping[str, Any], environment: Mapping[str, str | None]) -> str:
    """Return what to correct: the environment variable of a setting, or its name in the file."""
    return f"{name} in {NAME}" if name in in_file and variable(name) not in environment else variable(name)


def _unknown_variables() -> list[str]:
    """Return a warning for each variable that starts with MAGPIE_ and is not a setting.

    Raise BadSetting for one that is nearly a setting.
    """
    names, warnings = setting_descriptions(), []
    for unknown in sorted(os.environ):
        name = setting_name(unknown)
        if not unknown.startswith(PREFIX) or name in names or name in RENAMED or _is_of_kubernetes(unknown):
            continue
        if similar := get_close_matches(name, names, n=1, cutoff=_NEAR_MISS):
            raise BadSetting(
                f"There is no setting {unknown}. Did you mean {variable(similar[0])}?",
                f"Correct or unset it. docs/configuration.md lists all {len(names)} settings.",
            )
        warnings.append(f"The variable {unknown} is ignored: there is no such setting.")
    return warnings


def _is_of_kubernetes(name: str) -> bool:
    """Return whether Kubernetes sets this variable, in every container, for a service whose name begins with magpie."""
    return "__" not in name and (name.endswith(_KUBERNETES_ENDS) or bool(_KUBERNETES_PARTS.search(name)))


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting as it is used. `source` is `environment`, `magpie.toml`, `option` or `default`; secrets are masked."""

    name: str
    variable: str
    value: str
    source: str


def effective_settings(data: Path | None = None) -> list[SettingValue]:
    """Return every setting as `load_settings` with the same argument does, and where its value comes from."""
    settings, environment = load_settings(data), with_new_names(os.environ)[0]
    in_file = _file_values(data, environment)
    found = []
    for name in setting_descriptions():
        group, _, key = name.rpartition(".")
        value = getattr(getattr(settings, group) if group else settings, key)
        source = "environment" if variable(name) in environment else NAME if name in in_file else "default"
        if name == "data" and data is not None:
            source = "option"
        found.append(SettingValue(name, variable(name), shown_value(value), source))
    return found


def shown_value(value: object) -> str:
    """Return a value as it would be written in the environment; a secret as `(set)`, no value as an empty string."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "literal_error": "{expected}",
}
"""What a setting must be, by pydantic's error type. `{…}` is filled from the error's `ctx`."""


def invalid_setting(error: ValidationError, variable: Callable[[str], str]) -> BadSetting:
    """Return the first error in a sentence. `variable` maps the name of a setting to its environment variable.

    The sentence quotes the value only if a number, a Boolean or one of a few words is expected: no secret is.
    """
    first = error.errors()[0]
    name = variable(".".join(str(part) for part in first["loc"]))
    hint = f"Correct {name}, or unset it to use its default. docs/configuration.md lists the allowed values."
    if expected := _EXPECTED.get(first["type"]):
        expected = expected.format(**first.get("ctx", {}))
        return BadSetting(f'{name} must be {expected}, got "{first["input"]}".', hint)
    return BadSetting(f"{name} is invalid: {first['msg'].removeprefix('Value error, ')}.", hint)
