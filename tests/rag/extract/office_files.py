"""Small Word and PowerPoint files, written part by part according to ECMA-376."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    f'xmlns:r="{_OFFICE}" xmlns:wp="{_DRAWING}/wordprocessingDrawing" xmlns:a="{_DRAWING}/main" '
    f'xmlns:pic="{_DRAWING}/picture" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
)


def package(path: Path, parts: Mapping[str, str]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _content_types(overrides: Mapping[str, str]) -> str:
    rows = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in overrides.items())
    return (
        f'<?xml version="1.0"?><Types xmlns="{_TYPES}"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{rows}</Types>'
    )


def _relationships(rows: Sequence[tuple[str, str, str]]) -> str:
    """Return a relationships part from (id, type, target); a target with a colon is external."""
    relationships = "".join(
        f'<Relationship Id="{name}" Type="{kind if ":" in kind else f"{_OFFICE}/{kind}"}" Target="{target}"'
        f"{' TargetMode=' + chr(34) + 'External' + chr(34) if ':' in target else ''}/>"
        for name, kind, target in rows
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}">{relationships}</Relationships>'


def docx(
    path: Path,
    pages: Sequence[str],
    *,
    title: str = "",
    pictures: Sequence[str] = (),
    links: Sequence[str] = (),
    body: str = "",
    main: str = f"{_MAIN}.wordprocessingml.document.main+xml",
    more: Mapping[str, tuple[str, str, str]] | None = None,
) -> Path:
    """Write a Word file with one paragraph per page, then the blocks `body`, in WordprocessingML.

    `pictures` are addresses of external pictures it links to, `links` of the relationships "rLink0" and so on.
    `more` has further parts: their content type, kind of relationship from the document ("": none) and content.
    """
    parts = more or {}
    body = (
        "".join(
            f"<w:p><w:pPr>{'<w:pageBreakBefore/>' if number else ''}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
            for number, text in enumerate(pages)
        )
        + body
    )
    body += "".join(_linked_picture(number) for number in range(len(pictures)))
    core = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
    return package(
        path,
        {
            "[Content_Types].xml": _content_types(
                {
                    "word/document.xml": main,
                    "docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
                    **{name: kind for name, (kind, _, _) in parts.items()},
                }
            ),
            "_rels/.rels": _relationships(
                [
                    ("rId1", "officeDocument", "word/document.xml"),
                    (
                        "rId2",
                        "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties",
                        "docProps/core.xml",
                    ),
                ]
            ),
            "docProps/core.xml": f'<?xml version="1.0"?><cp:coreProperties xmlns:cp="{core}" '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>',
            "word/_rels/document.xml.rels": _relationships(
                [
                    *((f"rPic{number}", "image", address) for number, address in enumerate(pictures)),
                    *((f"rLink{number}", "hyperlink", address) for number, address in enumerate(links)),
                    *(
                        (f"rMore{number}", kind, name.removeprefix("word/"))
                        for number, (name, (_, kind, _)) in enumerate(parts.items())
                        if kind
                    ),
                ]
            ),
            "word/document.xml": f'<?xml version="1.0"?><w:document {_NAMES}><w:body>{body}<w:sectPr>'
            '<w:pgSz w:w="11906" w:h="16838"/></w:sectPr></w:body></w:document>',
            **{name: content for name, (_, _, content) in parts.items()},
        },
    )


def _linked_picture(number: int) -> str:
    size = '<a:ext cx="2000000" cy="1000000"/>'
    return (
        '<w:p><w:r><w:drawing><wp:inline><wp:extent cx="2000000" cy="1000000"/>'
        f'<wp:docPr id="{number + 1}" name="p"/><a:graphic><a:graphicData uri="{_DRAWING}/picture"><pic:pic>'
        f'<pic:nvPicPr><pic:cNvPr id="{number + 1}" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill>'
        f'<a:blip r:link="rPic{number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm>'
        f'<a:off x="0" y="0"/>{size}</a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )


def pptx(
    path: Path,
    slides: Sequence[str],
    *,
    hidden: Sequence[int] = (),
    notes: Mapping[int, str] | None = None,
    main: str = f"{_MAIN}.presentationml.presentation.main+xml",
) -> Path:
    """Write a PowerPoint file with one line of text per slide, with the numbers of hidden slides and their notes."""
    noted = notes or {}
    kind = f"{_MAIN}.presentationml."
    numbers = range(1, len(slides) + 1)
    parts = {
        "[Content_Types].xml": _content_types(
            {
                "ppt/presentation.xml": main,
                "ppt/slideMasters/slideMaster1.xml": f"{kind}slideMaster+xml",
                "ppt/slideLayouts/slideLayout1.xml": f"{kind}slideLayout+xml",
                **{f"ppt/slides/slide{number}.xml": f"{kind}slide+xml" for number in numbers},
            }
        ),
        "_rels/.rels": _relationships([("rId1", "officeDocument", "ppt/presentation.xml")]),
        "ppt/presentation.xml": f"<p:presentation {_NAMES}><p:sldMasterIdLst>"
        '<p:sldMasterId id="2147483648" r:id="rMaster"/></p:sldMasterIdLst><p:sldIdLst>'
        + "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in numbers)
        + '</p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": _relationships(
            [
                ("rMaster", "slideMaster", "slideMasters/slideMaster1.xml"),
                *((f"rId{number}", "slide", f"slides/slide{number}.xml") for number in numbers),
            ]
        ),
        "ppt/slideMasters/slideMaster1.xml": f"<p:sldMaster {_NAMES}>{_tree('')}<p:sldLayoutIdLst>"
        '<p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst></p:sldMaster>',
        "ppt/slideMasters/_rels/slideMaster1.xml.rels": _relationships(
            [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml")]
        ),
        "ppt/slideLayouts/slideLayout1.xml": f"<p:sldLayout {_NAMES}>{_tree('')}</p:sldLayout>",
        "ppt/slideLayouts/_rels/slideLayout1.xml.rels": _relationships(
            [("rId1", "slideMaster", "../slideMasters/slideMaster1.xml")]
        ),
    }
    for number, text in enumerate(slides, 1):
        show = ' show="0"' if number in hidden else ""
        parts[f"ppt/slides/slide{number}.xml"] = f"<p:sld {_NAMES}{show}>{_tree(_box(text))}</p:sld>"
        relationships = [("rId1", "slideLayout", "../slideLayouts/slideLayout1.xml")]
        if number in noted:
            parts[f"ppt/notesSlides/notesSlide{number}.xml"] = (
                f"<p:notes {_NAMES}>{_tree(_box('7', 'sldNum') + _box(noted[number], 'body'))}</p:notes>"
            )
            relationships.append(("rId2", "notesSlide", f"../notesSlides/notesSlide{number}.xml"))
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relationships(relationships)
    return package(path, parts)


def _tree(shapes: str) -> str:
    return (
        '<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
        f"{shapes}</p:spTree></p:cSld>"
    )


def _box(text: str, placeholder: str = "") -> str:
    mark = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="t"/><p:cNvSpPr txBox="1"/><p:nvPr>{mark}</p:nvPr></p:nvSpPr><p:spPr>'
        "<a:xfrm>"
        '<a:off x="600000" y="400000"/><a:ext cx="9000000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/>'
        '</a:prstGeom></p:spPr><p:txBody><a:bodyPr/><a:p><a:r><a:rPr lang="en" sz="3600"/>'
        f"<a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )
