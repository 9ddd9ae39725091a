"""One child process and the line of talk with it: start, ask, wait with a limit, kill."""

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

from rag.data_dir import remove_scratch, scratch
from rag.errors import ReaderStopped
from rag.extract.child import reader_walls
from rag.extract.protocol import LONGEST_REPLY, REPLY, REQUEST, START, Reply, Request, Start
from rag.sandbox import bubblewrap_prefix, child_environment
from rag.settings import ReadSettings

log = logging.getLogger("magpie.read")

_START_SECONDS = 60
_TAIL = 4096
_BLOCK = 1 << 16
_LOOK = 1.0
"""Seconds after which a thread that waits for a reply looks whether another has ended the child."""
_LARGEST_PICTURE = 64 << 20
_MOST_PIXELS = 100_000_000


class Why(StrEnum):
    TIME = "time"
    MEMORY = "memory"
    CRASH = "crash"


class ChildStopped(Exception):
    """The child ended, or was ended, before it answered."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


def check_jpeg(data: bytes) -> None:
    """Raise ValueError unless the bytes begin as a JPEG does, of no more than 100 million pixels."""
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as opened:  # reads the header only
            width, height = opened.size
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("a picture that is not a JPEG") from error
    if width * height > _MOST_PIXELS:
        raise ValueError("a picture that is too large")


class Child:
    """A running `rag.extract.child`, ready for requests.

    Raise ReaderStopped when it does not come up. It is the leader of its own process group, so that a key
    pressed in the terminal does not reach it and killing it reaches whatever it started.
    """

    def __init__(self, settings: ReadSettings, ocr: str | None, threads: int) -> None:
        self._scratch = scratch("read")
        self._start = start = Start(settings, ocr, threads, os.getpid(), self._scratch.name)
        for folder in (start.given, start.made, start.work):
            folder.mkdir()
        walls = reader_walls(start)
        if around := bubblewrap_prefix(walls.readable, walls.writable):
            start = replace(start, parent=0)
        own = {"HOME": str(start.work), "TMPDIR": str(start.work)}
        bounded = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        # -P and an explicit path: the child imports what this process would, never from the current folder.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [*around, sys.executable, "-P", "-m", "rag.extract.child", START.dump_json(start).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment({**own, **bounded, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}),
            start_new_session=True,
        )
        self._killed = False
        self._unread = b""
        self._tail = b""
        try:
            reply = self.receive(_START_SECONDS)
        except ChildStopped as stopped:
            self.kill()
            raise ReaderStopped(
                f"The reading process did not start: {self._last_words() or stopped.why}.",
                "Raise read.memory_mb, or install Magpie again.",
            ) from None
        except BaseException:
            self.kill()
            raise
        if reply.kind != "ready":
            self.kill()
            raise ReaderStopped(f"The reading process did not start: {reply.message}.", "Install Magpie again.")

    @property
    def pid(self) -> int:
        """The process, or bubblewrap's around it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def made(self) -> Path:
        """Where the child leaves pictures of pages."""
        return self._start.made

    @contextmanager
    def given(self, path: Path) -> Iterator[str]:
        """Make a copy of the file readable for the child while the `with` lasts; it can open no other. Raise OSError.

        The copy's name and time depend only on path, size and time of the file, so that the child can use again what
        it converted. A copy, since a link would lead to the file itself, whose mode and attributes could be changed.
        """
        found = path.stat()
        key = f"{path}\0{found.st_size}\0{found.st_mtime_ns}"
        copy = self._start.given / sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        try:
            shutil.copyfile(path, copy)
            os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
            yield str(copy)
        finally:
            copy.unlink(missing_ok=True)

    def take(self, name: str, into: Path) -> None:
        """Move a picture that the child made to the folder `into`.

        Its bytes are copied, since the child could still change the file itself. Raise OSError when they cannot be
        written, ValueError for anything that is not a JPEG file.
        """
        made = self.made / name
        try:
            fd = os.open(made, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise ValueError("a picture that cannot be opened") from error
        with os.fdopen(fd, "rb") as source:
            made_of = os.fstat(fd)
            if not stat.S_ISREG(made_of.st_mode) or made_of.st_size > _LARGEST_PICTURE:  # a sparse one costs nothing
                raise ValueError("a picture that is not a file, or too large")
            data = source.read(_LARGEST_PICTURE)
        check_jpeg(data)
        (into / name).write_bytes(data)
        made.unlink(missing_ok=True)

    def send(self, request: Request) -> None:
        """Raise ChildStopped when it is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(REQUEST.dump_json(request) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def receive(self, seconds: float) -> Reply:
        """The next reply. Raise ChildStopped when it takes longer, when the child ends, or when it talks nonsense."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            selector.register(self._process.stderr, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                left = end - time.monotonic()
                ready = selector.select(min(max(0.0, left), _LOOK))
                if self._killed:  # by another thread, which may have closed the pipes before they were seen to end
                    raise ChildStopped(Why.CRASH)
                if not ready and left <= _LOOK:
                    raise ChildStopped(Why.TIME)
                for key, _ in ready:
                    block = os.read(key.fd, _BLOCK)
                    if key.fileobj is self._process.stderr:
                        self._tail = (self._tail + block)[-_TAIL:]
                        if not block:
                            selector.unregister(key.fileobj)
                    elif not block:
                        raise self._ended()
                    else:
                        self._unread += block
                if len(self._unread) > LONGEST_REPLY:
                    raise ChildStopped(Why.CRASH)
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            reply = REPLY.validate_json(line)
        except ValidationError:
            raise ChildStopped(Why.CRASH) from None
        if reply.kind == "memory":
            raise ChildStopped(Why.MEMORY)
        return reply

    def kill(self) -> None:
        """End it and everything it started; no error when it is gone."""
        self._killed = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):  # a request it never read was still in the buffer
                pipe.close()
        remove_scratch(self._scratch)

    def _ended(self) -> ChildStopped:
        """Why the child is gone: its exit status and the last it said on standard error."""
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        self._tail = (self._tail + (self._process.stderr.read() or b""))[-_TAIL:]
        status = self._process.wait()
        log.debug("the reading process ended with %s", status)
        killed = (-signal.SIGKILL, 128 + signal.SIGKILL)  # the second as bubblewrap says it
        starved = b"MemoryError" in self._tail or b"bad_alloc" in self._tail or status in killed
        return ChildStopped(Why.MEMORY if starved else Why.CRASH)

    def _last_words(self) -> str:
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip().rstrip(".") if lines else ""
