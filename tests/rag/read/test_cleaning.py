"""References that would load something are gone before LibreOffice starts; what a reader sees stays."""

from __future__ import annotations

import gzip
import re
import struct
import subprocess
import zlib
from base64 import b64encode, encodebytes
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rag.confinement import confinement_gap
from rag.errors import Unreadable
from rag.read.cleaning import clean_document
from rag.read.cleaning.compound import embed_pictures, remove_svg_pictures
from rag.read.cleaning.fields import is_harmless_field
from rag.read.cleaning.references import is_part, leads_outside, with_folders
from rag.read.cleaning.rtf import cleaned_rtf
from rag.read.cleaning.xml import NotCleanable, Part, copy_xml, hyperlinks_in
from rag.read.guard import GuardedReader
from rag.read.office import office_program
from rag.settings import ReadSettings
from tests.rag.read import office_files

OUTSIDE = (
    "file:///data/pictures/1/p0001.jpg",
    "../../data/pictures/1/p0001.jpg",
    "/data/pictures/1/p0001.jpg",
    "//server/share/a.png",
    "\\\\server\\share\\a.png",
    "ftp://example.org/a.png",
    "http://example.org/a.png",
    "vnd.sun.star.script:x.py$f?language=Python",
    "vnd.sun.star.webdav://example.org/a.png",
    "/proc/self/root/data/a.png",
    "%2e%2e/%2e%2e/data/a.png",
    "Pictures/../../../data/a.png",
)
"""What a document may name that is not in it."""

NAMES = frozenset({"content.xml", "Pictures/a.png", "Object 1/content.xml", "data/pictures/1/p0001.jpg", "data/a.png"})
"""The parts of a document whose author knows how the data folder looks."""


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///data/a.png"/></svg>'
SVG_BASE64 = b64encode(SVG).decode()


def png() -> bytes:
    written = BytesIO()
    Image.new("RGB", (8, 8), "blue").save(written, "PNG")
    return written.getvalue()


def cleaned(xml: str | bytes, names: Iterable[str] = NAMES, external: Iterable[str] = ()) -> str:
    data = xml.encode() if isinstance(xml, str) else xml
    written = BytesIO()
    copy_xml(lambda: BytesIO(data), Part(with_folders(names), "", frozenset(external)), written.write)
    return written.getvalue().decode()


# ---------------------------------------------------------------- references and fields


@pytest.mark.parametrize("reference", OUTSIDE)
def test_reference_to_the_outside_is_not_a_part(reference: str) -> None:
    assert not is_part(reference, with_folders(NAMES))


@pytest.mark.parametrize(
    "reference", ["#Slide2", "Pictures/a.png", "./Pictures/a.png", "./Object 1", "Pictures%2Fa.png"]
)
def test_reference_to_a_part_is_known(reference: str) -> None:
    assert is_part(reference, with_folders(NAMES))


class Counted(frozenset[str]):
    """Names that refuse to be walked through."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("each reference would take as long as the document has parts")


def test_reference_is_looked_up_without_walking_through_all_parts() -> None:
    names = Counted(with_folders(NAMES))
    assert is_part("Object 1", names)
    assert not is_part("Object 2", names)


def test_folders_of_parts_are_found_at_every_depth() -> None:
    assert with_folders(["a/b/c", "a/d", "e"]) == {"a/b/c", "a/b", "a", "a/d", "e"}


def test_folders_of_a_part_that_is_too_deep_are_left_out() -> None:
    deep = "a/" * 30_000 + "b"
    assert with_folders([deep]) == {deep}


@given(st.text(alphabet="./%2eEfF\\:#ab", max_size=30))
def test_accepted_reference_resolves_inside_the_package(reference: str) -> None:
    """By the rules of another implementation: a URL joined to the address of the document."""
    if is_part(reference, with_folders({"a/b"}), "a") and not reference.strip().startswith("#"):
        joined = unquote(urlsplit(urljoin("http://package/up/up/up/a/content.xml", reference.strip())).path)
        assert normpath(joined) in ("/up/up/up/a/b", "/up/up/up/a")


@pytest.mark.parametrize(
    ("instruction", "harmless"),
    [
        (" PAGE ", True),
        ('HYPERLINK "https://example.org"', True),
        ("=SUM(ABOVE)", True),
        (r"toc \o 1-3", True),
        ("", True),
        ('INCLUDEPICTURE "file:///a.png" \\d', False),
        (" includetext a.docx", False),
        ("DDEAUTO excel a b", False),
        ("LINK Word.Document.8 a", False),
        ("RD a.docx", False),
        ("PAGEINCLUDETEXT x", False),
        ('"INCLUDETEXT" x', False),
        ("\0PAGE", False),
    ],
)
def test_fields_are_told_apart_by_their_first_word(instruction: str, harmless: bool) -> None:
    assert is_harmless_field(instruction) is harmless


# ---------------------------------------------------------------- XML


@pytest.mark.parametrize(
    "value",
    [
        "file:///a",
        " FILE:/a",
        "file:a",
        "file:\t/a",
        "//host/a",
        "///etc/a",
        "//[::1]/a",
        "//%68ost/a",
        "\\\\host\\a",
        "vnd.sun.star.script:x",
    ],
)
def test_value_that_names_something_outside_leads_outside(value: str) -> None:
    assert leads_outside(value)


@pytest.mark.parametrize("reference", OUTSIDE)
@pytest.mark.parametrize(
    "element",
    [
        '<draw:image xlink:href="{}"/>',
        '<style:background-image xlink:href="{}"/>',
        '<text:list-level-style-image xlink:href="{}"/>',
        '<draw:object xlink:href="{}"/>',
        '<text:section-source xlink:href="{}"/>',
        '<form:image form:image-data="{}"/>',
        '<v:imagedata src="{}"/>',
        '<image href="{}"/>',
        '<meta:template xlink:href="{}"/>',
        '<presentation:sound xlink:href="{}"/>',
        '<Relationship Id="r" Type="http://x/image" Target="{}" TargetMode="External"/>',
    ],
)
def test_element_loses_its_reference_to_the_outside(element: str, reference: str) -> None:
    said = cleaned(f"<x>before{element.format(reference)}after</x>")
    assert reference not in said
    assert "before" in said
    assert "after" in said


@pytest.mark.parametrize(
    "kept",
    [
        '<text:a xlink:href="https://example.org/a?b=1&amp;c=2">see</text:a>',
        '<text:a xlink:href="mailto:ada@example.org">write</text:a>',
        '<draw:image xlink:href="Pictures/a.png"></draw:image>',
        '<draw:object xlink:href="./Object 1"></draw:object>',
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"></a:graphicData>',
        '<Relationship Id="r1" Type="t/hyperlink" Target="https://a.org" TargetMode="External"></Relationship>',
        '<Relationship Id="r2" Type="http://x/image" Target="/Pictures/a.png"></Relationship>',
        '<w:fldChar w:fldCharType="begin"></w:fldChar><w:instrText> PAGE </w:instrText>',
        '<mc:Choice Requires="wps" style="a:b"></mc:Choice>',
        '<w:t xml:space="preserve"> 1 &lt; 2 &amp; 3 </w:t>',
        '<w:lvlText w:val="Service: %1"></w:lvlText>',
        '<w:lvlText w:val="// %1"></w:lvlText>',
        '<w:lvlText w:val="//%1."></w:lvlText>',
        '<w:style w:name="File: heading"></w:style>',
        '<text:list-level-style-number style:num-prefix="Package: "></text:list-level-style-number>',
        '<text:user-field-decl office:string-value="File: 12/2024"></text:user-field-decl>',
    ],
)
def test_what_loads_nothing_stays_as_it_is(kept: str) -> None:
    assert kept in cleaned(f"<x>{kept}</x>")


def test_relationship_of_a_link_cannot_be_borrowed_by_a_picture() -> None:
    """A relationship that says it is a hyperlink leads outside; only elements that wait for a click may use it."""
    said = cleaned('<x><a:blip r:link="rId5"/><w:hyperlink r:id="rId5">see</w:hyperlink></x>', external={"rId5"})
    assert "<a:blip>" in said
    assert '<w:hyperlink r:id="rId5">' in said


def field(instruction: str, result: str = "old") -> str:
    runs = "".join(f"<w:r><w:instrText>{part}</w:instrText></w:r>" for part in instruction.split("|"))
    return (
        f'<w:fldChar w:fldCharType="begin"/>{runs}<w:fldChar w:fldCharType="separate"/><w:t>{result}</w:t>'
        '<w:fldChar w:fldCharType="end"/>'
    )


def test_field_that_loads_loses_its_instruction_and_keeps_its_result() -> None:
    said = cleaned(f"<x>{field('INCLUDE|PICTURE file:///a.png')}{field('PAGE', '7')}</x>")
    assert "PICTURE" not in said
    assert "<w:t>old</w:t>" in said
    assert "<w:instrText>PAGE</w:instrText>" in said


def test_field_whose_name_is_another_fields_result_is_found() -> None:
    inner = field('QUOTE "x"', "INCLUDEPICTURE file:///a.png")
    outer = f'<w:fldChar w:fldCharType="begin"/>{inner}<w:fldChar w:fldCharType="separate"/><w:t>old</w:t>'
    assert "file:///a.png" not in cleaned(f"<x>{outer}<w:fldChar w:fldCharType='end'/></x>")


def test_fields_are_counted_inside_elements_that_go() -> None:
    """Otherwise a field in such an element would have the next one's verdict."""
    hidden = f"<office:script>{field('PAGE')}</office:script>"
    said = cleaned(f"<x>{hidden}{field('INCLUDETEXT a.docx')}{field('PAGE')}</x>")
    assert "INCLUDETEXT" not in said
    assert said.count("PAGE") == 1


@pytest.mark.parametrize(
    "hiding",
    [
        '<office:script><w:fldChar w:fldCharType="separate"/></office:script>',
        '<office:script><w:fldChar w:fldCharType="end"/></office:script>',
        '<mc:Choice Requires="unknown"><w:fldChar w:fldCharType="separate"/></mc:Choice>',
        '<mc:Choice Requires="unknown"><w:fldChar w:fldCharType="end"/></mc:Choice>',
        '<w:fldChar x:fldCharType="separate" w:fldCharType="no"/>',
        '<w:fldChar x:fldCharType="end" w:fldCharType="no"/>',
        '<w:fldChar x:fldCharType="separate"/>',
        '<w:fldChar x:fldCharType="end"/>',
    ],
)
def test_field_cannot_be_hidden_by_an_end_that_does_not_count(hiding: str) -> None:
    begin, separate = ('<w:fldChar w:fldCharType="begin"/>', '<w:fldChar w:fldCharType="separate"/>')
    said = cleaned(f"<x>{begin}{hiding}<w:instrText>INCLUDETEXT a</w:instrText>{separate}<w:t>old</w:t></x>")
    assert "INCLUDETEXT" not in said
    assert "<w:t>old</w:t>" in said


def test_field_with_an_ambiguous_beginning_loses_its_instruction() -> None:
    begin = '<w:fldChar x:fldCharType="no" w:fldCharType="begin"/>'
    assert "INCLUDETEXT" not in cleaned(f"<x>{begin}<w:instrText>INCLUDETEXT a</w:instrText></x>")


@pytest.mark.parametrize(
    "attributes",
    [
        'x:Type="t/hyperlink" x:Id="o" Id="rId5" Type="t/image" TargetMode="External" Target="http://x/a.png"',
        'x:Type="t/hyperlink" Id="rId5" TargetMode="External" Target="http://x/a.png"',
        'x:Target="Pictures/a.png" Id="rId5" Type="t/image" Target="file:///a.png"',
    ],
)
def test_relationship_is_judged_by_its_attributes_without_prefix(attributes: str) -> None:
    relationship = f"<x><Relationship {attributes}/></x>"
    assert "rId5" not in cleaned(relationship)
    assert not hyperlinks_in(lambda: BytesIO(relationship.encode()))


def test_fields_inside_each_other_are_refused_beyond_a_limit() -> None:
    with pytest.raises(NotCleanable, match="fields"):
        cleaned("<x>" + '<w:fldChar w:fldCharType="begin"/>' * 1001 + "</x>")


def test_simple_field_that_loads_loses_its_instruction() -> None:
    said = cleaned('<x><w:fldSimple w:instr="INCLUDETEXT a"/><w:fldSimple w:instr=" PAGE "/></x>')
    assert "INCLUDETEXT" not in said
    assert 'w:instr=" PAGE "' in said


@pytest.mark.parametrize(
    "svg",
    [
        '<image xlink:href="file:///a.png"/>',
        '<image href="a.png"/>',
        '<image href="data:image/svg+xml;base64,AAAA"/>',
        f'<image href="data:image/png;base64,{SVG_BASE64}"/>',
        f'<image href="data:image/png;charset=x;base64,{SVG_BASE64}"/>',
        '<image href="data:image/png,%3Csvg/%3E"/>',
        '<use href="other.svg#x"/>',
        '<rect fill="url(file:///a.svg#g)"/>',
        "<rect style=\"fill: url( 'http://x/a' )\"/>",
        "<style>@import 'file:///a.css';</style>",
        "<style>rect { fill: u\\72l(file:///a) }</style>",
        "<foreignObject><img src='file:///a.png'/></foreignObject>",
        "<script>fetch('file:///a')</script>",
    ],
)
def test_drawing_loads_nothing(svg: str) -> None:
    said = cleaned(f'<svg xmlns="http://www.w3.org/2000/svg"><text>shown</text>{svg}</svg>', names={"a.png"})
    assert "<text>shown</text>" in said
    for sign in ("file:", "http://x", "a.png", "svg+xml", "@import", "other.svg", "72l", "data:"):
        assert sign not in said


def test_drawing_keeps_its_own_gradients_and_pixels() -> None:
    body = '<rect fill="url(#g)"></rect><style>rect{fill:red}</style>'
    body += f'<image href="data:image/png;base64,{b64encode(png()).decode()}"></image>'
    assert body in cleaned(f"<svg>{body}</svg>")


def in_binary_data(content: str) -> str:
    return cleaned(
        f"<x><draw:image><office:binary-data>{content}</office:binary-data></draw:image><text:p>shown</text:p></x>"
    )


@pytest.mark.parametrize(
    "content", [SVG_BASE64, f"<text:p>{SVG_BASE64}</text:p>", f"!{b64encode(png()).decode()}", f"\n{SVG_BASE64}\n"]
)
def test_binary_data_that_is_not_a_picture_is_removed(content: str) -> None:
    said = in_binary_data(content)
    assert "<office:binary-data></office:binary-data>" in said
    assert "shown" in said


def test_binary_data_that_is_a_picture_stays() -> None:
    lines = encodebytes(png()).decode()
    assert f"<office:binary-data>{lines}</office:binary-data>" in in_binary_data(lines)


def test_drawing_keeps_the_fonts_and_pictures_in_its_style() -> None:
    picture = f"url(data:image/png;base64,{b64encode(png()).decode()})"
    style = f"<style>@font-face{{src:url('data:font/woff2;base64,AAAA')}} rect{{fill:{picture}}}</style>"
    assert style in cleaned(f"<svg>{style}</svg>")


@pytest.mark.parametrize("url", [f"data:image/png;base64,{SVG_BASE64}", "data:image/svg+xml;base64,AA", "data:,a", ""])
def test_style_with_other_data_is_removed(url: str) -> None:
    assert "url" not in cleaned(f"<svg><style>rect{{fill:url({url})}}</style></svg>")


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///a">]><x>&e;</x>',
        '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        "<x>",
        "<x>&undefined;</x>",
        b'<?xml version="1.0" encoding="no-such"?><x/>',
    ],
)
def test_xml_with_entities_or_damage_is_refused(xml: str | bytes) -> None:
    with pytest.raises(NotCleanable):
        cleaned(xml)


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


@given(st.lists(st.tuples(_TEXT, st.sampled_from(["p", "w:t", "draw:frame"])), max_size=5))
def test_text_of_any_document_is_copied_unchanged(paragraphs: list[tuple[str, str]]) -> None:
    names = 'xmlns:w="urn:w" xmlns:draw="urn:draw"'
    body = "".join(f"<{name} n='1'>{escape(text)}</{name}>" for text, name in paragraphs)
    xml = f"<x {names}>{body}</x>"
    before, after = (ElementTree.canonicalize(each) for each in (xml, cleaned(xml)))
    assert before == after


# ---------------------------------------------------------------- packages


def package(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def parts_of(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_package_keeps_xml_and_pictures_only(tmp_path: Path) -> None:
    path = package(
        tmp_path / "in",
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": "<x/>",
            "Pictures/a.png": png(),
            "Pictures/b.png": '<svg><image href="file:///a.png"/></svg>',
            "Pictures/c.png": b"\x1f\x8b\x08 a compressed drawing",
            "Pictures/d.png": "<svg>\xff not well-formed".encode("latin-1"),
            "word/embeddings/e.docx": b"PK\x03\x04 another package",
            "word/embeddings/oleObject1.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "Basic/Standard/Module1.xml": "<x/>",
            "Scripts/python/x.py": "open('/tmp/x', 'w')",
            "../outside.xml": "<x/>",
        },
    )
    clean_document(path, tmp_path / "out.odt")
    found = parts_of(tmp_path / "out.odt")
    assert set(found) == {"mimetype", "content.xml", "Pictures/a.png", "Pictures/b.png"}
    assert found["Pictures/a.png"] == png()
    assert b"file:" not in found["Pictures/b.png"]
    assert found["mimetype"] == b"application/vnd.oasis.opendocument.text"


EMF = b"\x01\x00\x00\x00".ljust(40, b"\0") + b" EMF" + bytes(40)


@pytest.mark.parametrize(
    ("packed", "stays"),
    [
        (gzip.compress(EMF), True),
        (gzip.compress(b"\xd7\xcd\xc6\x9a" + bytes(40)), True),
        (gzip.compress(SVG), False),
        (gzip.compress(EMF + bytes(64 << 20), 1), False),
        (gzip.compress(EMF)[:-9], False),
    ],
    ids=["emz", "wmz", "svgz", "too large", "cut off"],
)
def test_packed_picture_stays_only_if_it_is_a_metafile_of_bounded_size(
    tmp_path: Path, packed: bytes, stays: bool
) -> None:
    path = package(tmp_path / "in", {"word/document.xml": "<x/>", "word/media/a.emz": packed})
    clean_document(path, tmp_path / "out.docx")
    assert parts_of(tmp_path / "out.docx").get("word/media/a.emz") == (packed if stays else None)


def test_relationships_are_relative_to_the_part_they_belong_to(tmp_path: Path) -> None:
    rels = (
        '<Relationships><Relationship Id="r1" Type="t/image" Target="media/a.png"/>'
        '<Relationship Id="r2" Type="t/image" Target="../../etc/a.png"/>'
        '<Relationship Id="r3" Type="t/oleObject" Target="embeddings/o.bin"/></Relationships>'
    )
    path = package(
        tmp_path / "in",
        {"word/document.xml": "<x/>", "word/_rels/document.xml.rels": rels, "word/media/a.png": png()},
    )
    clean_document(path, tmp_path / "out.docx")
    said = parts_of(tmp_path / "out.docx")["word/_rels/document.xml.rels"].decode()
    assert re.findall(r'Id="(\w+)"', said) == ["r1"]


@pytest.mark.parametrize("broken", ["<w:document><w:p", '<!DOCTYPE x [<!ENTITY e "y">]><x>&e;</x>'])
def test_document_that_cannot_be_cleaned_is_refused(tmp_path: Path, broken: str) -> None:
    path = package(tmp_path / "in", {"word/document.xml": broken})
    with pytest.raises(Unreadable, match=r"document\.xml") as refused:
        clean_document(path, tmp_path / "out.docx")
    assert refused.value.hint


# ---------------------------------------------------------------- rich text


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


# ---------------------------------------------------------------- binary documents


@pytest.mark.parametrize("kind", [0x5E, 0x62, 0x63, 0x66])
def test_binary_picture_that_is_in_another_file_becomes_a_shape(kind: int) -> None:
    header = struct.pack("<iHH", 0x44, 0x44, kind) + bytes(0x3C)
    stream = bytearray(b"words" + header)
    embed_pictures(stream)
    assert struct.unpack_from("<iHH", stream, 5) == (0x44, 0x44, 0x64)


def test_binary_picture_that_is_in_the_document_stays_as_it_is() -> None:
    header = struct.pack("<iHH", 0x44, 0x44, 0x08) + bytes(0x3C)
    stream = bytearray(header)
    embed_pictures(stream)
    assert stream == header


def blip(kind: int, skipped: int, content: bytes) -> bytes:
    body = bytes(skipped) + content
    return struct.pack("<HHI", 0x6E00, kind, len(body)) + body


@pytest.mark.parametrize(
    "record",
    [
        blip(0xF01E, 17, SVG),
        blip(0xF01E, 33, b"\n" + SVG),
        blip(0xF01E, 17, gzip.compress(SVG)),
        blip(0xF01A, 50, zlib.compress(SVG)),
        blip(0xF01B, 66, zlib.compress(b"<?xml version='1.0'?>" + SVG)),
        blip(0xF117, 16, SVG),
    ],
)
def test_binary_picture_that_is_an_svg_is_no_longer_found(record: bytes) -> None:
    stream = bytearray(b"words" + record)
    remove_svg_pictures(stream)
    assert stream == b"words" + record[:2] + bytes(2) + record[4:]


@pytest.mark.parametrize(
    "record",
    [
        blip(0xF01E, 17, png()),
        blip(0xF01D, 17, b"\xff\xd8\xff\xe1..<?xpacket begin='' id='x'?><x:xmpmeta/>"),
        blip(0xF01A, 50, zlib.compress(EMF)),
        b"The words <svg> and <image> of a manual.",
    ],
)
def test_other_bytes_of_a_binary_document_stay_as_they_are(record: bytes) -> None:
    stream = bytearray(record)
    remove_svg_pictures(stream)
    assert stream == record


# ---------------------------------------------------------------- with the real LibreOffice

program = office_program("")
real = pytest.mark.skipif(
    program is None or confinement_gap() is not None, reason="LibreOffice is missing, or cannot be confined"
)

LINK = "https://example.org/manual"


def encodings(text: str) -> tuple[bytes, bytes]:
    return text.encode(), text.encode("utf-16-le")


@pytest.fixture
def document(tmp_path: Path) -> Callable[[str], Path]:
    """A document as LibreOffice writes it: words, a hyperlink, a page number, and a picture that lies outside."""

    def made(suffix: str) -> Path:
        secret = tmp_path / "secret.png"
        secret.write_bytes(png())
        if suffix in ("pptx", "ppt", "odp"):
            source = office_files.pptx(tmp_path / "in.pptx", ["The gateway uses port 8443."])
        else:
            source = tmp_path / "in.rtf"
            source.write_text(
                r"{\rtf1\ansi The gateway uses port 8443.\par See {\field{\*\fldinst HYPERLINK "
                f'"{LINK}"'
                r"}{\fldrslt the manual}}, page {\field{\*\fldinst PAGE}{\fldrslt 1}}.\par"
                r"{\field{\*\fldinst INCLUDEPICTURE "
                f'"{secret.as_uri()}"'
                r" \\d}{\fldrslt }}\par}"
            )
        out = tmp_path / "made"
        profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
        command = [str(program), profile, "--headless", "--convert-to", suffix, "--outdir", str(out), str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=100)
        return out / f"in.{suffix}"

    return made


@real
@pytest.mark.parametrize("suffix", ["docx", "odt", "doc", "rtf", "pptx", "odp", "ppt"])
def test_cleaned_document_shows_its_words(
    tmp_path: Path, into: Path, document: Callable[[str], Path], suffix: str
) -> None:
    path = document(suffix)
    copy = tmp_path / f"clean.{suffix}"
    clean_document(path, copy)
    data = b"".join(parts_of(copy).values()) if suffix in ("docx", "odt", "pptx", "odp") else copy.read_bytes()
    assert not any(name in data for name in encodings("secret.png"))
    if suffix in ("docx", "odt", "doc", "rtf"):
        assert any(link in data for link in encodings(LINK))
    reader = GuardedReader(ReadSettings(layout=False, ocr=False, render_px=400), None)
    try:
        assert reader.inspect(path).page_count == 1
        pages = reader.read(path, 1, 1, into)
    finally:
        reader.close()
    words = " ".join(block.text for page in pages for block in page.blocks)
    assert "The gateway uses port 8443." in words
    if suffix in ("docx", "odt", "doc", "rtf"):
        assert "See the manual, page 1." in words
