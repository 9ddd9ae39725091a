"""Verification: any part of a page is proved at its position, however it is displayed; other pages are not."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from rag.model.extraction import Box
from rag.search.page_match.verification import MIN_AGREEMENT, Proof, align, prove
from rag.vectors.fingerprints import QUERY_POINTS, QUERY_SIDE, Fingerprint, GrayImage, fingerprint, points
from tests.rag.search.page_match.drawn import cut, page_picture

SEEDS = (1, 2, 3)


@cache
def page(seed: int) -> GrayImage:
    return page_picture(seed)


@cache
def fingerprint_of(seed: int) -> Fingerprint:
    return fingerprint(page(seed))


def compare(picture: GrayImage, seed: int) -> Proof | None:
    """Return the proof that a picture shows a page, or None if they do not align."""
    place = align(points(picture, QUERY_SIDE, QUERY_POINTS), fingerprint_of(seed).points)
    return None if place is None else prove(picture, page(seed), place)


def is_near(found: Box, expected: tuple[float, float, float, float]) -> bool:
    return all(abs(ours - theirs) < 0.02 for ours, theirs in zip(found, expected, strict=True))


@st.composite
def places(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """Draw a box of at least a ninth of the page."""
    x0, y0 = draw(st.floats(0.05, 0.5)), draw(st.floats(0.08, 0.5))
    return x0, y0, x0 + draw(st.floats(0.34, 0.95 - x0)), y0 + draw(st.floats(0.34, 0.95 - y0))


@settings(max_examples=10)
@given(st.sampled_from(SEEDS), places(), st.floats(0.55, 1.6), st.booleans())
def test_part_of_a_page_is_proved_at_its_position(
    seed: int, box: tuple[float, float, float, float], scale: float, dark: bool
) -> None:
    image = cut(page(seed), box)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    shown = np.asarray(image)
    proof = compare(255 - shown if dark else shown, seed)
    assert proof is not None
    assert proof.is_proved
    assert proof.agreement > 0.8
    assert is_near(proof.box, box)


@settings(max_examples=6)
@given(st.sampled_from(SEEDS), places(), st.booleans())
def test_other_pages_are_not_proved(seed: int, box: tuple[float, float, float, float], dark: bool) -> None:
    shown = np.asarray(cut(page(seed), box))
    shown = 255 - shown if dark else shown
    for other in SEEDS:
        if other != seed:
            proof = compare(shown, other)
            assert proof is None or proof.agreement < MIN_AGREEMENT / 2


@pytest.mark.parametrize("tilt", [-3.0, -1.0, 2.0, 4.0])
def test_small_tilt_is_tolerated(tilt: float) -> None:
    image = cut(page(1), (0.05, 0.1, 0.95, 0.6)).rotate(
        tilt, expand=True, fillcolor=96, resample=Image.Resampling.BICUBIC
    )
    proof = compare(np.asarray(image), 1)
    assert proof is not None
    assert proof.is_proved


def test_blur_and_strong_compression_are_tolerated() -> None:
    image = cut(page(2), (0.05, 0.1, 0.95, 0.6)).filter(ImageFilter.GaussianBlur(1.0))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    proof = compare(np.asarray(Image.open(stream)), 2)
    assert proof is not None
    assert proof.is_proved


def test_box_stays_on_the_page_when_a_window_surrounds_it() -> None:
    part = cut(page(1), (0.0, 0.05, 1.0, 0.9))
    window = Image.new("L", (part.width + 60, part.height + 60), 240)
    window.paste(part, (30, 30))
    proof = compare(np.asarray(window), 1)
    assert proof is not None
    assert proof.is_proved
    assert min(proof.box) >= 0
    assert max(proof.box) <= 1


@pytest.mark.parametrize("picture", [np.full((300, 400), 255, np.uint8), np.zeros((5, 5), np.uint8)])
def test_empty_picture_does_not_align(picture: GrayImage) -> None:
    assert compare(picture, 1) is None


def test_page_with_other_words_in_the_same_frame_is_not_proved() -> None:
    """Use a form filled in twice: its frame is in place, its words differ."""
    other = page(1).copy()
    height = other.shape[0]
    other[: int(height * 0.58)] = page(2)[: int(height * 0.58)]
    shown = np.asarray(cut(other, (0.05, 0.08, 0.95, 0.62)))
    proof = compare(shown, 1)
    assert proof is None or not proof.is_proved
