"""Fingerprints: their format, and that they stay similar however a page is displayed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rag.vectors.fingerprints import (
    METHOD,
    PAGE_POINTS,
    POINT,
    fingerprint,
    hash_distance,
    inverted,
    load_gray,
    opencv_problem,
    phash,
    places,
    points,
    signatures,
)
from tests.rag.search.page_match.drawn import page_picture

hashes = st.integers(0, 2**64 - 1)


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    return page_picture(1)


def test_opencv_is_available_and_the_method_has_a_number() -> None:
    assert opencv_problem() == ""
    assert METHOD >= 1


def test_fingerprint_takes_eleven_kilobytes_a_page(page: np.ndarray) -> None:
    found = fingerprint(page).points
    assert 400 < len(found) <= PAGE_POINTS
    assert len(found.tobytes()) == 22 * len(found)
    assert (np.frombuffer(found.tobytes(), POINT) == found).all()


def test_points_are_spread_over_the_page(page: np.ndarray) -> None:
    at = places(fingerprint(page).points)
    assert at.min() >= 0
    assert at.max() <= 1
    right, low = at[:, 0] > 0.35, at[:, 1] > 0.5  # the page's width is 0.71 of its height
    for quarter in (right & low, right & ~low, ~right & low, ~right & ~low):
        assert quarter.sum() > 15


def test_fingerprint_is_deterministic(page: np.ndarray) -> None:
    first, second = fingerprint(page), fingerprint(page.copy())
    assert first.phash == second.phash
    assert (first.points == second.points).all()


def test_inverted_picture_has_the_inverted_points(page: np.ndarray) -> None:
    """Holds for most points: SIFT detects dark and light spots alike."""
    light = {(point["x"], point["y"]): point["bits"] for point in points(page, 800, 400)}
    dark = {(point["x"], point["y"]): point["bits"] for point in inverted(points(255 - page, 800, 400))}
    both = light.keys() & dark.keys()
    assert len(both) > 0.8 * len(light)
    apart_by = [int(np.unpackbits(light[place] ^ dark[place]).sum()) for place in both]
    assert np.median(apart_by) <= 4


@given(st.lists(st.integers(0, 65_535), min_size=1, max_size=20))
def test_inverting_twice_returns_the_same_points(values: list[int]) -> None:
    found = np.zeros(len(values), POINT)
    found["bits"] = np.array(values)[:, None] >> np.arange(16)
    assert (inverted(inverted(found)) == found).all()


def test_signature_has_one_bit_per_value() -> None:
    descriptors = np.zeros((2, 128), np.float32)
    descriptors[0, :8] = 100
    descriptors[1, 120:] = 100
    assert signatures(descriptors)[0].tolist() == [255] + [0] * 15
    assert signatures(descriptors)[1].tolist() == [0] * 15 + [255]


@pytest.mark.parametrize("shape", [(3, 3), (1, 900), (900, 1), (40, 40), (7, 5000), (8, 1600), (9, 30_000)])
def test_blank_picture_has_no_points(shape: tuple[int, int]) -> None:
    blank = np.full(shape, 255, np.uint8)
    assert len(fingerprint(blank).points) == 0
    assert 0 <= fingerprint(blank).phash < 2**64


# ---------------------------------------------------------------- the whole picture


def test_hash_stays_near_when_the_picture_is_scaled_paler_or_inverted(page: np.ndarray) -> None:
    image = Image.fromarray(page)
    smaller = np.asarray(image.resize((page.shape[1] // 3, page.shape[0] // 3)))
    paler = (page * 0.8 + 30).astype(np.uint8)
    for shown in (smaller, paler, 255 - page):
        assert hash_distance(phash(page), phash(shown)) <= 8


def test_hashes_of_different_pages_are_far_apart() -> None:
    made = [phash(page_picture(seed, 40, words=seed % 2 == 0)) for seed in range(6)]
    differ = [hash_distance(one, other) for index, one in enumerate(made) for other in made[:index]]
    assert np.median(differ) > 12


@given(hashes, hashes)
def test_distance_is_symmetric_and_ignores_inversion(one: int, other: int) -> None:
    assert hash_distance(one, one) == 0
    assert hash_distance(one, one ^ (2**63 - 1)) == 0
    assert hash_distance(one, other) == hash_distance(other, one)
    assert 0 <= hash_distance(one, other) <= 31


# ---------------------------------------------------------------- files


def test_load_gray_returns_none_without_a_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "words.png").write_bytes(b"not a picture")
    for name in ("missing.png", "empty.png", "words.png"):
        assert load_gray(tmp_path / name) is None


def test_load_gray_converts_colors(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (255, 255, 255)).save(tmp_path / "white.png")
    gray = load_gray(tmp_path / "white.png")
    assert gray is not None
    assert gray.shape == (20, 30)
    assert gray.min() == 255
