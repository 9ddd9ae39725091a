"""Whatever happens in a folder between two indexings, the catalog ends up holding what the folder holds."""

import itertools
import os
import tempfile
from pathlib import Path

from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag import Scope, Settings, open_rag
from rag.model import Inspection
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor

NAMES = st.sampled_from(["a.pdf", "b.pdf", "c.PDF", "sub/a.pdf", "sub/d.pdf", "sub/deeper/e.pdf"])
WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])


class Counting(TextExtractor):
    """Keeps the words of every file it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []

    def inspect(self, path: Path) -> Inspection:
        self.files.append(path.read_text())
        return super().inspect(path)


class Folder(RuleBasedStateMachine):
    """`disk` is what lies in the folder, `known` what was there when its part of the folder was last indexed."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "shared"
        (self.folder / "sub" / "deeper").mkdir(parents=True)
        self.reader = Counting()
        data = Settings(data=Path(self.temporary.name) / "data", answer={"model": ""}, read={"workers": 1})
        self.rag = open_rag(data, extractor=lambda: self.reader, embedder=NoEmbedder())
        self.disk: dict[str, str] = {}
        self.known: dict[str, str] = {}
        self.clock = itertools.count(1_700_000_000)

    def teardown(self) -> None:
        self.rag.close()
        self.temporary.cleanup()

    def _touched(self, name: str) -> None:
        now = next(self.clock)
        os.utime(self.folder / name, (now, now))

    @rule(name=NAMES, word=WORDS)
    def write(self, name: str, word: str) -> None:
        (self.folder / name).write_text(word)
        self._touched(name)
        self.disk[name] = word

    @rule(old=NAMES, new=NAMES)
    def move(self, old: str, new: str) -> None:
        """The time of change moves along, as with `mv`."""
        if old in self.disk and old != new:
            (self.folder / old).replace(self.folder / new)
            self.disk[new] = self.disk.pop(old)

    @rule(name=NAMES)
    def touch(self, name: str) -> None:
        if name in self.disk:
            self._touched(name)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if name in self.disk:
            (self.folder / name).unlink()
            del self.disk[name]

    @rule(part=st.sampled_from(["", "", "sub", "sub/deeper"]))
    def index(self, part: str) -> None:
        if not any((self.folder / part).iterdir()):  # it may be a disk that is not mounted
            assert self.rag.index([self.folder / part]) == []
            return
        inside = {name for name in {*self.disk, *self.known} if name.startswith(part)}
        before, had = dict(self.known), len(self.reader.files)
        outcomes = self.rag.index([self.folder / part])
        for name in inside:
            self.known.pop(name, None)
            if name in self.disk:
                self.known[name] = self.disk[name]
        gone = sorted(Path(name).name for name in before if name not in self.known)
        assert sorted(outcome.file for outcome in outcomes if outcome.state == "gone") == gone
        fresh = {self.disk[name] for name in inside if name in self.disk} - set(before.values())
        assert sorted(self.reader.files[had:]) == sorted(fresh), "each new content once, and nothing else"
        assert {outcome.state for outcome in outcomes} <= {"new", "known", "unchanged", "gone"}

    @invariant()
    def the_catalog_holds_what_was_indexed(self) -> None:
        assert len(self.rag.documents(Scope.operator())) == len(set(self.known.values()))
        assert sum(self.rag.status().documents.values()) == len(self.known)
        for word in ("alpha", "beta", "gamma", "delta"):
            assert bool(self.rag.find(word, Scope.operator()).hits) == (word in self.known.values())


TestFolder = Folder.TestCase
TestFolder.settings = bounds(max_examples=25, stateful_step_count=20, deadline=None)
