"""The parent's side of one extraction process: start it, send requests, wait with a timeout, kill it."""

from __future__ import annotations

import logging
import os
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from pydantic import ValidationError

from rag.data_dir import remove_temporary_folder, temporary_folder
from rag.errors import ExtractorStopped
from rag.extract.child import child_restrictions
from rag.extract.protocol import (
    CHILD_CONFIG,
    MAX_REPLY_BYTES,
    REPLY,
    REQUEST,
    ChildConfig,
    ExtractionReply,
    Request,
    shorten,
)
from rag.sandbox import bubblewrap_prefix, child_environment
from rag.setting_groups import ReadSettings

log = logging.getLogger("magpie.read")

_START_SECONDS = 60
_STDERR_TAIL = 4096
_BLOCK = 1 << 16
_PIPE_BYTES = 1 << 20
"""Replies that the child may be ahead: about 20 skimmed pages, so that it goes on while they are written."""
_POLL_SECONDS = 1.0
"""How often a thread that waits for a reply checks whether another thread has killed the child."""
_MAX_PICTURE_BYTES = 64 << 20
_MAX_PIXELS = 100_000_000


class StopReason(StrEnum):
    TIME = "time"
    MEMORY = "memory"
    CRASH = "crash"


class ChildStopped(Exception):
    """The child ended or was killed before it answered."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


def check_jpeg(data: bytes) -> None:
    """Raise ValueError unless the bytes are a JPEG with at most 100 million pixels. Only the header is read."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as image:
            width, height = image.size
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("the picture is not a JPEG") from error
    if width * height > _MAX_PIXELS:
        raise ValueError("the picture is too large")


class ChildProcess:
    """A running `rag.extract.child`, ready for requests. Raise ExtractorStopped if it does not start.

    The process leads its own process group: Ctrl-C in the terminal does not reach it, and killing it also kills the
    processes it started.
    """

    def __init__(self, settings: ReadSettings, ocr: str | None, threads: int) -> None:
        self._scratch = temporary_folder("read")
        self._config = config = ChildConfig(settings, ocr, threads, os.getpid(), self._scratch.name)
        for folder in (config.input_folder, config.picture_folder, config.work_folder):
            folder.mkdir()
        restrictions = child_restrictions(config)
        if prefix := bubblewrap_prefix(restrictions.readable, restrictions.writable):
            config = replace(config, parent=0)
        folders = {"HOME": str(config.work_folder), "TMPDIR": str(config.work_folder)}
        thread_limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        # -P and an explicit path: the child imports the same modules as this process, never from the current folder.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", "rag.extract.child", CHILD_CONFIG.dump_json(config).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment({**folders, **thread_limits, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}),
            start_new_session=True,
            pipesize=_PIPE_BYTES,
        )
        self._killed = False
        self._unread = b""
        self._tail = b""
        self._are_models_loaded = False
        self.layout_problem = ""
        self._await_ready()

    def load_models(self) -> None:
        """Load the models that extraction needs, the first time. Raise ExtractorStopped if that fails."""
        if not self._are_models_loaded:
            self.send(Request("load", ""))
            self.layout_problem = self._await_ready()
            self._are_models_loaded = True

    def _await_ready(self) -> str:
        """Return the message of the reply `ready`. Kill the child and raise ExtractorStopped on any other outcome."""
        try:
            reply = self.receive(_START_SECONDS)
        except ChildStopped as stopped:
            self.kill()
            raise ExtractorStopped(
                f"The extraction process did not start: {self._last_stderr_line() or stopped.reason}.",
                "Raise `read.memory_mb`, or reinstall Magpie.",
            ) from None
        except BaseException:
            self.kill()
            raise
        if reply.kind != "ready":
            self.kill()
            raise ExtractorStopped(
                f"The extraction process did not start: {shorten(reply.message)}.", "Reinstall Magpie."
            )
        return shorten(reply.message)

    @property
    def pid(self) -> int:
        """The PID of the child, or of the bubblewrap process around it."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def picture_folder(self) -> Path:
        """The folder to which the child writes pictures of pages."""
        return self._config.picture_folder

    @contextmanager
    def input_copy(self, path: Path) -> Iterator[str]:
        """Yield the path of a copy that the child can read during the `with` block. Raise OSError.

        The child can't open any other document. The copy's name and modification time depend only on the path, size and
        modification time of the file, so that the child recognizes a file it has already converted. It is a copy
        because the child could change the mode and attributes of a linked file.
        """
        found = path.stat()
        key = f"{path}\0{found.st_size}\0{found.st_mtime_ns}"
        copy = self._config.input_folder / sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        try:
            shutil.copyfile(path, copy)
            os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
            yield str(copy)
        finally:
            copy.unlink(missing_ok=True)

    def move_picture(self, name: str, into: Path) -> None:
        """Move a picture that the child wrote to the folder `into`.

        The bytes are copied, because the child could still change its own file. Raise OSError if they can't be written,
        ValueError if the file is not a JPEG.
        """
        data = self._take(name, _MAX_PICTURE_BYTES)
        check_jpeg(data)
        (into / name).write_bytes(data)

    def move_attachment(self, name: str, into: Path, max_bytes: int) -> int:
        """Move a file of any kind that the child wrote, as `move_picture` does. Return its size.

        Raise ValueError if it is not a regular file of at most `max_bytes`.
        """
        data = self._take(name, max_bytes)
        (into / name).write_bytes(data)
        return len(data)

    def _take(self, name: str, max_bytes: int) -> bytes:
        """Return the bytes of a file that the child wrote, and delete it. Raise ValueError if it is not a regular file,
        or larger."""
        written = self.picture_folder / name
        try:
            fd = os.open(written, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise ValueError("the file cannot be opened") from error
        with os.fdopen(fd, "rb") as source:
            status = os.fstat(fd)
            # A sparse file could claim any size at no cost.
            if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
                raise ValueError("the file is not a regular one, or too large")
            data = source.read(max_bytes)
        written.unlink(missing_ok=True)
        return data

    def send(self, request: Request) -> None:
        """Send a request. Raise ChildStopped if the child has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(REQUEST.dump_json(request) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._stopped() from None

    def receive(self, seconds: float) -> ExtractionReply:
        """Return the next reply. Raise ChildStopped on a timeout, an invalid reply, or if the child ends."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            selector.register(self._process.stderr, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                left = end - time.monotonic()
                ready = selector.select(min(max(0.0, left), _POLL_SECONDS))
                if self._killed:  # by another thread, which may already have closed the pipes
                    raise ChildStopped(StopReason.CRASH)
                if not ready and left <= _POLL_SECONDS:
                    raise ChildStopped(StopReason.TIME)
                for key, _ in ready:
                    block = os.read(key.fd, _BLOCK)
                    if key.fileobj is self._process.stderr:
                        self._tail = (self._tail + block)[-_STDERR_TAIL:]
                        if not block:
                            selector.unregister(key.fileobj)
                    elif not block:
                        raise self._stopped()
                    else:
                        self._unread += block
                if len(self._unread) > MAX_REPLY_BYTES:
                    raise ChildStopped(StopReason.CRASH)
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            reply = REPLY.validate_json(line)
        except ValidationError:
            raise ChildStopped(StopReason.CRASH) from None
        if reply.kind == "memory":
            raise ChildStopped(StopReason.MEMORY)
        return reply

    def kill(self) -> None:
        """Kill the process and everything it started; do nothing if it has already ended."""
        self._killed = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):  # the buffer may hold a request that the child never read
                pipe.close()
        remove_temporary_folder(self._scratch)

    def _stopped(self) -> ChildStopped:
        """Return the exception for a child that ended, from its exit status and its last output on standard error."""
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        self._tail = (self._tail + (self._process.stderr.read() or b""))[-_STDERR_TAIL:]
        status = self._process.wait()
        log.debug("the extraction process ended with status %s", status)
        killed = (-signal.SIGKILL, 128 + signal.SIGKILL)  # the second is bubblewrap's exit status
        out_of_memory = b"MemoryError" in self._tail or b"bad_alloc" in self._tail or status in killed
        return ChildStopped(StopReason.MEMORY if out_of_memory else StopReason.CRASH)

    def _last_stderr_line(self) -> str:
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip().rstrip(".") if lines else ""
