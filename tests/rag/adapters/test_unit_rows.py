"""Vectors of length 1, and the first line of an error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.adapters.unit_rows import first_line, unit_rows
from rag.errors import EmbedderFailed


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), min_size=1, max_size=8))
def test_rows_have_length_1_or_are_refused(values: list[list[float]]) -> None:
    given_rows = np.asarray(values, dtype=np.float32)
    if (given_rows == 0).all(axis=1).any():
        with pytest.raises(EmbedderFailed):
            unit_rows(given_rows, "Fetch it again.")
        return
    for row, raw in zip(unit_rows(given_rows, "Fetch it again."), given_rows, strict=True):
        assert row.dtype == np.float32
        assert np.linalg.norm(row) == pytest.approx(1, abs=1e-3)
        assert float(row.astype(np.float64) @ raw) >= 0


@pytest.mark.parametrize("small", [1e-45, 1e-23])
def test_very_small_values_have_a_direction(small: float) -> None:
    assert unit_rows(np.array([[0, small]], dtype=np.float32), "Fetch it again.")[0].tolist() == [0, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_the_remedy(bad: float) -> None:
    with pytest.raises(EmbedderFailed) as refused:
        unit_rows(np.array([[1.0, bad]]), "Fetch it again.")
    assert refused.value.hint == "Fetch it again."


def test_first_line_of_an_error() -> None:
    assert first_line(ValueError("out of memory\nat 0x1")) == "out of memory"
    assert first_line(ValueError()) == "ValueError"
