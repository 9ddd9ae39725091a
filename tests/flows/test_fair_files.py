"""Files of several people: one person's many or long files do not delay another's first."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Rag, Share, open_rag, put_share
from rag.fairness import FairQueue
from rag.model import ExtractedPage
from rag.settings import Settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor


class Watched(TextExtractor):
    """Notes whose file each range is of, which is the first word of every page."""

    def __init__(self, ranges: list[str]) -> None:
        super().__init__()
        self._ranges = ranges

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        self._ranges.append(path.read_text().split()[0])
        return super().extract(path, first, last, into)


def share(rag: Rag, folder: Path, who: str, name: str, pages: int) -> None:
    path = folder / name
    path.write_text("\f".join(f"{who} writes {name} page {number}" for number in range(pages)))
    with rag.write_transaction() as connection:
        put_share(connection, Share("path", str(path), "C1", name, None, who))


@pytest.mark.parametrize(("files", "pages"), [(30, 1), (3, 80)])
def test_a_flood_of_files_delays_nobody_elses_first(tmp_path: Path, files: int, pages: int) -> None:
    ranges: list[str] = []
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=lambda: Watched(ranges), embedder=NoEmbedder()) as rag:
        for number in range(files):
            share(rag, tmp_path, "mallory", f"m{number}.pdf", pages)
        for number in range(2):
            share(rag, tmp_path, "ada", f"a{number}.pdf", 1)
        rag.index([])
        assert rag.status().documents == {"ready": files + 2}
    assert ranges.index("ada") <= 2
    assert len(ranges) - 1 - ranges[::-1].index("ada") <= 6
    assert ranges.count("mallory") == files * -(-pages // 8)


def test_a_line_serves_in_rounds_and_a_long_piece_yields_to_who_has_none() -> None:
    line, waiting = FairQueue(), {"mallory": 3, "ada": 1}

    def people() -> list[str]:
        return [who for who, left in waiting.items() if left]

    def claim(who: str | None) -> str | None:
        who = who or next(iter(people()), None)
        if who is None or not waiting[who]:
            return None
        waiting[who] -= 1
        return who

    assert line.claim(people, claim) == ("mallory", "mallory")
    assert line.has_to_yield("mallory", people)
    assert line.claim(people, claim) == ("ada", "ada")
    assert not line.has_to_yield("mallory", people)
    assert not line.has_to_yield("ada", people)
    assert line.claim(people, claim) == ("mallory", "mallory")
    line.done("ada")
    assert line.claim(people, claim) == ("mallory", "mallory")
    assert line.claim(people, claim) == (None, "")
