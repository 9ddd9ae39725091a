"""Tests that only words that people can see on a PDF page are extracted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import ExtractedPage
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers

SEEN = "The harbor office opens at nine."

_SLOTS, _HEIGHT = 8, 60


@dataclass(frozen=True)
class Slot:
    """A place on a page for a text, with the box around it."""

    page: Any
    number: int

    @property
    def text(self) -> str:
        return f"Confidential{self.number} witness{self.number} Quickfall{self.number}"

    @property
    def baseline(self) -> int:
        return 260 + _HEIGHT * (self.number % _SLOTS)

    @property
    def at(self) -> tuple[int, int]:
        return 150, self.baseline

    @property
    def around(self) -> tuple[int, int, int, int]:
        return 140, self.baseline - 16, 460, self.baseline + 12

    def write(self, **options: Any) -> None:
        self.page.insert_text(self.at, self.text, **{"fontsize": 14, **options})

    def fill(self, color: tuple[float, float, float], **options: Any) -> None:
        self.page.draw_rect(self.around, color=None, fill=color, **options)

    def add_stream(self, dictionary: str, content: str) -> int:
        """Add a stream to the document and return its number."""
        document = self.page.parent
        xref: int = document.get_new_xref()
        document.update_object(xref, dictionary)
        document.update_stream(xref, content.encode())
        return xref

    def add_resource(self, key: str, value: str) -> None:
        """Set a key such as `Pattern/P1` in the page's resources."""
        document = self.page.parent
        kind, found = document.xref_get_key(self.page.xref, "Resources")
        xref, path = (int(found.split()[0]), "") if kind == "xref" else (self.page.xref, "Resources/")
        document.xref_set_key(xref, f"{path}{key}", value)

    @property
    def rectangle(self) -> str:
        """The place as operands of `re`, in a page of 800 points."""
        return f"140 {788 - self.baseline} 320 28"

    def fill_with_pattern(self, red: float = 0) -> None:
        """Paint a pattern over the place that leaves no gap. Its first piece is in a corner of the page."""
        tile = f"{red} 0 0 rg 0 0 10 10 re f"
        kind = "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1"
        pattern = self.add_stream(f"<<{kind}/BBox[0 0 10 10]/XStep 10/YStep 10/Resources<<>>>>", tile)
        self.add_resource(f"Pattern/P{self.number}", f"{pattern} 0 R")
        self.add_content(f"q /Pattern cs /P{self.number} scn {self.rectangle} re f Q")

    def shade(self) -> None:
        """Paint dark red with a shading that has a background, and is drawn in a strip of one point only."""
        function = "<</FunctionType 2/Domain[0 1]/C0[0.2 0 0]/C1[0.2 0 0]/N 1>>"
        kind = "/ShadingType 2/ColorSpace/DeviceRGB/Coords[200 0 201 0]/Background[0.2 0 0]"
        self.add_resource(
            f"Pattern/P{self.number}", f"<</Type/Pattern/PatternType 2/Shading<<{kind}/Function {function}>>>>"
        )
        self.add_content(f"q /Pattern cs /P{self.number} scn {self.rectangle} re f Q")

    def mask_softly(self, gray: float) -> None:
        """Paint what follows in the content as opaque as a gray level, by a mask over the whole page."""
        group = "/Type/XObject/Subtype/Form/BBox[0 0 600 800]/Group<</S/Transparency/CS/DeviceGray>>"
        mask = self.add_stream(f"<<{group}>>", f"{gray} g 0 0 600 800 re f")
        self.add_resource(
            f"ExtGState/M{self.number}", f"<</Type/ExtGState/SMask<</Type/Mask/S/Luminosity/G {mask} 0 R>>>>"
        )
        self.add_content(f"/M{self.number} gs")

    def write_operators(self, color: str) -> str:
        return f"{color} rg BT /helv 14 Tf 150 {800 - self.baseline} Td ({self.text}) Tj ET"

    def add_content(self, operators: str) -> None:
        """Append operators to the page's content, unchanged."""
        document = self.page.parent
        xref = self.add_stream("<<>>", operators)
        contents = " ".join(f"{number} 0 R" for number in [*self.page.get_contents(), xref])
        document.xref_set_key(self.page.xref, "Contents", f"[{contents}]")


Draw = Callable[[Slot], None]


@pytest.fixture(scope="module")
def layer_extractor() -> Iterator[GuardedExtractor]:
    """An extractor of the text layer alone."""
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
    yield extractor
    extractor.close()


def photo(*, alpha: int = 255) -> bytes:
    image = Image.radial_gradient("L").resize((320, 40))
    return papers.png(Image.merge("RGBA", (image, image, image, Image.new("L", image.size, alpha))))


def black_box(slot: Slot) -> None:
    slot.write()
    slot.fill((0, 0, 0))


def white_box(slot: Slot) -> None:
    slot.write()
    slot.fill((1, 1, 1))


def box_with_label(slot: Slot) -> None:
    slot.write()
    slot.fill((0, 0, 0))
    slot.page.insert_text((153, slot.baseline + 1), "REDACTED BY COURT ORDER", fontsize=14, color=(1, 1, 1))


def corrected_text(slot: Slot) -> None:
    slot.write()
    slot.fill((1, 1, 1))
    slot.page.insert_text(slot.at, "Somebody else entirely stands", fontsize=14)


def box_with_rounded_corners(slot: Slot) -> None:
    slot.write()
    slot.page.draw_rect(slot.around, color=(0.2, 0.2, 0.6), fill=(0.2, 0.2, 0.6), radius=0.3)


def box_of_strokes(slot: Slot) -> None:
    slot.write()
    slot.page.draw_line((140, slot.baseline - 2), (460, slot.baseline - 2), color=(0, 0, 0), width=28)


def under_picture(slot: Slot) -> None:
    slot.write()
    slot.page.insert_image(slot.around, stream=photo(), keep_proportion=False)


def under_annotation(slot: Slot) -> None:
    slot.write()
    annotation = slot.page.add_rect_annot(slot.around)
    annotation.set_colors(stroke=(0, 0, 0), fill=(0, 0, 0))
    annotation.update()


def under_note_box(slot: Slot) -> None:
    slot.write()
    slot.page.add_freetext_annot(slot.around, "See page two", fontsize=12, fill_color=(1, 1, 0.8))


def under_form_field(slot: Slot) -> None:
    import pymupdf

    slot.write()
    field = pymupdf.Widget()
    field.field_type, field.field_name = pymupdf.PDF_WIDGET_TYPE_TEXT, f"field{slot.number}"
    field.rect, field.field_value, field.fill_color = pymupdf.Rect(slot.around), "none", (0.9, 0.9, 1)
    slot.page.add_widget(field)


def under_form(slot: Slot) -> None:
    slot.write()
    form = slot.add_stream("<</Type/XObject/Subtype/Form/BBox[0 0 320 28]>>", "0.3 g 0 0 320 28 re f")
    slot.add_resource(f"XObject/F{slot.number}", f"{form} 0 R")
    slot.add_content(f"q 1 0 0 1 140 {788 - slot.baseline} cm /F{slot.number} Do Q")


def under_pattern(slot: Slot) -> None:
    slot.write()
    slot.fill_with_pattern()


def black_on_pattern(slot: Slot) -> None:
    slot.fill_with_pattern()
    slot.write()


def red_on_pattern(slot: Slot) -> None:
    slot.fill_with_pattern(red=0.8)
    slot.write(color=(0.8, 0, 0))


def under_shading(slot: Slot) -> None:
    slot.write()
    slot.shade()


def dark_red_on_shading(slot: Slot) -> None:
    slot.shade()
    slot.write(color=(0.2, 0, 0))


def dark_on_picture(slot: Slot) -> None:
    picture = papers.png(Image.new("RGB", (320, 28), "#101010"))
    slot.page.insert_image(slot.around, stream=picture, keep_proportion=False)
    slot.write(color=(0.05, 0.05, 0.05))


def black_on_black_line(slot: Slot) -> None:
    slot.page.draw_line((140, slot.baseline - 2), (460, slot.baseline - 2), color=(0, 0, 0), width=28)
    slot.write()


def masked_away(slot: Slot) -> None:
    slot.add_content("q")
    slot.mask_softly(0)
    slot.add_content(f"{slot.write_operators('0 0 0')} Q")


def under_softly_masked_box(slot: Slot) -> None:
    slot.write()
    slot.add_content("q")
    slot.mask_softly(0.97)
    slot.add_content(f"0 g {slot.rectangle} re f Q")


def black_on_softly_masked_box(slot: Slot) -> None:
    slot.add_content("q")
    slot.mask_softly(0.97)
    slot.add_content(f"0 g {slot.rectangle} re f Q {slot.write_operators('0 0 0')}")


def outside_clip(slot: Slot) -> None:
    slot.add_content(f"q 0 0 10 10 re W n BT /helv 14 Tf 150 {800 - slot.baseline} Td ({slot.text}) Tj ET Q")


def behind_clip_path(slot: Slot) -> None:
    slot.add_content(f"q 0 0 m 100 0 l 0 800 l h W n BT /helv 14 Tf 150 {800 - slot.baseline} Td ({slot.text}) Tj ET Q")


def white_on_white(slot: Slot) -> None:
    slot.write(color=(1, 1, 1))


def nearly_white(slot: Slot) -> None:
    slot.write(color=(0.97, 0.97, 0.96))


def blue_on_blue(slot: Slot) -> None:
    slot.fill((0.1, 0.2, 0.7))
    slot.write(color=(0.1, 0.2, 0.7))


def white_over_other_text(slot: Slot) -> None:
    slot.page.insert_textbox((60, slot.baseline - 10, 540, slot.baseline + 50), papers.PARAGRAPH, fontsize=9)
    slot.write(color=(1, 1, 1))


def too_small(slot: Slot) -> None:
    slot.page.insert_text(slot.at, slot.text, fontsize=0.8)


def invisible(slot: Slot) -> None:
    slot.write(render_mode=3)


def invisible_over_other_text(slot: Slot) -> None:
    slot.page.insert_text(slot.at, "The ferry leaves from the old quay", fontsize=14)
    slot.write(render_mode=3)


def transparent(slot: Slot) -> None:
    slot.write(fill_opacity=0)


def below_the_page(slot: Slot) -> None:
    slot.page.insert_text((150, 830), slot.text, fontsize=14)


def in_hidden_layer(slot: Slot) -> None:
    slot.write(oc=slot.page.parent.add_ocg("draft", on=False))


HIDDEN = [
    black_box,
    white_box,
    box_with_label,
    corrected_text,
    box_with_rounded_corners,
    box_of_strokes,
    under_picture,
    under_annotation,
    under_note_box,
    in_hidden_layer,
    under_form_field,
    under_form,
    under_pattern,
    black_on_pattern,
    red_on_pattern,
    under_shading,
    dark_red_on_shading,
    dark_on_picture,
    black_on_black_line,
    masked_away,
    under_softly_masked_box,
    black_on_softly_masked_box,
    outside_clip,
    behind_clip_path,
    white_on_white,
    nearly_white,
    blue_on_blue,
    white_over_other_text,
    too_small,
    invisible,
    invisible_over_other_text,
    transparent,
    below_the_page,
]


def transparent_highlight(slot: Slot) -> None:
    slot.write()
    slot.fill((1, 1, 0), fill_opacity=0.4)


def highlight_annotation(slot: Slot) -> None:
    slot.write()
    slot.page.add_highlight_annot(slot.around)


def multiplied_box(slot: Slot) -> None:
    slot.write()
    slot.add_resource("ExtGState/Mult", "<</Type/ExtGState/BM/Multiply>>")
    slot.add_content(f"q /Mult gs 1 0.9 0.3 rg {slot.rectangle} re f Q")


def white_on_pattern(slot: Slot) -> None:
    slot.fill_with_pattern()
    slot.write(color=(1, 1, 1))


def white_on_shading(slot: Slot) -> None:
    slot.shade()
    slot.write(color=(1, 1, 1))


def beside_a_dark_box(slot: Slot) -> None:
    slot.page.draw_rect((40, slot.baseline - 16, 147, slot.baseline + 12), color=None, fill=(0, 0, 0))
    slot.write()


def filled_table(slot: Slot) -> None:
    slot.page.draw_rect(slot.around, color=(0, 0, 0), fill=(0.85, 0.9, 1))
    slot.write()


def box_over_the_line_above(slot: Slot) -> None:
    slot.page.draw_rect((140, slot.baseline - 35, 460, slot.baseline - 9.5), color=None, fill=(0, 0, 0))
    slot.write()
    slot.page.draw_rect((140, slot.baseline - 35, 460, slot.baseline - 9.5), color=None, fill=(0, 0, 0))


def frame(slot: Slot) -> None:
    slot.write()
    slot.page.draw_rect(slot.around, color=(1, 0, 0), width=2)


def transparent_picture(slot: Slot) -> None:
    slot.write()
    slot.page.insert_image(slot.around, stream=photo(alpha=90), keep_proportion=False)


def white_on_black(slot: Slot) -> None:
    slot.fill((0, 0, 0))
    slot.write(color=(1, 1, 1))


def on_picture(slot: Slot) -> None:
    slot.page.insert_image(
        slot.around, stream=papers.png(Image.new("RGB", (320, 28), "#224466")), keep_proportion=False
    )
    slot.write(color=(1, 1, 0.6))


def outlined(slot: Slot) -> None:
    slot.write(render_mode=1, border_width=0.02)


def in_shown_layer(slot: Slot) -> None:
    slot.write(oc=slot.page.parent.add_ocg("final", on=True))


def light_gray(slot: Slot) -> None:
    slot.write(color=(0.85, 0.85, 0.85))


def small_print(slot: Slot) -> None:
    slot.page.insert_text(slot.at, slot.text, fontsize=4)


def shadow(slot: Slot) -> None:
    slot.page.insert_text((151, slot.baseline + 1), slot.text, fontsize=14, color=(0.7, 0.7, 0.7))
    slot.write()


def under_line(slot: Slot) -> None:
    slot.write()
    slot.page.draw_rect((140, slot.baseline + 1, 460, slot.baseline + 3), color=None, fill=(0, 0, 0))


def struck_out(slot: Slot) -> None:
    slot.write()
    slot.page.draw_line((140, slot.baseline - 5), (460, slot.baseline - 5), width=1)


VISIBLE = [
    transparent_highlight,
    highlight_annotation,
    multiplied_box,
    white_on_pattern,
    white_on_shading,
    beside_a_dark_box,
    filled_table,
    box_over_the_line_above,
    frame,
    transparent_picture,
    white_on_black,
    on_picture,
    outlined,
    in_shown_layer,
    light_gray,
    small_print,
    shadow,
    under_line,
    struck_out,
]


def paper(path: Path, draws: Sequence[Draw], turn: Callable[[Any], None], slots: int = _SLOTS) -> Path:
    """Write a PDF with `slots` of `draws` on each page, under a line that is seen."""
    document = papers.new()
    for number, draw in enumerate(draws):
        if number % slots == 0:
            page = document.new_page(width=600, height=800)
            page.insert_text((100, 200), SEEN, fontsize=14)
        draw(Slot(page, number))
    for page in document:
        turn(page)
    return papers.save(document, path)


def read(
    extractor: GuardedExtractor, path: Path, draws: Sequence[Draw], into: Path, slots: int = _SLOTS
) -> Iterator[tuple[str, str, ExtractedPage]]:
    """Yield for each of `draws` its name, the words at its place and the page."""
    pages = extractor.extract(path, 1, -(-len(draws) // slots), into)
    for page in pages:
        assert SEEN in text_of(page)
    for number, draw in enumerate(draws):
        page = pages[number // slots]
        words = [word for word in text_of(page).split() if re.fullmatch(rf"[A-Za-z]+{number}", word)]
        yield draw.__name__, " ".join(words), page


def text_of(page: ExtractedPage) -> str:
    return " ".join(word.text for block in page.blocks for line in block.lines for word in line.words)


def upright(page: Any) -> None:
    pass


def turned(page: Any) -> None:
    page.set_rotation(90)


def cropped(page: Any) -> None:
    page.set_cropbox((80, 120, 580, 760))
    page.set_rotation(270)


@pytest.mark.parametrize("turn", [upright, turned, cropped])
def test_hidden_words_are_left_out_and_noted(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: Callable[[Any], None]
) -> None:
    path = paper(tmp_path / "hidden.pdf", HIDDEN, turn)
    for name, words, page in read(layer_extractor, path, HIDDEN, into):
        assert words == "", name
        assert [note.lost for note in page.notes] == [False]
        assert "can't be seen" in page.notes[0].text


@pytest.mark.parametrize("turn", [upright, turned, cropped])
def test_visible_words_are_kept_without_a_note(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: Callable[[Any], None]
) -> None:
    path = paper(tmp_path / "seen.pdf", VISIBLE, turn)
    for name, words, page in read(layer_extractor, path, VISIBLE, into):
        assert len(words.split()) == 3, name
        assert page.notes == (), name


@pytest.mark.parametrize("turn", [upright, cropped])
def test_hidden_words_are_left_out_of_pages_without_anything_else(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path, turn: Callable[[Any], None]
) -> None:
    path = paper(tmp_path / "hidden.pdf", HIDDEN, turn, slots=1)
    for name, words, _ in read(layer_extractor, path, HIDDEN, into, slots=1):
        assert words == "", name


def test_visible_words_are_kept_on_pages_without_anything_else(
    layer_extractor: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    path = paper(tmp_path / "seen.pdf", VISIBLE, upright, slots=1)
    for name, words, page in read(layer_extractor, path, VISIBLE, into, slots=1):
        assert len(words.split()) == 3, name
        assert page.notes == (), name
