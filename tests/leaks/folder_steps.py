"""Steps that change what is in the folders of `[[sources]]`, and who may see them."""

from __future__ import annotations

import shutil

from bot.folders import EVERYONE
from tests.leaks.marked_documents import MAX_DOCUMENTS, MarkedDocument, name_of
from tests.leaks.selection import Step, channels, pick
from tests.leaks.simulation import FolderFile, Simulation


def add(simulation: Simulation, step: Step) -> None:
    """Put a document, new or shared already, into the folder of everyone or of a channel."""
    channel = pick(channels(simulation), step.a)
    space = EVERYONE if step.b % 2 or channel is None else channel.id
    known = pick(simulation.documents, step.c // 3) if step.c % 3 else None
    if known is None and len(simulation.documents) == MAX_DOCUMENTS:
        return
    if known is None:
        known = MarkedDocument(len(simulation.documents))
        simulation.documents.append(known)
    name = simulation.new_name()
    simulation.folders.append(FolderFile(known.number, name, space))
    path = simulation.folder_of(space) / name_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(known.content)
    simulation.walk_folders()


def remove(simulation: Simulation, step: Step) -> None:
    """Delete a file of a folder that has more than one: an empty folder counts as not mounted."""
    spaces = [file.space for file in simulation.folders]
    file = pick([file for file in simulation.folders if spaces.count(file.space) > 1], step.a)
    if file is None:
        return
    (simulation.folder_of(file.space) / name_of(file.name)).unlink()
    simulation.folders.remove(file)
    simulation.walk_folders()


def unname(simulation: Simulation, step: Step) -> None:
    """Take a folder out of the settings, then empty it: its files would be back if it were named again."""
    space = pick(sorted({file.space for file in simulation.folders}), step.a)
    if space is None:
        return
    simulation.folders[:] = [file for file in simulation.folders if file.space != space]
    simulation.walk_folders()
    shutil.rmtree(simulation.folder_of(space))


STEPS = {"folder": add, "folder, remove": remove, "folder, unname": unname}
WEIGHTS = {"folder": 12, "folder, remove": 2, "folder, unname": 1}
