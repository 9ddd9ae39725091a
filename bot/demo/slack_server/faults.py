"""What goes wrong on demand: each fault counts down and is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition
from typing import Literal

Drop = Literal["", "before", "after"]
Broken = Literal["login page", "redirect", "truncated", "slow", "status"]


@dataclass
class CallFault:
    method: str
    times: int
    status: int = 0
    error: str = ""
    retry_after: int | None = None
    drop: Drop = ""
    delay: float = 0.0


@dataclass
class DownloadFault:
    kind: Broken
    times: int
    to: str = ""
    seconds: float = 0.0
    status: int = 200


@dataclass
class Faults:
    """Ask for faults before they are to happen. Several of one kind happen one after the other."""

    changed: Condition
    _calls: list[CallFault] = field(default_factory=list)
    _downloads: list[DownloadFault] = field(default_factory=list)
    _lost_acks: int = 0
    _copies: list[tuple[int, bool]] = field(default_factory=list)
    _reordered: int = 0
    _unmentioned: int = 0
    _lost_events: int = 0
    _meanwhile: list[tuple[str, Callable[[], None]]] = field(default_factory=list)

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
    ) -> None:
        """The next `times` calls of a Web API method ("*": of any; "upload": the raw POST of a file's bytes).

        `status` 429, 500 or 503 answers so and does nothing; `error` answers `{"ok": false, "error": ...}`;
        `drop` cuts the connection before the work, or after it was done, so that only the answer is lost;
        `delay` answers late, and otherwise as it should unless one of the others is given.
        """
        with self.changed:
            self._calls.append(CallFault(method, times, status, error, retry_after, drop, delay))

    def meanwhile(self, method: str, act: Callable[[], None]) -> None:
        """Something happens in the workspace right before the next call of a method is answered."""
        with self.changed:
            self._meanwhile.append((method, act))

    def html_login(self, times: int = 1) -> None:
        """Downloads answer 200 with the HTML of a login page."""
        self._download(DownloadFault("login page", times))

    def redirect(self, times: int = 1, *, to: str = "") -> None:
        """Downloads redirect, to the login page unless told where."""
        self._download(DownloadFault("redirect", times, to))

    def truncate(self, times: int = 1) -> None:
        """Downloads break off in the middle."""
        self._download(DownloadFault("truncated", times))

    def short(self, times: int = 1) -> None:
        """Downloads end early, but as if they were whole."""
        self._download(DownloadFault("status", times, status=206))

    def slow(self, times: int = 1, *, seconds: float) -> None:
        """Downloads pause this long in the middle."""
        self._download(DownloadFault("slow", times, seconds=seconds))

    def download_status(self, status: int, times: int = 1) -> None:
        self._download(DownloadFault("status", times, status=status))

    def lose_acks(self, times: int = 1) -> None:
        """Acknowledgements that arrive and are not seen: the envelope is sent again."""
        with self.changed:
            self._lost_acks += times

    def duplicate(self, times: int = 1, *, copies: int = 1, new_envelope: bool = False) -> None:
        """The next envelopes arrive again at once; `new_envelope`: the same event in another envelope."""
        with self.changed:
            self._copies += [(copies, new_envelope)] * times

    def reorder(self, times: int = 1) -> None:
        """The events of the next actions arrive in reverse order."""
        with self.changed:
            self._reordered += times

    def lose_events(self, times: int = 1) -> None:
        """The next events never arrive, as after an outage longer than Slack's patience."""
        with self.changed:
            self._lost_events += times

    def lose_mention(self, times: int = 1) -> None:
        """The next messages with files that mention the bot cause no app_mention, as Slack does at times."""
        with self.changed:
            self._unmentioned += times

    def clear(self) -> None:
        with self.changed:
            self._calls.clear()
            self._downloads.clear()
            self._copies.clear()
            self._meanwhile.clear()
            self._lost_acks = self._reordered = self._unmentioned = self._lost_events = 0

    # ------------------------------------------------------------ taken by the server

    def of_call(self, method: str) -> CallFault | None:
        for fault in self._calls:
            if fault.method in ("*", method):
                fault.times -= 1
                self._calls = [each for each in self._calls if each.times > 0]
                return fault
        return None

    def of_moment(self, method: str) -> Callable[[], None] | None:
        found = next((one for one in self._meanwhile if one[0] == method), None)
        if found is None:
            return None
        self._meanwhile.remove(found)
        return found[1]

    def of_download(self) -> DownloadFault | None:
        if not self._downloads:
            return None
        fault = self._downloads[0]
        fault.times -= 1
        if fault.times <= 0:
            self._downloads.pop(0)
        return fault

    def of_ack(self) -> bool:
        lost = self._lost_acks > 0
        self._lost_acks -= lost
        return lost

    def of_envelope(self) -> tuple[int, bool]:
        """(copies, in envelopes of their own)."""
        return self._copies.pop(0) if self._copies else (0, False)

    def of_action(self) -> bool:
        reordered = self._reordered > 0
        self._reordered -= reordered
        return reordered

    def of_event(self) -> bool:
        lost = self._lost_events > 0
        self._lost_events -= lost
        return lost

    def of_mention(self) -> bool:
        lost = self._unmentioned > 0
        self._unmentioned -= lost
        return lost

    def _download(self, fault: DownloadFault) -> None:
        with self.changed:
            self._downloads.append(fault)
