"""Index, extract again and forget files on request, and report the outcome of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import time_ns

from sqlalchemy import Connection

from rag.catalog import Catalog, documents, extractions, outages, share_ends, shares, sources, statuses
from rag.catalog.attachments import attached_documents, find_attached
from rag.catalog.states import STANDING
from rag.errors import NotFound
from rag.ingest.fetch.addresses import is_url, validate_url
from rag.ingest.fetch.paths import add_path, is_missing, is_nonempty_folder, list_files
from rag.ingest.fetch.urls import add_url
from rag.ingest.worker import IndexRequest, ProgressCallback, Worker, ignore_progress
from rag.model.extraction import SourceKind
from rag.model.operations import IndexOutcome
from rag.model.search import LOCAL
from rag.ports import Extractor

_SETTLED = ("ready", "failed")


def _vanished(path: Path) -> IndexOutcome:
    return IndexOutcome(str(path), "skipped", 0, "It was deleted while the files were listed.", "Index it again.")


class Indexing:
    """Requests to index, extract again and forget. The worker runs them, or the process that owns the data folder."""

    def __init__(self, catalog: Catalog, worker: Worker, open_extractor: Callable[[], Extractor]) -> None:
        self._catalog = catalog
        self._worker = worker
        self._open_extractor = open_extractor

    def index(
        self, paths: Sequence[Path | str], space: str = LOCAL, report: ProgressCallback = ignore_progress
    ) -> list[IndexOutcome]:
        """Index files, folders and URLs into a space and wait until all of them can be found.

        If another process owns the data folder, record the request and follow that process's progress. Files below a
        folder that are no longer on disk are removed from the space, unless the folder is empty: its disk may not be
        mounted. Entries that `list_files` leaves out are reported as `skipped`. Raise NotFound for a missing path
        before anything is changed.
        """
        urls = [validate_url(path) for path in paths if isinstance(path, str) and is_url(path)]
        folders = [Path(path) for path in paths if not (isinstance(path, str) and is_url(path))]
        listed = [list_files(path) for path in folders]
        files = [path for found, _ in listed for path in found]
        skipped = [outcome for _, left_out in listed for outcome in left_out]
        with self._catalog.read_transaction() as connection:
            before = documents.document_ids(connection)
            shared_before = sources.sources_in(connection, space)
            known = statuses.list_statuses(connection, sorted(shared_before))
        unfinished = [row for row in known if row.state not in _SETTLED]
        with self._catalog.write_transaction() as connection:
            added = {path: add_path(connection, path, space) for path in dict.fromkeys(files)}
            put = [known for known in added.values() if known is not None]
            skipped += [_vanished(path) for path, known in added.items() if known is None]
            put += [add_url(connection, url, space, time_ns()) for url in dict.fromkeys(urls)]
            missing = {
                source_id: name
                for folder in folders
                if is_nonempty_folder(folder)
                for source_id, path, name in sources.sources_below(connection, str(folder.resolve()), space)
                if is_missing(Path(path))
            }
            ids = [source_id for source_id, _ in put]
        changed = [source_id for source_id, is_new in put if is_new]
        # What an interrupted run left behind is work of this one.
        changed += [row.source for row in unfinished if row.source in set(ids) and row.source not in changed]
        before -= {row.document for row in unfinished if row.document is not None}
        self._worker.settle(IndexRequest(changed, report))
        if missing:
            # After indexing: a renamed file is known under its new name by now, so it is not extracted again.
            with self._catalog.write_transaction() as connection:
                share_ends.drop_shares(connection, list(missing), space)
            self._worker.delete_unshared()
        outcomes = self._outcomes(ids, set(changed) | set(ids) - shared_before, before)
        return outcomes + [IndexOutcome(name, "gone", 0) for name in missing.values()] + skipped

    def reindex(self, names: Sequence[str] = (), report: ProgressCallback = ignore_progress) -> list[IndexOutcome]:
        """Extract documents, and what is attached to them, again; without names, all of them.

        Their current pages stay searchable until then.
        """
        ids = self._source_ids(names) if names else None
        with closing(self._open_extractor()) as extractor, self._catalog.write_transaction() as connection:
            again = [row for row in statuses.list_statuses(connection, ids) if row.document is not None]
            found = [row.document for row in again if row.document is not None]
            for document in [*found, *attached_documents(connection, found)]:
                extractions.request_extraction(connection, document, extractor.version)
        ids = [row.source for row in again]
        self._worker.settle(IndexRequest(ids, report, newest=True))
        return self._outcomes(ids, set(ids), set(), newest=True)

    def retry(self, names: Sequence[str] = (), report: ProgressCallback = ignore_progress) -> list[IndexOutcome]:
        """Fetch and extract files again that failed; without names, all of them. Return their outcomes.

        A file failed also if one that is attached to it did; an attachment's name stands for the files that it is in.
        Wait for the files that every Magpie process can fetch. The others are `waiting` for the bot. All delays and
        pauses after failures end now.
        """
        ids = self._source_ids(names, by_attachments=True) if names else None
        with closing(self._open_extractor()) as extractor, self._catalog.write_transaction() as connection:
            listed = statuses.list_statuses(connection, ids, newest=True)
            failed = [row for row in listed if row.state == "failed" or row.failed_attachments]
            fetched = sources.retry_failed(connection, [row.source for row in failed])
            for row in failed:
                if row.state == "failed" and row.source not in fetched and row.document is not None:
                    extractions.request_extraction(connection, row.document, extractor.version)
                for document in row.failed_attachments:
                    extractions.request_extraction(connection, document, extractor.version)
            sources.end_delays(connection)
            outages.probe_now(connection)
        ours = [row.source for row in failed if fetched.get(row.source, SourceKind.PATH) in tuple(SourceKind)]
        if ours:
            self._worker.settle(IndexRequest(ours, report, newest=True))
        waiting = [IndexOutcome(row.name, "waiting", row.pages) for row in failed if row.source not in ours]
        return self._outcomes(ours, set(ours), set(), newest=True) + waiting

    def forget(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[str]:
        """Remove files from one space, or from all; without names, everything in a space or shared by a user.

        A name is a path, a file name, or 8 or more digits of the SHA-256. When this returns, no answer uses the files
        any more; the owner of the data folder deletes them from disk soon. A channel that still lists them does not
        restore them; sharing or indexing them again does. Return the names. Raise NotFound for an unknown name.
        """
        ids = self._source_ids(names)
        with self._catalog.write_transaction() as connection:
            found = _list_matching(connection, names, ids, space, user)
            for share in found:
                share_ends.remove_shares(connection, [share.source], share.space)
        self._worker.delete_unshared()
        return list(dict.fromkeys(share.name for share in found))

    def find_shares(
        self, names: Sequence[str], space: str | None = None, user: str | None = None
    ) -> list[shares.StoredShare]:
        """Return what `forget` would remove, oldest first. Raise NotFound for an unknown name."""
        ids = self._source_ids(names)
        with self._catalog.read_transaction() as connection:
            found = _list_matching(connection, names, ids, space, user)
        return sorted(found, key=lambda share: share.shared_at)

    def _source_ids(self, names: Sequence[str], *, by_attachments: bool = False) -> list[int]:
        """Return source ids by path, file name or SHA-256 digits. Raise NotFound for an unknown name.

        `by_attachments`: the name of an attachment stands for the files that it is attached to.
        """
        found: list[int] = []
        with self._catalog.read_transaction() as connection:
            for name in names:
                resolved = str(Path(name).resolve()) if Path(name).exists() else name
                rows = sources.find_sources(connection, name) or sources.find_sources(connection, resolved)
                inside = [] if rows else find_attached(connection, name)
                if by_attachments:
                    rows += [row for _, _, file in inside for row in sources.find_sources(connection, file)]
                if not rows and inside:
                    files = ", ".join(dict.fromkeys(file for _, _, file in inside))
                    raise NotFound(f"{inside[0][1]} is attached to {files}.", f"Name that file: {inside[0][2]}")
                if not rows:
                    raise NotFound(f"No indexed file has the name {name!r}.", "List the files with: magpie status")
                found += [source_id for source_id, _ in rows]
        return list(dict.fromkeys(found))

    def _outcomes(
        self, ids: Sequence[int], changed: set[int], before: set[int], *, newest: bool = False
    ) -> list[IndexOutcome]:
        """Return the outcomes of these sources. `before` are the documents that were known before the request."""
        outcomes = []
        with self._catalog.read_transaction() as connection:
            for row in statuses.list_statuses(connection, ids, newest=newest):
                if row.state == "failed":
                    state = "failed"
                elif row.source not in changed:
                    state = "unchanged"
                else:
                    state = "known" if row.document in before else "new"
                outcomes.append(IndexOutcome(row.name, state, row.pages, row.reason, row.hint, row.notes))
        return outcomes


def _list_matching(
    connection: Connection, names: Sequence[str], ids: Sequence[int], space: str | None, user: str | None
) -> list[shares.StoredShare]:
    """Return the shares of these sources in a space, by a person, or both; without names, of all sources."""
    found = shares.list_shares(connection, space=space, user=user, states=STANDING)
    if names or (space is None and user is None):
        found = [share for share in found if share.source in ids]
    return found
