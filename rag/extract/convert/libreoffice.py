"""Conversion of office documents to PDF with LibreOffice, sandboxed to one folder and limited in time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

from rag.errors import Unreadable
from rag.extract.convert.details import Details
from rag.extract.convert.office_fonts import FONTS_REMEDY
from rag.extract.convert.packages import OFFICE
from rag.extract.convert.prepare import Prepared, make_pages_taller, prepare_document
from rag.extract.convert.sanitize import sanitize_document
from rag.model.extraction import Note
from rag.sandbox import Restrictions, child_environment, confinement_gap, runtime_files
from rag.sandbox.launch import ResourceLimits, launch_command, package_folder
from rag.setting_groups import ReadSettings

OFFICE_OFF = "off"
_PROGRAM_NAMES = ("soffice", "libreoffice")
_MAC = "/Applications/LibreOffice.app/Contents/MacOS/soffice"
CONFINEMENT_REMEDY = (
    "LibreOffice needs Linux 5.13 or later with Landlock enabled (add `landlock` to the kernel's lsm= option)."
)
_INSTALL = "Install LibreOffice (Debian: sudo apt install libreoffice-nogui)."
_NOWHERE = "127.0.0.1"
_SETTINGS: dict[str, dict[str, int | str]] = {
    "/org.openoffice.Office.Common/Security/Scripting": {
        "MacroSecurityLevel": 3,
        "DisableMacrosExecution": True,
        "BlockUntrustedRefererLinks": True,
    },
    "/org.openoffice.Office.Writer/Content/Update": {"Link": 0},
    "/org.openoffice.Inet/Settings": {
        "ooInetProxyType": 2,
        "ooInetHTTPProxyName": _NOWHERE,
        "ooInetHTTPProxyPort": 9,
        "ooInetHTTPSProxyName": _NOWHERE,
        "ooInetHTTPSProxyPort": 9,
        "ooInetNoProxy": "",
    },
    "/org.openoffice.Office.Common/Filter/PDF/Export": {
        "ExportHiddenSlides": True,
        "ExportNotes": True,
        "ExportNotesPages": False,
        "UseTaggedPDF": True,
    },
}
"""No macros, no link updates, no network; the sandbox enforces all of this too. Hidden slides are exported because
PowerPoint counts them, comments become annotations, and tags contain the descriptions of pictures."""

_FILTERS = {
    ".docx": "MS Word 2007 XML",
    ".pptx": "Impress MS PowerPoint 2007 XML",
    ".odt": "writer8",
    ".odp": "impress8",
    ".doc": "MS Word 97",
    ".ppt": "MS PowerPoint 97",
    ".rtf": "Rich Text Format",
    ".odg": "draw8",
    ".fodt": "OpenDocument Text Flat XML",
    ".fodp": "OpenDocument Presentation Flat XML",
    ".fodg": "OpenDocument Drawing Flat XML",
    ".xml": "MS Word 2003 XML",
}
"""LibreOffice's import filters. Naming one stops LibreOffice from detecting another format, which was not sanitized."""

_RESTART_STATUS, _MAX_STARTS = 81, 3
"""The exit status with which LibreOffice asks to be restarted, as it does once with a new profile."""


def office_program(setting: str) -> str | None:
    """Return the path of LibreOffice according to the setting `read.office`; None if it is off or not found."""
    if setting == OFFICE_OFF:
        return None
    if setting:
        return shutil.which(setting)
    found = next(filter(None, map(shutil.which, _PROGRAM_NAMES)), None)
    return found or (_MAC if sys.platform == "darwin" and Path(_MAC).is_file() else None)


def office_to_pdf(
    path: Path, media_type: str, into: Path, settings: ReadSettings, count_pages: Callable[[Path], int]
) -> Details:
    """Convert the document to a PDF at `into`; a temporary folder beside it is used. Raise Unreadable.

    Return what its pages don't show. If a document of Word has more pages than Word counted, because of other fonts,
    its pages are made taller.

    Call this in a process that leads its own process group: all other processes of the group are killed afterwards.
    """
    program = office_program(settings.office)
    assert program is not None  # otherwise libreoffice_gap gives the reason
    work = into.parent / "office"
    shutil.rmtree(work, ignore_errors=True)
    profile = work / "profile" / "user"
    profile.mkdir(parents=True)
    try:
        (profile / "registrymodifications.xcu").write_text(_registry(), encoding="utf-8")
        copy = work / f"document{OFFICE[media_type]}"
        sanitize_document(path, copy)
        prepared = prepare_document(copy)
        converted = _run(program, copy, work, settings)
        if prepared.as_saved and prepared.pages < count_pages(converted):
            make_pages_taller(copy)
            converted = _run(program, copy, work, settings)
        shutil.copyfile(converted, into)  # the first version of Landlock refuses moves between folders
        return _compared(prepared, count_pages(into))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compared(prepared: Prepared, pages: int) -> Details:
    """Return the details, with a note if the document has another number of pages in Word."""
    if prepared.pages in (0, pages):
        return prepared.details
    other = Note(
        f"The number of pages is {prepared.pages:,} in Word and {pages:,} here, so page numbers can differ from "
        f"Word's. {FONTS_REMEDY}"
    )
    return replace(prepared.details, notes=(*prepared.details.notes, other))


def office_files(setting: str) -> list[Path]:
    """Return the paths LibreOffice needs: the program, and the installation folder around its folder `program`.

    For a program in another folder, return only the file: that folder may contain anything.
    """
    found = office_program(setting)
    if found is None:
        return []
    program = Path(found).resolve()
    return [Path(found).absolute(), program, *([program.parents[1]] if program.parent.name == "program" else [])]


def office_remedy(setting: str) -> str:
    """Return what to do if LibreOffice is not found."""
    return "Set `read.office` to the path of LibreOffice, or leave it empty." if setting else _INSTALL


def libreoffice_gap(setting: str) -> Unreadable | None:
    """Return why LibreOffice can't be used, with what to do; None if it can. `setting` is `read.office`."""
    if setting == OFFICE_OFF:
        return Unreadable("LibreOffice is turned off by `read.office`.", "Export it as a PDF.")
    if office_program(setting) is None:
        if setting:
            return Unreadable(f"LibreOffice was not found at `read.office`: {setting}.", office_remedy(setting))
        return Unreadable("LibreOffice is not installed where Magpie runs.", f"{_INSTALL} Or export it as a PDF.")
    if (gap := confinement_gap()) is not None:
        return Unreadable(f"LibreOffice can't be used here: {gap}.", f"Export it as a PDF. {CONFINEMENT_REMEDY}")
    return None


def _run(program: str, document: Path, work: Path, settings: ReadSettings) -> Path:
    """Return the path of the converted PDF. Raise Unreadable."""
    seconds = settings.convert_seconds
    options = "--headless --norestore --nologo --nodefault --nofirststartwizard".split()
    command = [
        str(_binary(Path(program))),
        f"-env:UserInstallation={(work / 'profile').as_uri()}",
        "-env:OSL_SOCKET_PATH=.",  # relative to `work`: a socket path can have 107 bytes at most
        *options,
        f"--infilter={_FILTERS[document.suffix]}",
        *("--convert-to", "pdf", "--outdir", str(work / "out"), str(document)),
    ]
    restrictions = Restrictions(
        runtime_files([package_folder(), *office_files(settings.office)]), (str(work),), write_checks=False
    )
    limits = ResourceLimits(int(seconds) + 1, settings.max_mb << 20)
    end = time.monotonic() + seconds
    try:
        for _ in range(_MAX_STARTS):
            process = subprocess.Popen(
                launch_command(restrictions, limits, command),
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=child_environment(
                    {"HOME": str(work), "TMPDIR": str(work), "LANG": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}
                ),
                cwd=work,
            )
            try:
                status = process.wait(max(0.0, end - time.monotonic()))
            finally:
                process.kill()
                process.wait()
            if status != _RESTART_STATUS:
                break
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"LibreOffice did not convert the document within {seconds:g} s.",
            "Export it as a PDF, or raise `read.convert_seconds`.",
        ) from None
    finally:
        _kill_group()
    converted = work / "out" / "document.pdf"
    if not converted.is_file() or not converted.stat().st_size:
        raise Unreadable(
            "LibreOffice can't open the document: it is damaged, or encrypted with a password.",
            "Save it again without a password, or export it as a PDF.",
        )
    return converted


def _binary(program: Path) -> Path:
    """Return LibreOffice's binary if `program` is the script beside it: the script first starts a program that needs
    /tmp.
    """
    real = program.resolve()
    binary = real.with_name("soffice.bin")
    return binary if binary.is_file() else program.absolute()


def _kill_group() -> None:
    """Kill what LibreOffice left behind: all processes of this process's group except itself."""
    own, group = os.getpid(), os.getpgrp()
    # Group 0 is led by bubblewrap, outside this process namespace, and contains only our processes.
    if group not in (own, 0):
        return
    if sys.platform == "linux":
        others = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    else:
        rows = subprocess.run(["ps", "-axo", "pid="], capture_output=True, text=True, check=True).stdout
        others = [int(row) for row in rows.split()]
    for pid in others:
        with suppress(ProcessLookupError, PermissionError):
            if pid != own and os.getpgid(pid) == group:
                os.kill(pid, signal.SIGKILL)


def _registry() -> str:
    items = []
    for path, props in _SETTINGS.items():
        for name, value in props.items():
            text = str(value).lower() if isinstance(value, bool) else escape(str(value))
            items.append(
                f'<item oor:path="{path}"><prop oor:name="{name}" oor:op="fuse"><value>{text}</value></prop></item>'
            )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{"".join(items)}</oor:items>\n'
    )
