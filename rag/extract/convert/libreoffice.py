"""Office documents to PDF, by LibreOffice: started for one document, confined to one folder, and limited."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from rag.errors import Unreadable
from rag.extract.convert.packages import OFFICE
from rag.extract.convert.sanitize import clean_document
from rag.sandbox import Restrictions, child_environment, confinement_gap, runtime_files
from rag.sandbox.launch import Limits, launch_command, package_folder
from rag.settings import ReadSettings

OFF = "off"
_NAMES = ("soffice", "libreoffice")
_MAC = "/Applications/LibreOffice.app/Contents/MacOS/soffice"
CONFINE = "Magpie reads them on Linux 5.13 or later with Landlock enabled (add `landlock` to the kernel's lsm= option)."
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
}
"""No macros, no updates of links, no network; all of which holds by the walls, too."""

_FILTERS = {
    ".docx": "MS Word 2007 XML",
    ".pptx": "Impress MS PowerPoint 2007 XML",
    ".odt": "writer8",
    ".odp": "impress8",
    ".doc": "MS Word 97",
    ".ppt": "MS PowerPoint 97",
    ".rtf": "Rich Text Format",
}
"""LibreOffice's import filters, named so that it does not take the file for something else that was not cleaned."""

_START_AGAIN, _MOST_STARTS = 81, 3
"""The exit status by which LibreOffice asks to be started again, as it does once with a new profile."""


def office_program(wanted: str) -> str | None:
    """LibreOffice's program as `read.office` says, or None where there is none."""
    if wanted == OFF:
        return None
    if wanted:
        return shutil.which(wanted)
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (_MAC if sys.platform == "darwin" and Path(_MAC).is_file() else None)


def office_to_pdf(path: Path, media_type: str, into: Path, settings: ReadSettings) -> None:
    """Write the document as a PDF to `into`, beside which a folder is used and removed.

    Call it in a process that leads a group of its own: whatever else is in the group is ended afterwards.
    """
    program = office_program(settings.office)
    if program is None:
        raise _unavailable(settings.office)
    if (gap := confinement_gap()) is not None:
        raise Unreadable(f"Office documents are not read here: {gap}.", f"Export it as a PDF. {CONFINE}")
    work = into.parent / "office"
    shutil.rmtree(work, ignore_errors=True)
    profile = work / "profile" / "user"
    profile.mkdir(parents=True)
    try:
        (profile / "registrymodifications.xcu").write_text(_registry(), encoding="utf-8")
        copy = work / f"document{OFFICE[media_type]}"
        clean_document(path, copy)
        _run(program, copy, work, settings)
        made = work / "out" / "document.pdf"
        if not made.is_file() or not made.stat().st_size:
            raise Unreadable(
                "LibreOffice cannot open the document: it is damaged, or encrypted with a password.",
                "Save it again without a password, or export it as a PDF.",
            )
        shutil.copyfile(made, into)  # moving between folders is refused by the first version of Landlock
    finally:
        shutil.rmtree(work, ignore_errors=True)


def office_files(wanted: str) -> list[Path]:
    """Return where LibreOffice is installed: the program, and the folder around its folder `program`.

    Of a program that lies elsewhere nothing but the file: its folder may hold anything.
    """
    found = office_program(wanted)
    if found is None:
        return []
    program = Path(found).resolve()
    return [Path(found).absolute(), program, *([program.parents[1]] if program.parent.name == "program" else [])]


def office_remedy(wanted: str) -> str:
    """What to do where there is no program."""
    return "Set read.office to where LibreOffice is, or empty it." if wanted else _INSTALL


def _unavailable(wanted: str) -> Unreadable:
    if wanted == OFF:
        return Unreadable("Office documents are not read here: read.office is off.", "Export it as a PDF.")
    if wanted:
        return Unreadable(f"LibreOffice is not where read.office says: {wanted}.", office_remedy(wanted))
    return Unreadable(
        "Office documents need LibreOffice, which is not installed where Magpie runs.",
        f"{_INSTALL} Or export it as a PDF.",
    )


def _run(program: str, document: Path, work: Path, settings: ReadSettings) -> None:
    seconds = settings.convert_seconds
    options = "--headless --norestore --nologo --nodefault --nofirststartwizard".split()
    command = [
        str(_binary(Path(program))),
        f"-env:UserInstallation={(work / 'profile').as_uri()}",
        "-env:OSL_SOCKET_PATH=.",  # relative to `work`: the path of a socket has room for 107 bytes
        *options,
        f"--infilter={_FILTERS[document.suffix]}",
        *("--convert-to", "pdf", "--outdir", str(work / "out"), str(document)),
    ]
    walls = Restrictions(
        runtime_files([package_folder(), *office_files(settings.office)]), (str(work),), write_checks=False
    )
    limits = Limits(int(seconds) + 1, settings.max_mb << 20)
    end = time.monotonic() + seconds
    try:
        for _ in range(_MOST_STARTS):
            process = subprocess.Popen(
                launch_command(walls, limits, command),
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
            if status != _START_AGAIN:
                break
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"LibreOffice did not make pages of the document within {seconds:g} s.",
            "Export it as a PDF, or raise read.convert_seconds.",
        ) from None
    finally:
        _end_group()


def _binary(program: Path) -> Path:
    """The program itself where `program` is a script beside it: what the script starts first needs /tmp."""
    real = program.resolve()
    binary = real.with_name("soffice.bin")
    return binary if binary.is_file() else program.absolute()


def _end_group() -> None:
    """End what the program started and left: everything in this process's group but itself."""
    own, group = os.getpid(), os.getpgrp()
    # 0 is a group whose leader is outside this process namespace: bubblewrap's, with nothing but ours in it.
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
            shown = str(value).lower() if isinstance(value, bool) else escape(str(value))
            items.append(
                f'<item oor:path="{path}"><prop oor:name="{name}" oor:op="fuse"><value>{shown}</value></prop></item>'
            )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{"".join(items)}</oor:items>\n'
    )
