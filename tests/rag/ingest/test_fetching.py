"""When a failed download is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.ingest.fetching import retry_wait


def test_pauses_double_up_to_a_minute_or_for_third_party_servers_up_to_18_hours() -> None:
    assert [retry_wait(delays, far=False) for delays in (0, 1, 6, 7, 8)] == [0.5, 1, 32, 60, 60]
    assert [retry_wait(delays, far=True) for delays in (0, 8, 17, 18)] == [0.5, 128, 65536, 65536]


@given(st.integers(0, 10**9), st.booleans())
def test_pause_after_a_long_outage_stays_finite(delays: int, far: bool) -> None:
    assert 0.5 <= retry_wait(delays, far=far) <= 24 * 3600
