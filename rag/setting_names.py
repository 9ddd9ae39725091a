"""Names of settings: the environment variable of each, and names that were changed."""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "MAGPIE_"

RENAMED: Mapping[str, str] = {
    "search.tricks": "search.query_features",
    "search.sure": "search.min_confidence",
    "embed.twin_floor": "embed.duplicate_threshold",
}
"""Settings by their old names: {old name: name}. Old names are accepted for one version, with a warning."""

_ONE_VERSION = "the old name works in this version only"

RENAMED_VALUES: Mapping[str, Mapping[str, str]] = {"search.query_features": {"ratios": "glossary", "names": ""}}
"""Items of comma-separated settings by their old names, accepted in the same way: {setting: {old item: item}}.

The new name of an item that is gone is empty.
"""


def with_new_names(
    variables: Mapping[str, str | None],
    renamed: Mapping[str, str] = RENAMED,
    renamed_values: Mapping[str, Mapping[str, str]] = RENAMED_VALUES,
) -> tuple[dict[str, str | None], list[str]]:
    """Return the variables under their current names (in upper case), and a warning for each old name.

    Items of comma-separated values are renamed too. A variable of the new name wins over one of the old name.
    """
    found = {name.upper(): value for name, value in variables.items()}
    warnings = []
    for old, new in ((variable(old), variable(new)) for old, new in renamed.items()):
        if old in found:
            value = found.pop(old)
            ignored = f". {new} is set too, so {old} is ignored: unset it" if new in found else f"; {_ONE_VERSION}"
            found.setdefault(new, value)
            warnings.append(f"The setting {old} is now called {new}{ignored}.")
    for name, items in ((variable(setting), items) for setting, items in renamed_values.items()):
        values = [part.strip() for part in (found.get(name) or "").split(",")]
        if old_values := [value for value in values if value in items]:
            found[name] = ",".join(items.get(value, value) for value in values)
            warnings += [_describe_value(name, old, items[old]) for old in old_values]
    return found, warnings


def _describe_value(name: str, old: str, new: str) -> str:
    if not new:
        return f"{old!r} in {name} does nothing any more: remove it."
    return f"{old!r} in {name} is now called {new!r}; {_ONE_VERSION}."


def variable(name: str) -> str:
    """Return the environment variable of a setting: `embed.device` -> MAGPIE_EMBED__DEVICE."""
    return PREFIX + name.replace(".", "__").upper()


def setting_name(variable: str) -> str:
    """Return the name of a setting by its environment variable: MAGPIE_EMBED__DEVICE -> `embed.device`."""
    return variable.removeprefix(PREFIX).lower().replace("__", ".")
