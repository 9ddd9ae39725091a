"""Near-duplicates are merged into one hit, and the regions of a hit do not repeat."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Rag, Scope, Settings
from rag.model.extraction import WHOLE_PAGE, Box
from rag.search.hits import _select_regions
from rag.search.near_duplicates import is_near_duplicate
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

RELAY = (
    "The relay on the outer quay listens to the buoys all night and passes on what they report to the port office, "
    "where the watch writes it down by hand and rings the pilot when the swell is higher than two metres."
)
DUES = (
    "Port dues are paid by tonnage, at the office on the quay, before the ship leaves; a relay and a night at the pier "
    "cost nothing."
)

words = st.lists(st.sampled_from(RELAY.split()), min_size=0, max_size=80).map(" ".join)


@given(text=words)
def test_text_with_enough_words_is_a_near_duplicate_of_itself(text: str) -> None:
    assert is_near_duplicate(text, text) == (len(text.split()) >= 25)


@given(a=words, b=words)
def test_near_duplicates_are_symmetric(a: str, b: str) -> None:
    assert is_near_duplicate(a, b) == is_near_duplicate(b, a)


@pytest.mark.parametrize(
    ("other", "is_duplicate"),
    [
        (RELAY, True),
        (RELAY.upper().replace(",", " ,\n"), True),
        (f"Copy. {RELAY}", True),
        (RELAY.replace("two metres", "2 metres"), False),  # the number may be what the question asks for
        (RELAY[: len(RELAY) // 2], False),
        (DUES, False),
    ],
)
def test_ignores_spacing_and_case_but_not_numbers(other: str, is_duplicate: bool) -> None:
    assert is_near_duplicate(RELAY, other) is is_duplicate


def test_page_with_few_words_is_never_a_near_duplicate() -> None:
    assert not is_near_duplicate("Thank you", "Thank you")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def opened(shared: Path) -> Rag:
    settings = Settings(data=shared.parent / "data", answer={"model": ""}, read={"workers": 1})
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())


def test_copy_with_other_bytes_is_merged_into_one_hit(shared: Path) -> None:
    (shared / "log.pdf").write_text(f"{RELAY}\f{DUES}")
    (shared / "log-copy.pdf").write_text(f"{RELAY}\f{DUES}\fPrinted again.")
    (shared / "other.pdf").write_text("A relay.")
    with opened(shared) as rag:
        rag.index([shared])
        hits = rag.find("relay on the outer quay", Scope.operator()).hits
        assert [hit.rank for hit in hits] == [1, 2, 3]
        first = next(hit for hit in hits if hit.name.startswith("log") and hit.page == 1)
        assert {first.name, *(place.split(",")[0] for place in first.also)} == {"log.pdf", "log-copy.pdf"}
        assert sum(hit.page == 1 and hit.name.startswith("log") for hit in hits) == 1
        # Duplicates outside the scope are not shown and not named.
        ids = {row.name: row.id for row in rag.documents(Scope.operator())}
        for name, other in (("log.pdf", "log-copy.pdf"), ("log-copy.pdf", "log.pdf")):
            inside = Scope(None, frozenset({ids[name], ids["other.pdf"]}), frozenset())
            found = rag.find("relay on the outer quay", inside).hits
            assert not any(hit.also for hit in found)
            assert other not in {hit.name for hit in found}


def test_similar_pages_of_one_document_are_two_hits(shared: Path) -> None:
    (shared / "log.pdf").write_text(f"{RELAY}\f{RELAY}")
    (shared / "dues.pdf").write_text(DUES)
    with opened(shared) as rag:
        rag.index([shared])
        hits = rag.find("relay on the outer quay", Scope.operator()).hits
        assert {hit.page for hit in hits if hit.name == "log.pdf"} == {1, 2}


boxes = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda four: Box(*sorted(four[::2])[:1], *sorted(four[1::2])[:1], *sorted(four[::2])[1:], *sorted(four[1::2])[1:])
)


@given(found=st.lists(boxes | st.just(WHOLE_PAGE), min_size=1, max_size=6))
def test_regions_start_with_the_best_and_do_not_repeat_it(found: list[Box]) -> None:
    regions = _select_regions(found)
    assert regions[0] == found[0]
    assert len(regions) <= 3
    assert set(regions) <= set(found)
    assert WHOLE_PAGE not in regions[1:]
