"""Fetch the bytes of waiting sources and record their documents.

Each thread claims sources from the catalog. Nothing is queued in memory, so work goes on after a crash.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time

from sqlalchemy import Connection

from rag.catalog import Catalog, documents, outages, share_ends, shares, sources
from rag.catalog.share_delay import delay_new_share
from rag.catalog.states import MAX_ATTEMPTS
from rag.errors import MagpieError, NotFound, OperatorMustAct, OriginUnavailable, TryAgain, Unreadable
from rag.fairness import Claimant, FairQueue
from rag.ingest.disk_space import DiskSpace
from rag.ingest.fetch.budget import FetchBudget
from rag.ingest.fetch.paths import check_size
from rag.model.extraction import SourceKind
from rag.observation import Observer
from rag.ports import Fetcher, FetchResult, HostFetcher
from rag.setting_groups import ReadSettings

log = logging.getLogger("magpie")

_RETRY = 0.5
"""Seconds before the first retry, doubled each time, because most causes of a failure last a while."""

_MAX_WAIT = 60
"""Maximum seconds between retries, except for third-party servers."""

_MAX_FAR_DELAYS = 17
"""Delays of a source on a third-party server before it fails; see `_max_delays`."""

_AFTER_PROBE = 2.0
"""Seconds after a pause in which other sources go first: else one that always fails would be every probe."""

_DAY = 24 * 60 * 60


class Fetching:
    """Fetches sources until `stop` is set.

    `fetch_near` and `fetch_far` work until nothing that they can claim is left, and return whether there was anything.
    Several threads may be in each of them, so that slow servers do not delay the others.
    """

    def __init__(
        self,
        catalog: Catalog,
        data: Path,
        settings: ReadSettings,
        version: str,
        fetchers: Mapping[str, Fetcher],
        space: DiskSpace,
        stop: threading.Event,
        budget: FetchBudget | None,
        observer: Observer,
        arrive: Callable[[Claimant], None],
    ) -> None:
        """`version` is that of the extractor, for new documents. `budget` limits fetches from third-party servers;
        None: no limits. `arrive` is called when something of a claimant was fetched."""
        self._catalog = catalog
        self._data = data
        self._settings = settings
        self._version = version
        self._fetchers = fetchers
        self._space = space
        self._stop = stop
        self._budget = budget
        self._observer = observer
        self._arrive = arrive
        self._far = {kind: fetcher for kind, fetcher in fetchers.items() if isinstance(fetcher, HostFetcher)}
        self._busy_hosts: set[str] = set()
        self._claiming = threading.Lock()
        self._near_queue, self._far_queue = FairQueue(), FairQueue()
        self._near = near_kinds(fetchers)

    def near_waits(self) -> bool:
        """Return whether a source that is on this machine or at Slack waits to be claimed."""
        if self._space.is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(connection, self._near, time())

    def fetch_near(self) -> bool:
        """Fetch sources that are on this machine or at Slack."""
        fetched = 0
        while not self._stop.is_set() and not self._space.is_full() and self._fetch_one():
            fetched += 1
        return fetched > 0

    def _fetch_one(self) -> bool:
        with self._catalog.write_transaction() as connection:
            claimed, claimant = self._near_queue.claim(
                lambda: sources.list_claimants(connection, self._near),
                lambda claimant: sources.claim_source(connection, self._near, claimant),
            )
        if claimed is None:
            return False
        self._fetch_for(self._near_queue, claimed, claimant)
        return True

    def far_waits(self) -> bool:
        """Return whether a source on a third-party server waits to be claimed."""
        if self._space.is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(connection, self._far.keys(), time())

    def fetch_far(self) -> bool:
        """Fetch from third-party servers until the only sources left are on hosts that other threads fetch from."""
        fetched = 0
        while not self._stop.is_set() and not self._space.is_full():
            with self._claiming:
                with self._catalog.write_transaction() as connection:
                    claimed, claimant = self._claim_far(connection)
                if claimed is None:
                    break
                host = self._far[claimed.kind].host(claimed.ref)
                if wait := self._seconds_until_allowed(claimed, host):
                    self._postpone(claimed, claimant, wait)
                    continue
                self._busy_hosts.add(host)
            try:
                self._fetch_for(self._far_queue, claimed, claimant)
            finally:
                with self._claiming:
                    self._busy_hosts.discard(host)
            fetched += 1
        return fetched > 0

    def _seconds_until_allowed(self, claimed: sources.ClaimedSource, host: str) -> float:
        """Count a fetch for its host and for the person who linked to it last. Return 0, or the seconds to wait."""
        if self._budget is None:
            return 0.0
        with self._catalog.read_transaction() as connection:
            person = sources.last_person(connection, claimed.id)
        return self._budget.take(host, person)

    def _postpone(self, claimed: sources.ClaimedSource, claimant: Claimant, wait: float) -> None:
        with self._catalog.write_transaction() as connection:
            sources.postpone_source(connection, claimed.id, wait, "Too many pages were fetched within an hour.")
        self._far_queue.done(claimant)

    def _claim_far(self, connection: Connection) -> tuple[sources.ClaimedSource | None, Claimant]:
        kinds = list(self._far)
        return self._far_queue.claim(
            lambda: sources.list_claimants(connection, kinds),
            lambda claimant: sources.claim_source(connection, kinds, claimant, self._is_free),
        )

    def _fetch_for(self, queue: FairQueue, claimed: sources.ClaimedSource, claimant: Claimant) -> None:
        try:
            self._fetch(claimed)
        finally:
            queue.done(claimant)
            self._arrive(claimant)

    def _is_free(self, kind: str, ref: str) -> bool:
        return self._far[kind].host(ref) not in self._busy_hosts

    def _fetch(self, claimed: sources.ClaimedSource) -> None:
        try:
            if claimed.attempts > MAX_ATTEMPTS:
                raise Unreadable("It could not be fetched in three attempts.", "Share or index it again.")
            self._fetch_document(claimed)
        except (OriginUnavailable, OperatorMustAct) as error:
            if self._has_outages(claimed.kind):
                self._pause(claimed, error)
                return
            self._delay(claimed, str(error), error.hint)
        except NotFound:
            with self._catalog.write_transaction() as connection:
                if sources.is_held(connection, claimed):
                    share_ends.drop_shares(connection, [claimed.id])
        except Unreadable as error:
            self._fail_source(claimed, str(error), error.hint)
        except TryAgain as error:
            self._delay(claimed, str(error), error.hint)
        except OSError as error:
            log.warning("A source of the kind %s could not be fetched: %r", claimed.kind, error)
            self._delay(claimed, f"It could not be saved: {error.strerror or type(error).__name__}.", "Try again.")
        self._end_outage(claimed.kind)

    def _has_outages(self, kind: str) -> bool:
        """Return whether all sources of a kind have one origin, which the caller's fetcher knows."""
        return kind not in self._far and kind not in tuple(SourceKind)

    def _pause(self, claimed: sources.ClaimedSource, error: MagpieError) -> None:
        """Pause all sources of a kind, because their origin cannot be used. That is not held against this source,
        unless the origin served others since this one failed before."""
        with self._catalog.write_transaction() as connection:
            failures = outages.failures_of(connection, claimed.kind)
            wait = retry_wait(0 if failures is None else failures + 1, far=False)
            needs_operator = isinstance(error, OperatorMustAct)
            outages.put_outage(connection, claimed.kind, wait, str(error), error.hint, needs_operator=needs_operator)
            if failures is not None or not claimed.was_delayed:
                # Later than the pause ends: another source is the next probe, if there is one.
                sources.delay_source(connection, claimed, wait + _AFTER_PROBE, str(error), counted=False)
                if failures is None:
                    log.warning("Sources of the kind %s wait: %s %s", claimed.kind, error, error.hint)
                return
        self._delay(claimed, str(error), error.hint)

    def _end_outage(self, kind: str) -> None:
        with self._catalog.read_transaction() as connection:
            failures = outages.failures_of(connection, kind)
        if failures is not None:
            with self._catalog.write_transaction() as connection:
                outages.end_outage(connection, kind)
            log.warning("Sources of the kind %s can be fetched again.", kind)

    def _delay(self, claimed: sources.ClaimedSource, reason: str, hint: str) -> None:
        if claimed.delays >= _max_delays(claimed.kind, far=claimed.kind in self._far):
            self._fail_source(claimed, reason, hint)
            return
        wait = retry_wait(claimed.delays, far=claimed.kind in self._far)
        with self._catalog.write_transaction() as connection:
            sources.delay_source(connection, claimed, wait, reason)

    def _fetch_bytes(self, claimed: sources.ClaimedSource, into: Path) -> FetchResult:
        """Fetch into a file. An unexpected error of a fetcher is logged and fails only this source."""
        try:
            return self._fetchers[claimed.kind](claimed.ref, into)
        except (MagpieError, OSError):
            raise
        except Exception as error:
            log.exception("Unexpected error while fetching a source of the kind %s.", claimed.kind)
            raise Unreadable(
                "It could not be fetched because of an unexpected error.",
                "The person who runs Magpie can find the reason in its log. Share it as a file instead.",
            ) from error

    def _fail_source(self, claimed: sources.ClaimedSource, reason: str, hint: str) -> None:
        with self._catalog.write_transaction() as connection:
            sources.fail_source(connection, claimed, reason, hint)
        self._observer.file_failed("fetch")

    def _fetch_document(self, claimed: sources.ClaimedSource) -> None:
        """Fetch a file into the data folder, rename it to its hash, and record its document.

        What was fetched is deleted if the source changed or lost its last share meanwhile.
        """
        copy = self._data / "files" / f"tmp-{threading.get_ident()}"
        try:
            fetched = self._fetch_bytes(claimed, copy)
            if fetched.unchanged:
                with self._catalog.write_transaction() as connection:
                    sources.keep_document(connection, claimed)
                return
            size = copy.stat().st_size
            check_size(size, self._settings)
            with copy.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # In the transaction, like the deletion of files, so that the two cannot interleave.
            with self._catalog.write_transaction() as connection:
                if not sources.is_held(connection, claimed):
                    return
                os.replace(copy, self._data / "files" / digest)
                document_id = documents.put_document(connection, digest, size, self._version)
                sources.finish_source(
                    connection,
                    claimed,
                    document_id,
                    mtime_ns=fetched.mtime_ns,
                    size=fetched.size or size,
                    validators=fetched.validators,
                )
                delay_new_share(connection, claimed.id)
                if fetched.name:
                    shares.name_shares(connection, claimed.id, fetched.name, fetched.link)
        finally:
            copy.unlink(missing_ok=True)


def near_kinds(fetchers: Mapping[str, Fetcher]) -> list[str]:
    """Return the kinds of sources that are on this machine or at Slack, not on third-party servers."""
    return [kind for kind, fetcher in fetchers.items() if not isinstance(fetcher, HostFetcher)]


def retry_wait(delays: int, *, far: bool) -> float:
    """Return the seconds before the next attempt to fetch a source that was delayed `delays` times.

    They double each time, up to 18 hours for a third-party server and up to a minute for all others.
    """
    wait: float = _RETRY * 2 ** min(delays, _MAX_FAR_DELAYS)
    return wait if far else min(wait, _MAX_WAIT)


def _max_delays(kind: str, *, far: bool) -> int:
    """Return how often a source may be delayed.

    A failing disk keeps failing; a network may be back within the day. The pauses between requests to a third-party
    server double without limit: 17 of them last 18 hours.
    """
    if kind in tuple(SourceKind):
        return MAX_ATTEMPTS
    return _MAX_FAR_DELAYS if far else _DAY // _MAX_WAIT
