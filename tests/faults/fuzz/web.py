"""Fuzzing of UrlFetcher with hostile responses of a web server: `python -m tests.faults.fuzz --web 2000`.

A local server answers request number N with response number N, generated from the seed. Rules: the fetcher returns, or
raises Unreadable or TryAgain with a readable message, within its time limit, and leaves no thread, file, process or
socket. The browser is off, so web pages are refused.
"""

from __future__ import annotations

import gc
import gzip
import os
import re
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rag.errors import TryAgain, Unreadable
from rag.ingest.fetch.urls import UrlFetcher
from rag.setting_groups import ReadSettings, WebSettings
from tests.faults.fuzz.check import is_readable
from tests.rag.ingest.fetch.site import raw_site

SECONDS = 1.0
_GRACE = 5.0
"""Additional time for a fetch on a busy machine."""

_SLOW_SHARE = 0.02
"""Share of responses that are sent slowly until the time limit."""

_MAX_GROWTH = 1.15
"""Maximum ratio of this process's memory at the end and after the first hundreds of responses."""

_THREADS = 4
_MAX_MB = 1


@dataclass
class WebTally:
    """Results of all responses; `wrong` lists broken rules with the response."""

    count: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    damage: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")
    memory: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A response in pieces; with `drips`, the last piece is repeated until the client disconnects."""

    damage: str
    pieces: Sequence[bytes]
    drips: bool = False


def hostile(number: int, seed: int) -> Hostile:
    """Return response number `number`; the same numbers give the same response."""
    chance = Random(f"{seed}/web/{number}")
    if chance.random() < _SLOW_SHARE:
        return chance.choice(_DRIPS)(chance)
    return chance.choice(_DAMAGES)(chance)


def _head(status: bytes, *headers: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n"


def _plain(chance: Random) -> bytes:
    body = chance.randbytes(chance.randrange(1, 3000))
    return _head(b"200 OK", b"Content-Type: application/pdf", b"Content-Length: %d" % len(body)) + body


def _sound(chance: Random) -> Hostile:
    return Hostile("none", [_plain(chance)])


def _flipped(chance: Random) -> Hostile:
    data = bytearray(_plain(chance))
    for _ in range(chance.randrange(1, 12)):
        data[chance.randrange(min(len(data), 120))] = chance.randrange(256)
    return Hostile("bytes of the head changed", [bytes(data)])


def _truncated(chance: Random) -> Hostile:
    data = _plain(chance)
    return Hostile("cut off", [data[: chance.randrange(len(data))]])


def _noise(chance: Random) -> Hostile:
    return Hostile("noise", [chance.randbytes(chance.randrange(4000))])


def _status(chance: Random) -> Hostile:
    status = chance.choice(
        [b"-1 no", b"000 no", b"999 no", b"206 Part", b"204 None", b"304 Same", b"407 Proxy", b"99999"]
    )
    return Hostile("odd status", [_head(status, b"Content-Length: 3") + b"abc"])


def _lengths(chance: Random) -> Hostile:
    length = chance.choice([b"-1", b"1e9", b"99999999999999999999999", b"3, 4", b"0x3", b"\xb2", b"", b"+3"])
    return Hostile("odd length", [_head(b"200 OK", b"Content-Length: " + length) + b"abc"])


def _chunked(chance: Random) -> Hostile:
    size = chance.choice([b"FFFFFFFFFFFFFFFF", b"-1", b"zz", b"3;" + b"x" * 90_000, b"", b"3\n"])
    body = (
        b"3\r\nabc\r\n" * chance.randrange(3)
        + size
        + b"\r\nabc\r\n0\r\n"
        + b"X-Trailer: a\r\n" * chance.randrange(9000)
    )
    return Hostile("odd chunks", [_head(b"200 OK", b"Transfer-Encoding: chunked") + body + b"\r\n"])


def _headers(chance: Random) -> Hostile:
    header = chance.choice(
        [
            b"X-Long: " + b"a" * 300_000,
            b"\r\n".join(b"X-%d: a" % number for number in range(20_000)),
            b"Content-Type: " + b"text/html;" * 5000,
            b"Content-Type: \xff\xfe\x00",
            b": no name",
            b"no colon",
            b" folded: a\r\n b",
            b"Transfer-Encoding: gzip, chunked",
            b"Set-Cookie: " + b"a=b; expires=" + b"1" * 60_000,
            b"Set-Cookie: a=b; domain=.example; path=" + b"/" * 50_000,
            b"Connection: upgrade\r\nUpgrade: " + chance.randbytes(20).hex().encode(),
        ]
    )
    return Hostile("odd headers", [_head(b"200 OK", header, b"Content-Length: 3") + b"abc"])


def _encoded(chance: Random) -> Hostile:
    bomb = gzip.compress(gzip.compress(bytes(1 << 20)))
    coding = chance.choice(
        [b"gzip", b"gzip, gzip", b"deflate", b"br", b"zstd", b"x" * 3000, b"identity, gzip", b"\xff"]
    )
    body = chance.choice([bomb, zlib.compress(bytes(1 << 20)), b"none of it"])
    status = chance.choice([b"200 OK", b"302 Found\r\nLocation: /again"])
    return Hostile(
        "content encoding", [_head(status, b"Content-Encoding: " + coding, b"Content-Length: %d" % len(body)) + body]
    )


def _redirect(chance: Random) -> Hostile:
    to = chance.choice(_LOCATIONS)
    return Hostile("redirect", [_head(b"302 Found", b"Location: " + to, b"Content-Length: 0")])


_LOCATIONS = [
    b"/again", b"", b"//", b"http://", b"http://i\xe2\x9d\xa4.ws/", b"http://[::1", b"http://[fe80::1%25eth0]/",
    b"http://" + b"a" * 64 + b".example/", b"http://a..example/", b"http://127.0.0.1:99999/", b"http://127.0.0.1:25/",
    b"http://10.0.0.1/", b"http://0x7f.1/", b"file:///etc/passwd", b"gopher://127.0.0.1:70/", b"data:text/html,a",
    b"http://x:y@127.0.0.1:1/", b"/" + b"x" * 90_000, b"http://127.0.0.1:1\t/", b"\x00", b"http://\xff\xfe/",
    b"http://169.254.169.254/latest", b"http://[64:ff9b:1::a00:1]/", b"http://localhost./", b"https://127.0.0.1/",
]  # fmt: skip


def _large(chance: Random) -> Hostile:
    kind = chance.choice([b"Content-Length: %d" % (64 << 20), b"Connection: close"])
    return Hostile("too large", [_head(b"200 OK", kind), *[bytes(1 << 20)] * (_MAX_MB + 2)])


def _page(chance: Random) -> Hostile:
    kind = chance.choice([b"text/html", b"TEXT/HTML; charset=\xff", b"application/xhtml+xml", b" text/html ;"])
    return Hostile("web page", [_head(b"200 OK", b"Content-Type: " + kind, b"Content-Length: 9") + b"<p>words\n"])


def _silence(chance: Random) -> Hostile:
    return Hostile("closed at once", [])


_DAMAGES: Sequence[Callable[[Random], Hostile]] = (
    _sound, _flipped, _flipped, _flipped, _truncated, _noise, _status, _lengths, _chunked, _headers, _encoded,
    _redirect, _redirect, _large, _page, _silence,
)  # fmt: skip


def _drip(name: str, start: bytes, piece: bytes) -> Callable[[Random], Hostile]:
    return lambda _: Hostile(f"drips {name}", [start, piece], drips=True)


_DRIPS = (
    _drip("nothing", b"", b""),
    _drip("a header", b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    _drip("headers", b"HTTP/1.1 200 OK\r\n", b"X-Many: a\r\n"),
    _drip("1xx", b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    _drip("a body", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"a"),
    _drip("chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    _drip("a redirect", b"HTTP/1.1 302 Found\r\nLocation: /", b"b"),
)

_REQUEST = re.compile(rb"GET /(\d+)")


def run(count: int, seed: int, folder: Path) -> WebTally:
    """Fetch all responses, a few at a time. `folder` must be empty, and is empty afterwards."""
    tally = WebTally()
    web = WebSettings(allow=("127.0.0.1",), seconds=SECONDS, max_mb=_MAX_MB, browser="off")
    fetcher = UrlFetcher(web, ReadSettings(max_mb=_MAX_MB))
    before = threading.active_count()
    lock, numbers = threading.Lock(), iter(range(count))

    def answer(connection: socket.socket, over: threading.Event) -> None:
        asked = _REQUEST.match(connection.recv(1 << 16))
        response = (
            hostile(int(asked.group(1)), seed)
            if asked
            else Hostile("again", [_head(b"302 Found", b"Location: /again")])
        )
        for piece in response.pieces:
            connection.sendall(piece)
        while response.drips and not over.wait(0.02):
            connection.sendall(response.pieces[-1] or b"")
            if not response.pieces[-1]:
                over.wait(SECONDS + _GRACE)

    def work(url: str) -> None:
        for number in _take_numbers(numbers, lock):
            _fetch(fetcher, f"{url}/{number}", hostile(number, seed), folder / str(number), tally, lock)

    with raw_site(answer) as (url, _):
        threads = [threading.Thread(target=work, args=(url,)) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    _check_leftovers(tally, before, folder)
    return tally


def _take_numbers(numbers: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number


def _fetch(fetcher: UrlFetcher, url: str, response: Hostile, into: Path, tally: WebTally, lock: threading.Lock) -> None:
    began = time.monotonic()
    wrong, outcome = "", "fetched"
    try:
        found = fetcher(url, into)
        if not found.name or len(found.name) > 200:
            wrong = f"is called {found.name!r}"
    except (Unreadable, TryAgain) as error:
        outcome = f"{type(error).__name__}: {re.sub('[0-9.]+ s', 'N s', str(error))}"
        if not is_readable(str(error)) or not is_readable(error.hint):
            wrong = f"has the message {str(error)!r}, {error.hint!r}"
    except Exception as error:  # noqa: BLE001 - any other exception breaks a rule and is reported
        outcome = wrong = f"raised {error!r}"
    took = time.monotonic() - began
    if took > SECONDS + _GRACE:
        wrong = f"took {took:.1f} s"
    into.unlink(missing_ok=True)
    with lock:
        tally.count += 1
        tally.outcomes[outcome] += 1
        tally.damage[response.damage] += 1
        tally.slowest = max(tally.slowest, (took, f"{url.rpartition('/')[2]} ({response.damage})"))
        if tally.count % 100 == 0:
            gc.collect()
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            tally.memory.append(resident >> 20)
        if wrong:
            tally.wrong.append(f"response {url.rpartition('/')[2]} ({response.damage}) {wrong}")


def _check_leftovers(tally: WebTally, before: int, folder: Path) -> None:
    """Check for threads, files and memory left; connections of the proxy need a moment to notice that it is closed."""
    end = threading.Event()
    for _ in range(100):
        if threading.active_count() <= before:
            break
        end.wait(0.1)
    else:
        tally.wrong.append(f"threads are left: {threading.enumerate()}")
    early, late = tally.memory[1:3], tally.memory[-2:]
    if len(tally.memory) >= 8 and max(late) > _MAX_GROWTH * max(early):
        tally.wrong.append(f"the process grew from {max(early)} to {max(late)} MB")
    if left := [path.name for path in folder.iterdir()]:
        tally.wrong.append(f"files are left: {left[:9]}")
