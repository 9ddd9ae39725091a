"""Faults to inject. Each happens a given number of times and is then gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition
from typing import Literal

Drop = Literal["", "before", "after"]
DownloadFaultKind = Literal["login page", "redirect", "truncated", "slow", "status"]


@dataclass
class CallFault:
    method: str
    times: int
    status: int = 0
    error: str = ""
    retry_after: int | None = None
    drop: Drop = ""
    delay: float = 0.0
    body: str | None = None


@dataclass
class DownloadFault:
    kind: DownloadFaultKind
    times: int
    to: str = ""
    seconds: float = 0.0
    status: int = 200


@dataclass
class Faults:
    """Register faults before they should happen. Several of one kind happen one after the other."""

    changed: Condition
    _calls: list[CallFault] = field(default_factory=list)
    _downloads: list[DownloadFault] = field(default_factory=list)
    _lost_acks: int = 0
    _copies: list[tuple[int, bool]] = field(default_factory=list)
    _reordered: int = 0
    _lost_mentions: int = 0
    _lost_events: list[str] = field(default_factory=list)
    _late_events: list[tuple[str, float]] = field(default_factory=list)
    _empty_pages: list[str] = field(default_factory=list)
    _interruptions: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

    def fail(
        self,
        method: str,
        times: int = 1,
        *,
        status: int = 0,
        error: str = "",
        retry_after: int | None = None,
        drop: Drop = "",
        delay: float = 0.0,
        body: str | None = None,
    ) -> None:
        """Fail the next `times` calls of a Web API method ("*": any method; "upload": the raw POST of a file's bytes).

        `status` answers 429, 500 or 503 and does nothing. `error` answers `{"ok": false, "error": ...}`. `drop` drops
        the connection before the work, or after it, so that only the response is lost. `delay` waits this many seconds
        first; without the others the call then succeeds. `body` answers 200 with this text instead of JSON.
        """
        with self.changed:
            self._calls.append(CallFault(method, times, status, error, retry_after, drop, delay, body))

    def meanwhile(self, method: str, action: Callable[[], None]) -> None:
        """Run an action in the workspace right before the next call of a method is answered."""
        with self.changed:
            self._interruptions.append((method, action))

    def html_login(self, times: int = 1) -> None:
        """Answer downloads with 200 and the HTML of a login page."""
        self._add_download_fault(DownloadFault("login page", times))

    def redirect(self, times: int = 1, *, to: str = "") -> None:
        """Redirect downloads, by default to the login page."""
        self._add_download_fault(DownloadFault("redirect", times, to))

    def truncate(self, times: int = 1) -> None:
        """Drop the connection in the middle of downloads."""
        self._add_download_fault(DownloadFault("truncated", times))

    def short(self, times: int = 1) -> None:
        """Send half of a file as if it were the whole."""
        self._add_download_fault(DownloadFault("status", times, status=206))

    def slow(self, times: int = 1, *, seconds: float) -> None:
        """Pause downloads for this many seconds in the middle."""
        self._add_download_fault(DownloadFault("slow", times, seconds=seconds))

    def download_status(self, status: int, times: int = 1) -> None:
        self._add_download_fault(DownloadFault("status", times, status=status))

    def lose_acks(self, times: int = 1) -> None:
        """Ignore the next acknowledgements, so that the envelopes are sent again."""
        with self.changed:
            self._lost_acks += times

    def duplicate(self, times: int = 1, *, copies: int = 1, new_envelope: bool = False) -> None:
        """Send the next envelopes again at once; with `new_envelope`, the same event in another envelope."""
        with self.changed:
            self._copies += [(copies, new_envelope)] * times

    def reorder(self, times: int = 1) -> None:
        """Send the events of the next actions in reverse order."""
        with self.changed:
            self._reordered += times

    def lose_events(self, times: int = 1, *, kind: str = "") -> None:
        """Drop the next events (of one type), as after an outage longer than Slack retries."""
        with self.changed:
            self._lost_events += [kind] * times

    def delay_events(self, times: int = 1, *, seconds: float, kind: str = "") -> None:
        """Send the next events (of one type) so much later."""
        with self.changed:
            self._late_events += [(kind, seconds)] * times

    def empty_page(self, method: str, times: int = 1) -> None:
        """Answer the next calls of a listing, such as users.conversations, with one empty page and no cursor."""
        with self.changed:
            self._empty_pages += [method] * times

    def lose_mention(self, times: int = 1) -> None:
        """Send no app_mention for the next messages with files that mention the bot, as Slack does at times."""
        with self.changed:
            self._lost_mentions += times

    def clear(self) -> None:
        with self.changed:
            self._calls.clear()
            self._downloads.clear()
            self._copies.clear()
            self._interruptions.clear()
            self._lost_events.clear()
            self._late_events.clear()
            self._empty_pages.clear()
            self._lost_acks = self._reordered = self._lost_mentions = 0

    # ------------------------------------------------------------ consumed by the server

    def take_call_fault(self, method: str) -> CallFault | None:
        for fault in self._calls:
            if fault.method in ("*", method):
                fault.times -= 1
                self._calls = [each for each in self._calls if each.times > 0]
                return fault
        return None

    def take_interruption(self, method: str) -> Callable[[], None] | None:
        found = next((each for each in self._interruptions if each[0] == method), None)
        if found is None:
            return None
        self._interruptions.remove(found)
        return found[1]

    def take_download_fault(self) -> DownloadFault | None:
        if not self._downloads:
            return None
        fault = self._downloads[0]
        fault.times -= 1
        if fault.times <= 0:
            self._downloads.pop(0)
        return fault

    def should_lose_ack(self) -> bool:
        lost = self._lost_acks > 0
        self._lost_acks -= lost
        return lost

    def take_copies(self) -> tuple[int, bool]:
        """Return how many copies to send, and whether each gets an envelope of its own."""
        return self._copies.pop(0) if self._copies else (0, False)

    def should_reorder(self) -> bool:
        reordered = self._reordered > 0
        self._reordered -= reordered
        return reordered

    def should_lose_event(self, kind: str) -> bool:
        lost = next((each for each in self._lost_events if each in ("", kind)), None)
        if lost is None:
            return False
        self._lost_events.remove(lost)
        return True

    def take_event_delay(self, kind: str) -> float:
        late = next((each for each in self._late_events if each[0] in ("", kind)), None)
        if late is None:
            return 0.0
        self._late_events.remove(late)
        return late[1]

    def should_empty_page(self, method: str) -> bool:
        empty = method in self._empty_pages
        if empty:
            self._empty_pages.remove(method)
        return empty

    def should_lose_mention(self) -> bool:
        lost = self._lost_mentions > 0
        self._lost_mentions -= lost
        return lost

    def _add_download_fault(self, fault: DownloadFault) -> None:
        with self.changed:
            self._downloads.append(fault)
