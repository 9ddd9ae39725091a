"""Damage inside PDFs that can still be opened: in their objects, and in their decompressed streams."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

import pymupdf
from pymupdf import mupdf

from tests.faults.fuzz.plain import EXTREMES, GENERIC_DAMAGES, changed_bytes, changed_numbers, doubled_block

_REFUSED = (mupdf.FzErrorBase, RuntimeError, ValueError)

Damage: TypeAlias = Callable[[Any, Random], None]

_REFERENCE = re.compile(r"\b(\d+) 0 R\b")
_KEY = re.compile(r"/([A-Za-z]\w*)")
_BOXES = ("MediaBox", "CropBox", "Rotate", "UserUnit", "Contents", "Resources", "Parent", "Annots", "Type")
_ODD = (
    *("null", "true", "[]", "<<>>", "()", "/X", "<FEFFD800>", "[0 0 0 0]", "[0 0 1e9 1e9]", "[-1e5 -1e5 1e5 1e5]"),
    *("[0 0 14400 1]", "[9 9 9 9.001]", "[nan nan nan nan]", "[0 0 0.001 0.001]", "[800 600 0 0]", "[[[[[]]]]]"),
    *("45", "-90", "99999999", "-1", "0.0001", "[0 0 600]", "(\\000\\377\\376)"),
)


def damaged_pdf(content: bytes, damage: Damage, chance: Random) -> bytes:
    """Return the damaged file. If MuPDF refuses to open or write it, change numbers in the raw bytes instead."""
    with pymupdf.open("pdf", content) as document:
        if document.is_encrypted:
            return changed_numbers(content, chance)
        try:
            damage(document, chance)
            return _written(document)
        except _REFUSED:
            return changed_numbers(content, chance)


def _written(document: Any) -> bytes:
    """Write the document without Document.save, which requires at least one page."""
    options = mupdf.PdfWriteOptions()
    options.do_compress = options.dont_regenerate_id = 1
    buffer = mupdf.FzBuffer(1 << 16)
    output = mupdf.FzOutput(buffer)
    mupdf.pdf_write_document(mupdf.PdfDocument(document.this), output, options)
    output.fz_close_output()
    return bytes(buffer.fz_buffer_extract())


def changed_objects(document: Any, chance: Random) -> None:
    """Change numbers in a few objects."""
    for _ in range(chance.randint(1, 4)):
        xref = _random_xref(document, chance)
        _replace_object(
            document, xref, changed_numbers(document.xref_object(xref, compressed=True).encode(), chance).decode()
        )


def changed_references(document: Any, chance: Random) -> None:
    """Make references point to other objects, often to themselves."""
    for _ in range(chance.randint(1, 4)):
        xref = _random_xref(document, chance)
        other = chance.choice((xref, _random_xref(document, chance), document.xref_length() + 7))
        text = document.xref_object(xref, compressed=True)
        found = list(_REFERENCE.finditer(text))
        if found:
            match = chance.choice(found)
            _replace_object(document, xref, f"{text[: match.start()]}{other} 0 R{text[match.end() :]}")


def changed_keys(document: Any, chance: Random) -> None:
    """Set keys to values of unexpected types."""
    for _ in range(chance.randint(1, 4)):
        xref = _random_xref(document, chance)
        keys = _KEY.findall(document.xref_object(xref, compressed=True))
        if keys:
            _set_key(document, xref, chance.choice(keys), chance.choice((*_ODD, f"{xref} 0 R")))


def changed_page(document: Any, chance: Random) -> None:
    """Change boxes, rotation and inheritance of a page."""
    for _ in range(chance.randint(1, 3)):
        _set_key(document, _page(document, chance), chance.choice(_BOXES), chance.choice(_ODD))


def changed_tree(document: Any, chance: Random) -> None:
    """Damage the page tree: loops, wrong counts, nodes that are not pages."""
    kind, pages = document.xref_get_key(document.pdf_catalog(), "Pages")
    tree = int(pages.split()[0]) if kind == "xref" else 2
    page = document.page_xref(0)
    counts = ("-1", "0", "3", "2000", "2147483647", "1e9")
    chance.choice(
        (
            lambda: _set_key(document, tree, "Kids", f"[{page} 0 R {tree} 0 R]"),
            lambda: _set_key(document, tree, "Kids", f"[{page} 0 R {page} 0 R {_random_xref(document, chance)} 0 R]"),
            lambda: _set_key(document, tree, "Kids", f"[{page} 0 R null 7 (x)]"),
            lambda: _set_key(document, tree, "Count", chance.choice(counts)),
            lambda: _set_key(document, page, "Kids", f"[{page} 0 R]"),
            lambda: _set_key(document, page, "Parent", f"{page} 0 R"),
        )
    )()


def changed_stream(document: Any, chance: Random) -> None:
    """Change bytes of streams of any kind: text, font, picture, table."""
    streams = _streams(document)
    for _ in range(min(len(streams), chance.randint(1, 3))):
        xref = chance.choice(streams)
        content = document.xref_stream(xref)
        if content:
            document.update_stream(xref, chance.choice(GENERIC_DAMAGES)(content, chance))


def changed_operators(document: Any, chance: Random) -> None:
    """Damage the drawing operators of a page: extreme numbers, repeated parts, misplaced operators."""
    xrefs = document[chance.randrange(document.page_count)].get_contents()
    if not xrefs:
        return
    xref = chance.choice(xrefs)
    content = document.xref_stream(xref)
    how = chance.choice(("numbers", "double", "bytes", "nest", "stray"))
    if how == "numbers":
        content = changed_numbers(content, chance, max_numbers=40)
    elif how == "double":
        content = doubled_block(content, chance) if content else b"q"
    elif how == "bytes":
        content = changed_bytes(content or b"q", chance)
    elif how == "nest":
        content = b"q 0.9 0 0 0.9 1 1 cm " * chance.choice((30, 600, 100_000)) + content
    else:
        stray = (
            b" Q Q Q ",
            b" BT BT ",
            b" ET ",
            b" BI ID \x00 EI ",
            b" /Nope Do ",
            b" 1e9 w ",
            b" W n ",
            b" [1e-9] 0 d ",
        )
        at = chance.randrange(len(content) + 1)
        content = content[:at] + chance.choice(stray) + content[at:]
    document.update_stream(xref, content)


def changed_font(document: Any, chance: Random) -> None:
    """Damage a font: its file, its widths, or its Unicode map, for example with lone surrogates."""
    fonts = [xref for xref in _all(document) if "/Font" in document.xref_object(xref, compressed=True)]
    if not fonts:
        return changed_stream(document, chance)
    xref = chance.choice(fonts)
    keys = (
        "Subtype",
        "Encoding",
        "FirstChar",
        "LastChar",
        "Widths",
        "DescendantFonts",
        "BaseFont",
        "W",
        "DW",
        "ToUnicode",
    )
    if chance.random() < 0.5:
        return _set_key(document, xref, chance.choice(keys), chance.choice((*_ODD, *EXTREMES, "/Identity-H")))
    letters = chance.choice(("D800", "DFFF", "0000", "FFFE", "0041" * 300, "DBFFDFFF", "202E"))
    mapping = document.get_new_xref()
    document.update_object(mapping, "<<>>")
    lines = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FFFF> "
    lines += f"endcodespacerange 1 beginbfrange <0000> <FFFF> <{letters}> endbfrange endcmap end end"
    document.update_stream(mapping, lines.encode())
    return _set_key(document, xref, "ToUnicode", f"{mapping} 0 R")


def changed_image(document: Any, chance: Random) -> None:
    """Change an embedded picture's size, depth, color space or encoding without changing its bytes."""
    pictures = [xref for xref in _all(document) if document.xref_get_key(xref, "Subtype")[1] == "/Image"]
    if not pictures:
        return changed_operators(document, chance)
    xref = chance.choice(pictures)
    sides = ("0", "-1", "1", "65535", "100000", "2147483647")
    color_spaces = (
        "/DeviceGray",
        "/DeviceCMYK",
        "/Pattern",
        "[/Indexed /DeviceRGB 255 ()]",
        f"[/ICCBased {xref} 0 R]",
        "null",
    )
    options: dict[str, tuple[str, ...]] = {
        "Width": sides,
        "Height": sides,
        "BitsPerComponent": ("0", "1", "2", "16", "17", "-8"),
        "ColorSpace": color_spaces,
        "SMask": (f"{xref} 0 R", "null", "7"),
        "Mask": (f"{xref} 0 R", "[0 0 0 0 0 0]", "[9 1 2]"),
        "Decode": ("[1 0]", "[nan 1 0 1]", "[]", "[0 1e9 0 1 0 1]"),
        "Filter": ("/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/LZWDecode", "/RunLengthDecode"),
    }
    for key in chance.sample(sorted(options), chance.randint(1, 3)):
        _set_key(document, xref, key, chance.choice(options[key]))
    return None


def added_bomb(document: Any, chance: Random) -> None:
    """Add decompression bombs: huge streams, recursive forms, endless patterns and paths."""
    xref, tile = document.get_new_xref(), document.get_new_xref()
    form = f"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</B {xref} 0 R>>>>>>"
    document.update_object(xref, form)
    document.update_stream(xref, _huge_stream(chance))
    step = chance.choice(("0", "0.001", "-1", "1"))
    document.update_object(tile, f"<</PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep {step}/YStep {step}>>")
    document.update_stream(tile, b"0 0 5 5 re f")
    page = _page(document, chance)
    font = "/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    _set_key(document, page, "Resources", f"<<{font}/XObject<</B {xref} 0 R>>/Pattern<</P {tile} 0 R>>>>")
    _set_key(document, page, "Contents", f"{xref} 0 R")


def _huge_stream(chance: Random) -> bytes:
    count = chance.choice((2_000, 60_000, 400_000))
    kind = chance.choice(("zeros", "letters", "paths", "words", "pictures", "form", "pattern"))
    if kind == "zeros":
        return bytes(count * 250)
    if kind == "letters":
        return b"BT /F1 4 Tf 9 9 Td (" + b"W" * count + b") Tj ET"
    if kind == "paths":
        return b"".join(b"%d %d m %d %d l S " % (n % 600, n % 797, n % 593, n % 71) for n in range(count))
    if kind == "words":
        words = (b"1 0 0 1 %d %d Tm (w%d) Tj " % (n % 600, n % 800, n) for n in range(count // 8))
        return b"BT /F1 1 Tf " + b"".join(words) + b"ET"
    if kind == "pictures":
        return b"BI /W 9000 /H 9000 /BPC 8 /CS /RGB ID \x00 EI " * (count // 2000)
    return b"/B Do /B Do" if kind == "form" else b"/Pattern cs /P scn 0 0 600 800 re f"


def changed_metadata(document: Any, chance: Random) -> None:
    """Damage the metadata: title and page labels."""
    root = document.pdf_catalog()
    odd = (
        "<FEFFD800>",
        "(" + "a" * 100_000 + ")",
        "<FEFF00000041>",
        "(\\377\\376\\000\\330)",
        "7",
        "[]",
        f"{root} 0 R",
    )
    info = document.get_new_xref()
    document.update_object(info, f"<</Title {chance.choice(odd)}>>")
    document.xref_set_key(-1, "Info", f"{info} 0 R")
    style = chance.choice(("/r", "/R", "/a", "/A", "/D", "/Q", "null", "7"))
    first = chance.choice(("0", "-1", "1", "2147483647", "99999999", "(x)"))
    prefix = chance.choice(("(A-)", "<FEFFD800>", "(" + "p" * 5000 + ")", "7"))
    labels = f"<</Nums[{chance.choice(('0', '-1', '9'))}<</S {style}/St {first}/P {prefix}>>]>>"
    _set_key(document, root, "PageLabels", chance.choice((labels, f"<</Kids[{root} 0 R]>>")))


PDF_DAMAGES: tuple[tuple[Damage, int], ...] = (
    (changed_objects, 3),
    (changed_references, 3),
    (changed_keys, 3),
    (changed_page, 3),
    (changed_tree, 2),
    (changed_stream, 5),
    (changed_operators, 5),
    (changed_font, 4),
    (changed_image, 4),
    (added_bomb, 2),
    (changed_metadata, 2),
)
"""Kinds of damage, each with its relative frequency."""


def _all(document: Any) -> range:
    return range(1, document.xref_length())


def _random_xref(document: Any, chance: Random) -> int:
    return chance.randrange(1, document.xref_length())


def _streams(document: Any) -> list[int]:
    return [xref for xref in _all(document) if document.xref_is_stream(xref)]


def _page(document: Any, chance: Random) -> int:
    return int(document.page_xref(chance.randrange(document.page_count)))


def _replace_object(document: Any, xref: int, text: str) -> None:
    """Replace an object and keep its stream. Leave it unchanged if MuPDF refuses."""
    try:
        document.update_object(xref, text)
    except _REFUSED:
        return


def _set_key(document: Any, xref: int, key: str, value: str) -> None:
    try:
        document.xref_set_key(xref, key, value)
    except _REFUSED:
        return
