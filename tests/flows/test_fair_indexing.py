"""One person's many or long files do not delay another person's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Rag, Share, put_share
from rag.fairness import ANYBODY, Claimant, FairQueue
from rag.model.extraction import ExtractedPage
from rag.settings import Settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


class RecordingExtractor(TextExtractor):
    """Records the owner of each extracted range, which is the first word of its file."""

    def __init__(self, ranges: list[str]) -> None:
        super().__init__()
        self._ranges = ranges

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        self._ranges.append(path.read_text().split()[0])
        return super().extract(path, first, last, into)


def share(rag: Rag, folder: Path, person: str, name: str, pages: int) -> None:
    path = folder / name
    path.write_text("\f".join(f"{person} writes {name} page {number}" for number in range(pages)))
    with rag.write_transaction() as connection:
        put_share(connection, Share("path", str(path), "C1", name, None, person))


@pytest.mark.parametrize(("files", "pages"), [(30, 1), (3, 80)])
def test_many_files_do_not_delay_files_of_another_person(tmp_path: Path, files: int, pages: int) -> None:
    ranges: list[str] = []
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=lambda: RecordingExtractor(ranges), embedder=NoEmbedder()) as rag:
        for number in range(files):
            share(rag, tmp_path, "mallory", f"m{number}.pdf", pages)
        for number in range(2):
            share(rag, tmp_path, "ada", f"a{number}.pdf", 1)
        rag.index([])
        assert rag.status().documents == {"ready": files + 2}
    assert ranges.index("ada") <= 2
    assert len(ranges) - 1 - ranges[::-1].index("ada") <= 6
    assert ranges.count("mallory") == files * -(-pages // 8)


def test_queue_alternates_between_people_and_long_work_yields() -> None:
    mallory, ada = Claimant(1, "mallory"), Claimant(1, "ada")
    queue, waiting = FairQueue(), {mallory: 3, ada: 1}

    def people() -> dict[Claimant, int]:
        return {claimant: 1 for claimant, left in waiting.items() if left}

    def claim(claimant: Claimant | None) -> str | None:
        claimant = claimant or next(iter(people()), None)
        if claimant is None or not waiting[claimant]:
            return None
        waiting[claimant] -= 1
        return claimant.person

    assert queue.claim(people, claim) == ("mallory", mallory)
    assert queue.has_to_yield(mallory, people)
    assert queue.claim(people, claim) == ("ada", ada)
    assert not queue.has_to_yield(mallory, people)
    assert not queue.has_to_yield(ada, people)
    assert queue.claim(people, claim) == ("mallory", mallory)
    queue.done(ada)
    assert queue.claim(people, claim) == ("mallory", mallory)
    assert queue.claim(people, claim) == (None, ANYBODY)
