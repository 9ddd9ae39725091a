"""After indexing, the catalog has the files of the folder, whatever changed in it."""

import itertools
import os
import tempfile
from pathlib import Path

from hypothesis import Phase
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag import Scope, Settings
from rag.model.extraction import ExtractedPage
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag

NAMES = st.sampled_from(["a.pdf", "b.pdf", "c.PDF", "sub/a.pdf", "sub/d.pdf", "sub/deeper/e.pdf"])
WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])


class RecordingExtractor(TextExtractor):
    """Records the text of each file that it extracts. A file may be inspected again, after others were skimmed."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        if first == 1:
            self.files.append(path.read_text())
        return super().extract(path, first, last, into)


class Folder(RuleBasedStateMachine):
    """`disk` has the files of the folder, `known` those of the last indexing of their subfolder."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "shared"
        (self.folder / "sub" / "deeper").mkdir(parents=True)
        self.reader = RecordingExtractor()
        data = migrated(Path(self.temporary.name) / "data")
        plain = Settings(data=data, answer={"model": ""}, read={"workers": 1})
        self.rag = open_rag(plain, extractor=lambda: self.reader, embedder=NoEmbedder())
        self.disk: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.clock = itertools.count(1_700_000_000)

    def teardown(self) -> None:
        self.rag.close()
        self.temporary.cleanup()

    def _set_modification_time(self, name: str) -> None:
        now = next(self.clock)
        os.utime(self.folder / name, (now, now))

    @rule(name=NAMES, word=WORDS)
    def write(self, name: str, word: str) -> None:
        (self.folder / name).write_text(word)
        self._set_modification_time(name)
        self.disk[name] = word

    @rule(old=NAMES, new=NAMES)
    def move(self, old: str, new: str) -> None:
        """Keep the modification time, as `mv` does."""
        if old in self.disk and old != new:
            (self.folder / old).replace(self.folder / new)
            self.disk[new] = self.disk.pop(old)

    @rule(name=NAMES)
    def touch(self, name: str) -> None:
        if name in self.disk:
            self._set_modification_time(name)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.disk:
            (self.folder / name).unlink()
            del self.disk[name]

    @rule(part=st.sampled_from(["", "", "sub", "sub/deeper"]))
    def index(self, part: str) -> None:
        if not any((self.folder / part).iterdir()):  # an empty folder can be a disk that is not mounted
            assert self.rag.index([self.folder / part]) == []
            return
        affected = {name for name in {*self.disk, *self.known} if name.startswith(part)}
        before, read_before = dict(self.known), len(self.reader.files)
        outcomes = self.rag.index([self.folder / part])
        for name in affected:
            self.known.pop(name, None)
            if name in self.disk:
                self.known[name] = self.disk[name]
        removed = sorted(Path(name).name for name in before if name not in self.known)
        assert sorted(outcome.file for outcome in outcomes if outcome.state == "gone") == removed
        fresh = {self.disk[name] for name in affected if name in self.disk} - set(before.values())
        assert sorted(self.reader.files[read_before:]) == sorted(fresh), "each new content is read once"
        assert {outcome.state for outcome in outcomes} <= {"new", "known", "unchanged", "gone"}

    @invariant()
    def the_catalog_holds_what_was_indexed(self) -> None:
        assert len(self.rag.documents(Scope.operator())) == len(set(self.known.values()))
        assert sum(self.rag.status().documents.values()) == len(self.known)
        for word in ("alpha", "beta", "gamma", "delta"):
            assert bool(self.rag.find(word, Scope.operator()).hits) == (word in self.known.values())


TestFolder = Folder.TestCase
# Without Phase.explain, which traces every line and takes twice as long.
TestFolder.settings = bounds(
    max_examples=25, stateful_step_count=20, deadline=None, phases=set(Phase) - {Phase.explain}
)
