"""Rich text loses what loads something, and keeps its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.extract.convert.sanitize.rtf import cleaned_rtf
from tests.rag.extract.convert.sanitize.samples import SVG


def rich(text: str) -> str:
    return cleaned_rtf(text.encode("latin-1")).decode("latin-1")


@pytest.mark.parametrize(
    "loading",
    [
        r'{\field{\*\fldinst INCLUDEPICTURE "file:///a.png" \\d}{\fldrslt old}}',
        r'{\field{\*\fldinst {\b INCL}{\i UDETEXT} "file:///a.png"}{\fldrslt old}}',
        r"{\field{\*\fldinst \'49NCLUDETEXT file:///a.png}{\fldrslt old}}",
        r"{\field{\*\fldinst \u73 ?NCLUDETEXT file:///a.png}{\fldrslt old}}",
        r"{\field{\rtlch\fldinst INCLUDETEXT file:///a.png}{\fldrslt old}}",
        r"{\uc20\field{\*\fldinst \u32 PAGE INCLUDETEXT file:///a.png}{\fldrslt old}}",
        "{\\field{\\*\\fldinst INCLUDE\r\nTEXT file:///a.png}{\\fldrslt old}}",
        r"{\field{\*\fldinst {\field{\*\fldinst QUOTE x}{\fldrslt INCLUDETEXT}} file:///a.png}{\fldrslt old}}",
        r"{\*\template file:///a.png}old",
        r"{\object\objautlink\objupdate{\*\objclass W}{\*\objdata file:///a.png}{\result old}}",
        r"{\shp{\*\shpinst{\sp{\sn pibName}{\sv file:///a.png}}}}old",
        r"{\*\filetbl{\file\fid1 file:///a.png}}old",
        r"{\fonttbl{\f0{\*\fontemb{\*\fontfile file:///a.png}} Sans;}}old",
        r"{\*\svgblip file:///a.png}old",
        r'{\field{\*\fldinst {\*\unknown PAGE }INCLUDEPICTURE "file:///a.png"}{\fldrslt old}}',
        r"{\shp{\*\shpinst{\sp{\sn pib{\*\unknown X}Name}{\sv file:///a.png}}}}old",
        r"{\field{\sp\fldinst INCLUDETEXT file:///a.png}{\fldrslt old}}",
    ],
)
def test_rich_text_loses_what_loads_and_keeps_its_words(loading: str) -> None:
    said = rich(rf"{{\rtf1\ansi before {loading} after}}")
    assert "file:" not in said
    assert "before" in said
    assert "old" in said
    assert " after}" in said
    assert said.count("{") == said.count("}")


@pytest.mark.parametrize(
    "kept",
    [
        r"{\rtf1\ansi Gr\'fc\'dfe, \u1055?\u1088? \{braces\} \\ {\b bold}\par}",
        r'{\rtf1{\field{\*\fldinst HYPERLINK "https://example.org"}{\fldrslt see}}}',
        r"{\rtf1{\field{\*\fldinst PAGE}{\fldrslt 7}}}",
        r"{\rtf1{\*\shppict{\pict{\*\picprop{\sp{\sn a}{\sv 1}}}\pngblip{\*\blipuid 0a}89504E47 0d0a1a0a}}}",
        r"{\rtf1{\pict\wmetafile8 010009000003}{\pict\dibitmap0 28000000}}",
        r"{\rtf1{\field{\*\fldinst { HYPERLINK a }{{\*\datafield 00}}}{\fldrslt see}}}",
        r"{\rtf1{\sp{\sn pib}{\sv {\pict{\*\blipuid 0a}\pngblip 89504e470d0a1a0a}}}}",
        r"{\rtf1{\shp{\*\shpinst{\sp{\sn shapeType}{\sv 75}}}}}",
        "{\\rtf1{\\pict\\bin8 GIF89a}}}{after}}",
    ],
)
def test_ordinary_rich_text_stays_byte_for_byte(kept: str) -> None:
    assert rich(kept) == kept


@pytest.mark.parametrize(
    "picture",
    [
        rf"{{\pict\pngblip {SVG.hex()}}}",
        rf"{{\pict\pngblip\bin{len(SVG)} {SVG.decode()}}}",
        rf"{{\pict\pngblip{{{SVG.hex()}}}}}",
        rf"{{\pict\pngblip{{\*\b {SVG.hex()}}}}}",
        rf"{{\pict\pngblip {{\*\picprop x}}{SVG.hex()}}}",
        rf"{{\pict\pngblip\bin8 GIF89a..\bin{len(SVG)} {SVG.decode()}}}",
        rf"{{\pict\pngblip \'33\'63{SVG.hex()[2:]}}}",
        rf"{{\sp{{\sn pib}}{{\sv {{\pict\pngblip {SVG.hex()}}}}}}}",
        rf"{{\pict\pngblip{{\*\picprop\bin{len(SVG)} {SVG.decode()}}}89504e470d0a1a0a}}",
        rf"{{\*\unknown\bin{len(SVG)} {SVG.decode()}}}",
        rf"{{\sp\pict\pngblip {SVG.hex()}}}",
    ],
)
def test_rich_text_loses_a_picture_that_is_a_drawing_with_references(picture: str) -> None:
    said = rich(rf"{{\rtf1 before {picture} after}}")
    assert SVG.hex()[2:] not in said
    assert "<svg" not in said
    assert "before" in said
    assert " after}" in said


def test_rich_text_loses_what_is_inside_more_than_a_hundred_instructions() -> None:
    said = rich(r"{\rtf1 " + r"{\fldinst PAGE " * 101 + "deep" + "}" * 102)
    assert "deep" not in said
    assert said.count("{") == said.count("}")


def test_rich_text_that_ends_early_is_closed_without_what_waits() -> None:
    said = rich(r"{\rtf1 words {\field{\*\fldinst INCLUDETEXT file:///a.png")
    assert "INCLUDETEXT" not in said
    assert said.count("{") == said.count("}")


@given(
    st.lists(
        st.sampled_from([*"{}\\", "\\fldinst ", "\\sp", "\\bin3 ", "PAGE ", "LINK ", "\\u9?", "\\'49", "x", "\\pict "]),
        max_size=30,
    )
)
def test_cleaned_rich_text_is_balanced_and_cleaning_again_changes_nothing(tokens: list[str]) -> None:
    once = rich("{\\rtf1 " + "".join(tokens))
    assert rich(once) == once
