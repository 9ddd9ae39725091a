"""Tests of which words a picture shows."""

from __future__ import annotations

from PIL import Image, ImageDraw

from rag.ingest.fetch.screenshot_pdf import ScreenWord
from rag.ingest.fetch.visibility import visible_words

SIZE = (400, 200)


def test_word_is_visible_where_the_picture_changes_without_text() -> None:
    shown, without = Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, "white")
    for picture in (shown, without):  # a photo, on which the second word lies
        ImageDraw.Draw(picture).rectangle((0, 60, 400, 100), fill="navy")
    draw = ImageDraw.Draw(shown)
    draw.text((10, 20), "plain", fill="black", font_size=24)
    draw.text((10, 65), "photo", fill="white", font_size=24)
    draw.text((10, 120), "faint", fill=(246, 246, 246), font_size=24)
    words = [
        ScreenWord("plain", 10, 1020, 70, 1050),
        ScreenWord("photo", 10, 1065, 75, 1095),
        ScreenWord("faint", 10, 1120, 70, 1150),
        ScreenWord("covered", 100, 1065, 200, 1095),
        ScreenWord("outside", 500, 1020, 600, 1050),
        ScreenWord("flat", 10, 1020, 70, 1021),
    ]
    assert [word.text for word in visible_words(shown, without, words, 1000)] == ["plain", "photo"]


def test_long_line_is_visible_only_if_most_of_it_is() -> None:
    shown, without = Image.new("RGB", SIZE, "white"), Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(shown).rectangle((10, 20, 50, 40), fill="black")
    line = ScreenWord("港の灯台守の猫", 10, 20, 390, 40)
    assert visible_words(shown, without, [line], 0) == []
    ImageDraw.Draw(shown).rectangle((10, 20, 300, 40), fill="black")
    assert visible_words(shown, without, [line], 0) == [line]


def test_word_is_not_visible_where_it_is_flat_whatever_changes_there() -> None:
    shown, without = Image.new("RGB", SIZE, "black"), Image.new("RGB", SIZE, "white")
    words = [ScreenWord("flat", 10, 20, 70, 23), ScreenWord("low", 10, 40, 70, 45)]
    assert [word.text for word in visible_words(shown, without, words, 0)] == ["low"]
