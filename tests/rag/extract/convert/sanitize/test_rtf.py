"""Tests of the sanitizing of rich text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.extract.convert.sanitize.rtf import sanitize_rtf
from tests.rag.extract.convert.sanitize.samples import SVG


def sanitize(text: str) -> str:
    return sanitize_rtf(text.encode("latin-1")).decode("latin-1")


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
def test_rtf_keeps_its_words_without_loading_anything(loading: str) -> None:
    output = sanitize(rf"{{\rtf1\ansi before {loading} after}}")
    assert "file:" not in output
    assert "before" in output
    assert "old" in output
    assert " after}" in output
    assert output.count("{") == output.count("}")


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
def test_harmless_rtf_is_unchanged(kept: str) -> None:
    assert sanitize(kept) == kept


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
def test_svg_pictures_in_rtf_are_removed(picture: str) -> None:
    output = sanitize(rf"{{\rtf1 before {picture} after}}")
    assert SVG.hex()[2:] not in output
    assert "<svg" not in output
    assert "before" in output
    assert " after}" in output


def test_rtf_nested_too_deeply_is_removed() -> None:
    output = sanitize(r"{\rtf1 " + r"{\fldinst PAGE " * 101 + "deep" + "}" * 102)
    assert "deep" not in output
    assert output.count("{") == output.count("}")


def test_truncated_rtf_is_closed_without_held_groups() -> None:
    output = sanitize(r"{\rtf1 words {\field{\*\fldinst INCLUDETEXT file:///a.png")
    assert "INCLUDETEXT" not in output
    assert output.count("{") == output.count("}")


@given(
    st.lists(
        st.sampled_from([*"{}\\", "\\fldinst ", "\\sp", "\\bin3 ", "PAGE ", "LINK ", "\\u9?", "\\'49", "x", "\\pict "]),
        max_size=30,
    )
)
def test_sanitizing_rtf_is_idempotent(tokens: list[str]) -> None:
    once = sanitize("{\\rtf1 " + "".join(tokens))
    assert sanitize(once) == once
