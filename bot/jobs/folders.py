"""The job that walks the folders of `[[sources]]`."""

from __future__ import annotations

import logging
from pathlib import Path

from bot.db import jobs
from bot.db.jobs import JobKind
from bot.folders import read_folders
from rag import BadSetting, Rag

log = logging.getLogger("magpie")


class WatchedFolders:
    """Records what changed in the folders. Changes of magpie.toml count from the next walk."""

    def __init__(self, rag: Rag, data: Path) -> None:
        self._rag = rag
        self._data = data
        self._reported: frozenset[str] = frozenset()

    def walk(self) -> None:
        """Walk all folders once. A problem is logged when it is new.

        Files of folders that are not named any more are removed, unless an entry is wrong: it may name them.
        """
        try:
            named = read_folders(self._data)
        except BadSetting as error:
            self._report({str(error)})
            return
        states = self._rag.follow(named.folders, drop_others=not named.problems)
        self._report({*named.problems, *(state.problem for state in states if state.problem)})
        with self._rag.write_transaction() as connection:
            jobs.request(connection, JobKind.PURGE)

    def _report(self, problems: set[str]) -> None:
        for problem in sorted(problems - self._reported):
            log.warning("A folder is not followed now: %s", problem)
        self._reported = frozenset(problems)
