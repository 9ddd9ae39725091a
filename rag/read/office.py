"""Office documents to PDF, by LibreOffice: started for one document, bounded, and kept away from the network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from rag.errors import Unreadable
from rag.read.packages import OFFICE
from rag.settings import ReadSettings

OFF = "off"
_NAMES = ("soffice", "libreoffice")
_MAC = "/Applications/LibreOffice.app/Contents/MacOS/soffice"
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
"""No macros; pictures that a document only refers to, on the network or on this disk, are not brought in."""


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
    work = into.parent / "office"
    shutil.rmtree(work, ignore_errors=True)
    profile = work / "profile" / "user"
    profile.mkdir(parents=True)
    try:
        (profile / "registrymodifications.xcu").write_text(_registry(), encoding="utf-8")
        copy = work / f"document{OFFICE[media_type]}"
        shutil.copyfile(path, copy)
        _run(program, copy, work, settings)
        made = work / "out" / "document.pdf"
        if not made.is_file() or not made.stat().st_size:
            raise Unreadable(
                "LibreOffice cannot open the document: it is damaged, or encrypted with a password.",
                "Save it again without a password, or export it as a PDF.",
            )
        made.replace(into)
    finally:
        shutil.rmtree(work, ignore_errors=True)


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
    # The shell sets limits that hold for whatever the program starts. Files are counted in blocks of 512 bytes, or
    # of 1,024 in some shells.
    limits = f'ulimit -t {int(seconds) + 1} -f {settings.max_mb << 11}; exec "$0" "$@"'
    options = "--headless --norestore --nologo --nodefault --nofirststartwizard --convert-to pdf --outdir".split()
    profile = f"-env:UserInstallation={(work / 'profile').as_uri()}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", limits, program, profile, *options, str(work / "out"), str(document)],
        stdin=subprocess.DEVNULL,
        stdout=2,
        # Nothing of this process's surroundings, where tokens may be.
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(work),
            "TMPDIR": str(work),
            "LANG": "C.UTF-8",
            "SAL_USE_VCLPLUGIN": "svp",
        },
        cwd=work,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"LibreOffice did not make pages of the document within {seconds:g} s.",
            "Export it as a PDF, or raise read.convert_seconds.",
        ) from None
    finally:
        process.kill()
        process.wait()
        _end_group()


def _end_group() -> None:
    """End what the program started and left: everything in this process's group but itself."""
    own, group = os.getpid(), os.getpgrp()
    if own != group:  # not a group of our own: nobody else's processes are ended
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
