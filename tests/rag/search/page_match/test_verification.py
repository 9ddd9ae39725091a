"""The proof: any part of a page, however it is shown, is proved where it lies; no other page is."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from rag.model import Box
from rag.search.page_match.verification import MIN_AGREEMENT, Proof, align, prove
from rag.vectors.fingerprints import QUERY_POINTS, QUERY_SIDE, Fingerprint, GrayImage, fingerprint, points
from tests.rag.search.page_match.drawn import cut, page_picture

SEEDS = (1, 2, 3)


@cache
def page(seed: int) -> GrayImage:
    return page_picture(seed)


@cache
def printed(seed: int) -> Fingerprint:
    return fingerprint(page(seed))


def held(picture: GrayImage, seed: int) -> Proof | None:
    """What comes of holding the picture against a page."""
    place = align(points(picture, QUERY_SIDE, QUERY_POINTS), printed(seed).points)
    return None if place is None else prove(picture, page(seed), place)


def near(found: Box, wanted: tuple[float, float, float, float]) -> bool:
    return all(abs(ours - theirs) < 0.02 for ours, theirs in zip(found, wanted, strict=True))


@st.composite
def places(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """A rectangle of at least a ninth of the page."""
    x0, y0 = draw(st.floats(0.05, 0.5)), draw(st.floats(0.08, 0.5))
    return x0, y0, x0 + draw(st.floats(0.34, 0.95 - x0)), y0 + draw(st.floats(0.34, 0.95 - y0))


@settings(max_examples=10)
@given(st.sampled_from(SEEDS), places(), st.floats(0.55, 1.6), st.booleans())
def test_a_part_is_proved_where_it_lies(
    seed: int, box: tuple[float, float, float, float], scale: float, dark: bool
) -> None:
    image = cut(page(seed), box)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    shown = np.asarray(image)
    proof = held(255 - shown if dark else shown, seed)
    assert proof is not None
    assert proof.is_proved
    assert proof.agreement > 0.8
    assert near(proof.box, box)


@settings(max_examples=6)
@given(st.sampled_from(SEEDS), places(), st.booleans())
def test_no_other_page_is(seed: int, box: tuple[float, float, float, float], dark: bool) -> None:
    shown = np.asarray(cut(page(seed), box))
    shown = 255 - shown if dark else shown
    for other in SEEDS:
        if other != seed:
            proof = held(shown, other)
            assert proof is None or proof.agreement < MIN_AGREEMENT / 2


@pytest.mark.parametrize("tilt", [-3.0, -1.0, 2.0, 4.0])
def test_a_little_tilt_does_no_harm(tilt: float) -> None:
    image = cut(page(1), (0.05, 0.1, 0.95, 0.6)).rotate(
        tilt, expand=True, fillcolor=96, resample=Image.Resampling.BICUBIC
    )
    proof = held(np.asarray(image), 1)
    assert proof is not None
    assert proof.is_proved


def test_nor_do_blur_and_bad_compression() -> None:
    image = cut(page(2), (0.05, 0.1, 0.95, 0.6)).filter(ImageFilter.GaussianBlur(1.0))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    proof = held(np.asarray(Image.open(stream)), 2)
    assert proof is not None
    assert proof.is_proved


def test_a_window_around_the_page_lowers_the_agreement_and_the_box_keeps_to_the_page() -> None:
    part = cut(page(1), (0.0, 0.05, 1.0, 0.9))
    window = Image.new("L", (part.width + 60, part.height + 60), 240)
    window.paste(part, (30, 30))
    proof = held(np.asarray(window), 1)
    assert proof is not None
    assert proof.is_proved
    assert min(proof.box) >= 0
    assert max(proof.box) <= 1


@pytest.mark.parametrize("picture", [np.full((300, 400), 255, np.uint8), np.zeros((5, 5), np.uint8)])
def test_what_shows_nothing_is_held_against_nothing(picture: GrayImage) -> None:
    assert held(picture, 1) is None


def test_a_page_with_other_words_in_the_same_frame_is_not_proved() -> None:
    """A form filled in twice: the frame lies in place, what matters does not."""
    other = page(1).copy()
    height = other.shape[0]
    other[: int(height * 0.58)] = page(2)[: int(height * 0.58)]
    shown = np.asarray(cut(other, (0.05, 0.08, 0.95, 0.62)))
    proof = held(shown, 1)
    assert proof is None or not proof.is_proved
