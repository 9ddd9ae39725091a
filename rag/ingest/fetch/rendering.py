"""Load a web page in the browser, prepare it, and take its pictures and words."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import monotonic
from time import time as now
from typing import TYPE_CHECKING, Any

from rag.extract.page_structure import CUT, HIDDEN, WIDE
from rag.ingest.fetch import page_scripts as scripts
from rag.ingest.fetch.content_types import WEB_PAGES, media_type
from rag.ingest.fetch.page_checks import PageFacts, file_of, refusal
from rag.ingest.fetch.page_text import STYLES, FrameSnapshot, PageText, read_snapshot
from rag.ingest.fetch.screenshot_pdf import HEIGHT, WIDTH, ScreenWord, Tile, split_into_tiles, write_screenshot_pdf
from rag.ingest.fetch.visibility import visible_words

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Frame, Page, Response

_QUIET_MS = 3000
"""How long a page may continue to fetch after it has loaded; many never stop."""

_MAX_REFRESHES = 3
_MAX_FRAMES = 30
_FRAME_ADDRESSES = ("http:", "https:", "about:", "data:", "blob:")
"""A frame with another address is blocked, and a script in it would never start."""

_MAX_TITLE_CHARS = 200
_OPEN_SHARE, _SCROLL_SHARE = 0.2, 0.4
"""Shares of the remaining time for opening what is closed, and for scrolling."""

_MIN_HIDDEN, _MIN_WIDE = 20, 10
"""Words that must be hidden, or too far on the right, before a page gets a note."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result: a PDF with `pages`, or why the page is refused, or the address of a `file` to read in its place."""

    title: str = ""
    pages: int = 0
    refused: str = ""
    status: int = 0
    file: str = ""


class PageLoader:
    """Loads a page, and notices when it is not a page: a file, or an error of the server."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._last: Response | None = None
        page.on("response", self._note)

    def _note(self, response: Response) -> None:
        from playwright.sync_api import Error

        with suppress(Error):  # the request of a page that is gone
            request = response.request
            is_main = request.is_navigation_request() and request.frame == self._page.main_frame
            if is_main and not 300 <= response.status < 400:
                self._last = response

    def load(self, url: str, seconds: float) -> Rendered | None:
        """Load a page. Return None if it is one. Raise Playwright's errors."""
        from playwright.sync_api import Error

        self._last = None
        try:
            self._page.goto(url, wait_until="load", timeout=seconds * 1000)
        except Error:
            if self._file() is None:  # a file is a download, which is not accepted: an error
                raise
        return self.outcome()

    def outcome(self) -> Rendered | None:
        """Return what the last navigation led to, if it is not a page."""
        if self._last is not None and self._last.status >= 400:
            return Rendered(status=self._last.status)
        file = self._file()
        return Rendered(file=file) if file is not None else None

    def _file(self) -> str | None:
        if self._last is None:
            return None
        kind = media_type(self._last.headers)
        return str(self._last.url) if kind and kind not in WEB_PAGES else None


def render_page(page: Page, url: str, seconds: float, max_tiles: int, path: Path) -> Rendered:
    """Load a page and write its PDF to `path`. Raise Playwright's errors."""
    end = monotonic() + seconds
    loader = PageLoader(page)
    facts = PageFacts()
    for _ in range(_MAX_REFRESHES + 1):
        found = loader.load(facts.refresh or url, max(end - monotonic(), 1))
        if found is None:
            _wait_until_quiet(page)
            found = loader.outcome()  # a script may have left the page
        if found is not None:
            return found
        facts = PageFacts.of(page.evaluate(scripts.DESCRIBE))
        if not facts.refresh:
            break
    file = file_of(facts)
    if file is not None:
        return Rendered(file=file)
    before = facts.count
    session = page.context.new_cdp_session(page)
    is_cut = _prepare(page, end, max_tiles * HEIGHT)
    facts = PageFacts.of(page.evaluate(scripts.DESCRIBE))
    reason = refusal(facts, url, page.url, before - facts.count)
    if reason is not None:
        return Rendered(refused=reason)
    # From here on nothing moves: words and pictures are of the same state.
    session.send("Emulation.setScriptExecutionDisabled", {"value": True})
    heights = [_evaluate(frame, scripts.SETTLE) for frame in _frames(page)]
    height = max(1, min(int(heights[0] or 1), max_tiles * HEIGHT))
    camera = _Camera(page, session)
    text = _read_text(session, camera.others)
    tiles = split_into_tiles(height, _uncut(text), max_tiles)
    pictures = [camera.picture(top, bottom) for top, bottom in tiles]
    for frame in _frames(page):
        _evaluate(frame, scripts.HIDE_TEXT)
    remarks = [CUT] if is_cut or tiles[-1][1] < int(heights[0] or 1) else []
    title = " ".join((page.title() or facts.heading).split())[:_MAX_TITLE_CHARS]
    count = write_screenshot_pdf(_tiles(camera, tiles, pictures, text, remarks), text.regions, title, path)
    return Rendered(title=title, pages=count)


def _prepare(page: Page, end: float, max_height: int) -> bool:
    """Remove walls, open what is closed, and load what is loaded late. Return whether the time did not suffice."""

    def until(share: float) -> float:
        return (now() + share * max(end - monotonic(), 0)) * 1000

    for frame in _frames(page):
        _evaluate(frame, scripts.REMOVE_WALLS)
        _evaluate(frame, scripts.OPEN, [max_height, until(_OPEN_SHARE)])
    _evaluate(page.main_frame, scripts.UNCOVER)
    scrolled = _evaluate(page.main_frame, scripts.SCROLL, [HEIGHT // 2, max_height, until(_SCROLL_SHARE)])
    _wait_until_quiet(page)
    for frame in _frames(page)[:0:-1]:
        _evaluate(frame, scripts.REMOVE_WALLS)
        _evaluate(frame, scripts.OPEN, [max_height, until(0)])
        _expand(frame)
    _evaluate(page.main_frame, scripts.REMOVE_WALLS)
    _evaluate(page.main_frame, scripts.OPEN, [max_height, until(0)])
    _evaluate(page.main_frame, scripts.UNCOVER)
    return bool(scrolled and scrolled.get("cut"))


def _wait_until_quiet(page: Page) -> None:
    from playwright.sync_api import TimeoutError as PlaywrightTimeout

    with suppress(PlaywrightTimeout):  # a page that continues to fetch is rendered as it is
        page.wait_for_load_state("networkidle", timeout=_QUIET_MS)


def _frames(page: Page) -> list[Frame]:
    """Return the page's frames that have loaded a page, the outer ones first."""
    frames = [frame for frame in page.frames if not frame.is_detached() and frame.url.startswith(_FRAME_ADDRESSES)]
    return frames[:_MAX_FRAMES]


def _evaluate(frame: Frame, script: str, argument: Any = None) -> Any:
    """Run a script in a frame. Return None if the frame is gone, or if the script fails in a frame inside the page."""
    from playwright.sync_api import Error

    try:
        return frame.evaluate(script, argument)
    except Error:
        if frame.parent_frame is None:
            raise
        return None


def _expand(frame: Frame) -> None:
    """Make a frame as high as its content."""
    from playwright.sync_api import Error

    height = _evaluate(frame, scripts.SETTLE)
    with suppress(Error):  # the frame is gone
        if isinstance(height, int):
            frame.frame_element().evaluate(scripts.EXPAND_FRAME, height)


def _frames_of_other_sites(page: Page) -> list[tuple[Frame, CDPSession]]:
    """Return the frames with pages of other sites: they have their own process, so the page's snapshot lacks them."""
    from playwright.sync_api import Error

    found = []
    for frame in _frames(page)[1:]:
        with suppress(Error):  # a frame of the same site, or one that is gone
            found.append((frame, page.context.new_cdp_session(frame)))
    return found


class _Camera:
    """Takes pictures of parts of a page."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page, self._session = page, session
        self.others = _frames_of_other_sites(page)
        self._places = [place for frame, _ in self.others if (place := _place(frame)) is not None]

    def picture(self, top: float, bottom: float) -> bytes:
        """Return a PNG of the page from `top` to `bottom`, in CSS pixels."""
        # A frame of another site does not paint while it is not on the screen.
        has_frame = any(y < bottom and y + height > top for y, height in self._places)
        if has_frame:
            _evaluate(self._page.main_frame, scripts.SCROLL_TO, top)
            for frame, _ in self.others:
                _evaluate(frame, scripts.PAINTED)
        clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top, "scale": 1}
        reply = self._session.send(
            "Page.captureScreenshot",
            {"format": "png", "clip": clip, "captureBeyondViewport": not has_frame, "optimizeForSpeed": True},
        )
        if has_frame:
            _evaluate(self._page.main_frame, scripts.SCROLL_TO, 0)
        return base64.b64decode(reply["data"])


def _place(frame: Frame) -> tuple[float, float] | None:
    """Return where a frame starts on the page, which is not scrolled, and its height."""
    from playwright.sync_api import Error

    with suppress(Error):  # the frame is gone
        box = frame.frame_element().bounding_box()
        return (box["y"], box["height"]) if box is not None else None
    return None


def _read_text(session: CDPSession, others: Sequence[tuple[Frame, CDPSession]]) -> PageText:
    """Return the words and regions of the page and of its frames; they may be hidden."""
    from playwright.sync_api import Error

    request = {"computedStyles": list(STYLES)}
    found = []
    for frame, own in others:
        with suppress(Error):  # the frame is gone
            box = frame.frame_element().bounding_box()
            if box is not None:
                found.append(FrameSnapshot(box["x"], box["y"], own.send("DOMSnapshot.captureSnapshot", request)))
    return read_snapshot(session.send("DOMSnapshot.captureSnapshot", request), found)


def _uncut(text: PageText) -> list[ScreenWord]:
    """Return what should not be cut by the end of a tile: words, and headings with the line that follows."""
    headings = [
        ScreenWord("", x0, y0, x1, y1 + (y1 - y0))
        for x0, y0, x1, y1 in (region.box for region in text.regions if region.level)
        if y1 - y0 < HEIGHT / 20
    ]
    return [word for word in (*text.words, *headings) if 0 <= word.x0 < WIDTH]


def _tiles(
    camera: _Camera,
    places: Sequence[tuple[float, float]],
    pictures: Sequence[bytes],
    text: PageText,
    remarks: Sequence[str],
) -> Iterator[Tile]:
    """Yield the tiles with the words that their pictures show; the page's text must be transparent by now."""
    from PIL import Image

    wide = sum(word.x0 >= WIDTH for word in text.words)
    for number, ((top, bottom), picture) in enumerate(zip(places, pictures, strict=True), 1):
        words = [word for word in text.words if top <= (word.y0 + word.y1) / 2 < bottom and word.x0 < WIDTH]
        with Image.open(BytesIO(picture)) as shown, Image.open(BytesIO(camera.picture(top, bottom))) as without:
            visible = visible_words(shown, without, words, top)
            notes = list(remarks) if number == len(places) else []
            if len(words) - len(visible) >= _MIN_HIDDEN:
                notes.append(HIDDEN)
            if number == 1 and wide >= _MIN_WIDE:
                notes.append(WIDE)
            yield Tile(top, bottom, shown, visible, notes)
