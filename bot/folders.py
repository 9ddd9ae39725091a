"""`[[sources]]` in magpie.toml: folders that are followed, and who may see their files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag import FollowedFolder, is_inside, read_settings_file, resolved_folder

EVERYONE = "everyone"
"""The space of files that every full member of the workspace may see, like those of a public channel."""

_KEYS = {"folder", "visible_to"}

_CHANNEL = re.compile("[CG][0-9A-Z]{6,}")

_HOW = f'Write visible_to = "{EVERYONE}", or the ids of channels: visible_to = ["C0123456789"].'


@dataclass(frozen=True, slots=True)
class FolderList:
    """The folders to follow. `problems`: a sentence for each entry that is ignored because it is wrong."""

    folders: tuple[FollowedFolder, ...] = ()
    problems: tuple[str, ...] = ()


def read_folders(data: Path) -> FolderList:
    """Return the folders that magpie.toml in this data folder names.

    Raise BadSetting if the file cannot be read, or is not TOML.
    """
    entries = read_settings_file(data).get("sources", [])
    if not isinstance(entries, list):
        return FolderList(problems=("sources in magpie.toml is not a list. Write [[sources]] above each of them.",))
    folders: list[FollowedFolder] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        found = _read(entry, data, folders) if isinstance(entry, Mapping) else "It is not a table."
        if isinstance(found, str):
            problems.append(f"[[sources]] number {number} in magpie.toml is ignored: {found}")
        else:
            folders.append(found)
    return FolderList(tuple(folders), tuple(problems))


def _read(entry: Mapping[str, Any], data: Path, others: Iterable[FollowedFolder]) -> FollowedFolder | str:
    """Return the folder of an entry, or what is wrong with it."""
    if unknown := sorted(entry.keys() - _KEYS):
        return f"it has no setting {unknown[0]}, only folder and visible_to."
    folder, visible_to = entry.get("folder"), entry.get("visible_to")
    if not isinstance(folder, str) or not ("://" in folder or Path(folder).expanduser().is_absolute()):
        return 'folder must be an absolute path or a URL, such as folder = "/srv/handbook".'
    if (spaces := _spaces(visible_to)) is None:
        return f"{folder} does not say who may see it, or names channels otherwise than by their ids. {_HOW}"
    top, own = resolved_folder(folder), str(data.resolve())
    if is_inside(top, own) or is_inside(own, top):
        return f"{folder} overlaps with the data folder."
    for other in others:
        known = resolved_folder(other.folder)
        if is_inside(top, known) or is_inside(known, top):
            return f"{folder} overlaps with {other.folder}."
    return FollowedFolder(folder, spaces)


def _spaces(visible_to: object) -> tuple[str, ...] | None:
    """Return the spaces of the people who may see a folder. Channels have ids only: anyone could take a name."""
    if visible_to == EVERYONE:
        return (EVERYONE,)
    if not isinstance(visible_to, list) or not visible_to:
        return None
    if not all(isinstance(channel, str) and _CHANNEL.fullmatch(channel) for channel in visible_to):
        return None
    return tuple(dict.fromkeys(visible_to))


def visible_to(folder: FollowedFolder) -> str:
    """Return who may see a folder, for the person who runs Magpie."""
    return "everyone" if folder.spaces == (EVERYONE,) else f"channels {', '.join(folder.spaces)}"
