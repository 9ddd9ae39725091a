"""Tests of the sanitizing of XML in documents and SVG."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from collections.abc import Iterator
from io import BytesIO
from posixpath import normpath
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.extract.convert.sanitize.fields import is_harmless_field
from rag.extract.convert.sanitize.references import is_part, leads_outside, with_folders
from rag.extract.convert.sanitize.xml import NotSanitizable, hyperlinks_in
from tests.rag.extract.convert.sanitize.samples import NAMES, OUTSIDE, SVG_BASE64, png, sanitize


@pytest.mark.parametrize("reference", OUTSIDE)
def test_outside_reference_is_not_a_part(reference: str) -> None:
    assert not is_part(reference, with_folders(NAMES))


@pytest.mark.parametrize(
    "reference", ["#Slide2", "Pictures/a.png", "./Pictures/a.png", "./Object 1", "Pictures%2Fa.png"]
)
def test_reference_to_a_part_is_accepted(reference: str) -> None:
    assert is_part(reference, with_folders(NAMES))


class NotIterable(frozenset[str]):
    """A set that raises when it is iterated over."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("checking a reference must not take time proportional to the number of parts")


def test_is_part_does_not_iterate_over_all_parts() -> None:
    names = NotIterable(with_folders(NAMES))
    assert is_part("Object 1", names)
    assert not is_part("Object 2", names)


def test_with_folders_returns_folders_of_every_depth() -> None:
    assert with_folders(["a/b/c", "a/d", "e"]) == {"a/b/c", "a/b", "a", "a/d", "e"}


def test_with_folders_skips_folders_of_parts_nested_too_deeply() -> None:
    deep = "a/" * 30_000 + "b"
    assert with_folders([deep]) == {deep}


@given(st.text(alphabet="./%2eEfF\\:#ab", max_size=30))
def test_accepted_reference_resolves_inside_the_package(reference: str) -> None:
    """Compare with another implementation: join the reference to a URL of the document."""
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
def test_is_harmless_field_checks_the_first_word(instruction: str, harmless: bool) -> None:
    assert is_harmless_field(instruction) is harmless


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
def test_leads_outside_detects_files_shares_and_programs(value: str) -> None:
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
def test_outside_reference_is_removed_from_elements(element: str, reference: str) -> None:
    output = sanitize(f"<x>before{element.format(reference)}after</x>")
    assert reference not in output
    assert "before" in output
    assert "after" in output


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
def test_harmless_elements_are_unchanged(kept: str) -> None:
    assert kept in sanitize(f"<x>{kept}</x>")


def test_picture_cannot_use_the_relationship_of_a_hyperlink() -> None:
    output = sanitize('<x><a:blip r:link="rId5"/><w:hyperlink r:id="rId5">see</w:hyperlink></x>', external={"rId5"})
    assert "<a:blip>" in output
    assert '<w:hyperlink r:id="rId5">' in output


def field(instruction: str, result: str = "old") -> str:
    runs = "".join(f"<w:r><w:instrText>{part}</w:instrText></w:r>" for part in instruction.split("|"))
    return (
        f'<w:fldChar w:fldCharType="begin"/>{runs}<w:fldChar w:fldCharType="separate"/><w:t>{result}</w:t>'
        '<w:fldChar w:fldCharType="end"/>'
    )


def test_loading_field_loses_its_instruction_and_keeps_its_result() -> None:
    output = sanitize(f"<x>{field('INCLUDE|PICTURE file:///a.png')}{field('PAGE', '7')}</x>")
    assert "PICTURE" not in output
    assert "<w:t>old</w:t>" in output
    assert "<w:instrText>PAGE</w:instrText>" in output


def test_field_named_by_the_result_of_another_field_is_detected() -> None:
    inner = field('QUOTE "x"', "INCLUDEPICTURE file:///a.png")
    outer = f'<w:fldChar w:fldCharType="begin"/>{inner}<w:fldChar w:fldCharType="separate"/><w:t>old</w:t>'
    assert "file:///a.png" not in sanitize(f"<x>{outer}<w:fldChar w:fldCharType='end'/></x>")


def test_fields_inside_removed_elements_are_counted() -> None:
    """Check that fields in removed elements do not shift the indexes of later fields."""
    hidden = f"<office:script>{field('PAGE')}</office:script>"
    output = sanitize(f"<x>{hidden}{field('INCLUDETEXT a.docx')}{field('PAGE')}</x>")
    assert "INCLUDETEXT" not in output
    assert output.count("PAGE") == 1


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
def test_field_cannot_be_hidden_by_an_ignored_end(hiding: str) -> None:
    begin, separate = ('<w:fldChar w:fldCharType="begin"/>', '<w:fldChar w:fldCharType="separate"/>')
    output = sanitize(f"<x>{begin}{hiding}<w:instrText>INCLUDETEXT a</w:instrText>{separate}<w:t>old</w:t></x>")
    assert "INCLUDETEXT" not in output
    assert "<w:t>old</w:t>" in output


def test_field_with_an_ambiguous_start_loses_its_instruction() -> None:
    begin = '<w:fldChar x:fldCharType="no" w:fldCharType="begin"/>'
    assert "INCLUDETEXT" not in sanitize(f"<x>{begin}<w:instrText>INCLUDETEXT a</w:instrText></x>")


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
    assert "rId5" not in sanitize(relationship)
    assert not hyperlinks_in(lambda: BytesIO(relationship.encode()))


def test_fields_nested_too_deeply_are_refused() -> None:
    with pytest.raises(NotSanitizable, match="fields"):
        sanitize("<x>" + '<w:fldChar w:fldCharType="begin"/>' * 1001 + "</x>")


def test_loading_simple_field_loses_its_instruction() -> None:
    output = sanitize('<x><w:fldSimple w:instr="INCLUDETEXT a"/><w:fldSimple w:instr=" PAGE "/></x>')
    assert "INCLUDETEXT" not in output
    assert 'w:instr=" PAGE "' in output


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
def test_sanitized_svg_loads_nothing(svg: str) -> None:
    output = sanitize(f'<svg xmlns="http://www.w3.org/2000/svg"><text>shown</text>{svg}</svg>', names={"a.png"})
    assert "<text>shown</text>" in output
    for sign in ("file:", "http://x", "a.png", "svg+xml", "@import", "other.svg", "72l", "data:"):
        assert sign not in output


def test_svg_keeps_its_gradients_and_embedded_pictures() -> None:
    body = '<rect fill="url(#g)"></rect><style>rect{fill:red}</style>'
    body += f'<image href="data:image/png;base64,{b64encode(png()).decode()}"></image>'
    assert body in sanitize(f"<svg>{body}</svg>")


def in_binary_data(content: str) -> str:
    return sanitize(
        f"<x><draw:image><office:binary-data>{content}</office:binary-data></draw:image><text:p>shown</text:p></x>"
    )


@pytest.mark.parametrize(
    "content", [SVG_BASE64, f"<text:p>{SVG_BASE64}</text:p>", f"!{b64encode(png()).decode()}", f"\n{SVG_BASE64}\n"]
)
def test_binary_data_that_is_not_a_picture_is_removed(content: str) -> None:
    output = in_binary_data(content)
    assert "<office:binary-data></office:binary-data>" in output
    assert "shown" in output


def test_binary_data_that_is_a_picture_is_kept() -> None:
    lines = encodebytes(png()).decode()
    assert f"<office:binary-data>{lines}</office:binary-data>" in in_binary_data(lines)


def test_svg_keeps_fonts_and_pictures_in_its_style() -> None:
    picture = f"url(data:image/png;base64,{b64encode(png()).decode()})"
    style = f"<style>@font-face{{src:url('data:font/woff2;base64,AAAA')}} rect{{fill:{picture}}}</style>"
    assert style in sanitize(f"<svg>{style}</svg>")


@pytest.mark.parametrize("url", [f"data:image/png;base64,{SVG_BASE64}", "data:image/svg+xml;base64,AA", "data:,a", ""])
def test_style_with_other_data_is_removed(url: str) -> None:
    assert "url" not in sanitize(f"<svg><style>rect{{fill:url({url})}}</style></svg>")


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
    with pytest.raises(NotSanitizable):
        sanitize(xml)


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


@given(st.lists(st.tuples(_TEXT, st.sampled_from(["p", "w:t", "draw:frame"])), max_size=5))
def test_text_is_copied_unchanged(paragraphs: list[tuple[str, str]]) -> None:
    names = 'xmlns:w="urn:w" xmlns:draw="urn:draw"'
    body = "".join(f"<{name} n='1'>{escape(text)}</{name}>" for text, name in paragraphs)
    xml = f"<x {names}>{body}</x>"
    before, after = (ElementTree.canonicalize(each) for each in (xml, sanitize(xml)))
    assert before == after
