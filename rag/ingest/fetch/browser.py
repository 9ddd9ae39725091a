"""Process that renders a web page, `python -m rag.ingest.fetch.browser`: it reads a job and writes a PDF.

The job is JSON on standard input; the reply is one line of JSON. Pages that never finish are stopped by killing the
process group, including the browser. The process can only access its folder and programs and, on kernels with Landlock
for TCP, only the proxy's port. Chromium's own sandbox is always on.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.extract import limits
from rag.ingest.fetch.rendering import Rendered, render_page
from rag.ingest.fetch.screenshot_pdf import HEIGHT, WIDTH
from rag.sandbox import Restrictions, child_environment, confinement_gap, restrict, runtime_files
from rag.sandbox.launch import package_folder

PDF = "page.pdf"
_MEMORY_MB = 4096
"""Address space of this process: a long page takes 1 GB, most of it for libraries."""

_FLAGS = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-first-run",
    "--mute-audio",
    "--disable-dev-shm-usage",
)
"""Send all traffic through the proxy, and no requests that the page did not make."""

_BROWSER_FILES = (
    *("/etc/chromium", "/etc/chromium.d", "/etc/opt/chrome", "/opt/google/chrome"),
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
)

_UNPRIVILEGED_ID = 65534
"""User and group of Chromium if this process runs as root: its sandbox does not start for root."""

NO_SANDBOX = "No usable sandbox"
"""Chromium's message if the system does not allow its sandbox."""

_DROP_PRIVILEGES = """#!{python} -P
import os, sys
os.setgroups([])
os.setgid({unprivileged_id})
os.setuid({unprivileged_id})
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """A page to render. `proxy` is the only address the browser can reach; the process ends with `parent`."""

    url: str
    program: str
    proxy: str
    user: str
    password: str
    seconds: float
    tiles: int
    into: str
    parent: int


def confine(job: RenderJob) -> None:
    """Restrict this process and the browser to their files and to the proxy's port."""
    if confinement_gap() is not None:
        return
    program = Path(job.program)
    packages = [package_folder(), program.parent, program.resolve().parent, *map(Path, _BROWSER_FILES)]
    # Chromium's sandbox writes to /proc to configure its own processes.
    ports = (urlsplit(job.proxy).port or 0,)
    restrict(Restrictions(runtime_files(packages), (job.into, "/proc"), sockets=True, ports=ports, symlinks=True))


def _browser_command(job: RenderJob, profile: Path) -> str:
    """Return the program to start: for root, a script that changes to another user first."""
    if os.geteuid() != 0:
        return job.program
    os.chmod(job.into, 0o711)  # can be traversed, not listed
    os.chown(profile, _UNPRIVILEGED_ID, _UNPRIVILEGED_ID)
    script = Path(job.into) / "browser"
    script.write_text(
        _DROP_PRIVILEGES.format(python=sys.executable, unprivileged_id=_UNPRIVILEGED_ID, program=job.program)
    )
    script.chmod(0o700)
    return str(script)


def render(job: RenderJob) -> Rendered:
    """Load the page and write its PDF. Raise Playwright's errors."""
    from playwright.sync_api import sync_playwright

    profile = Path(job.into) / "profile"
    profile.mkdir()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=_browser_command(job, profile),
            args=list(_FLAGS),
            env={**child_environment(), "HOME": str(profile), "TMPDIR": str(profile)},
            proxy={"server": job.proxy, "username": job.user, "password": job.password},
            chromium_sandbox=True,
            timeout=job.seconds * 1000,
            viewport={"width": WIDTH, "height": HEIGHT},
            accept_downloads=False,
            service_workers="block",
            # Uncompressed, because the proxy limits the bytes that are transferred.
            extra_http_headers={"Accept-Encoding": "identity"},
        )
        limits.limit_memory(_MEMORY_MB)  # of this process, which receives what a page sends; the browser is another
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("popup", lambda popup: popup.close())
        found = render_page(page, job.url, job.seconds, job.tiles, Path(job.into) / PDF)
        context.close()
    return found


def main() -> None:
    """Render the page of the job on standard input; reply on standard output."""
    job = RenderJob(**json.loads(sys.stdin.buffer.read()))
    limits.die_with_parent(job.parent)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    reply: dict[str, Any]
    try:
        confine(job)
        reply = asdict(render(job))
    except Exception as error:  # noqa: BLE001 - report any error of the browser to the parent
        sys.excepthook(type(error), error, error.__traceback__)
        reply = {"error": NO_SANDBOX if NO_SANDBOX in str(error) else str(error).partition("\n")[0][:300]}
    out.write(json.dumps(reply) + "\n")
    out.flush()


def encode_job(job: RenderJob) -> bytes:
    """Return a job as input for this process."""
    return json.dumps(asdict(job)).encode()


if __name__ == "__main__":
    main()
