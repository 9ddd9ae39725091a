"""Preparation of sanitized office documents: accepted changes, links, saved page breaks, and what pages don't show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from rag.extract.convert import tracked_changes, word_links, word_pages
from rag.extract.convert.details import NO_DETAILS, Details
from rag.extract.convert.office_xml import parse_part, write_part
from rag.extract.convert.packages import open_package
from rag.extract.convert.slides import SlideDetails, open_document_slides, powerpoint_slides
from rag.model.extraction import Note

_MAX_PART_BYTES = 64 << 20
"""Larger parts are left as they are: a tree takes ten times the memory."""

_WORD_PART = re.compile(r"word/(?:document|header|footer|footnotes|endnotes|comments)\d*\.xml")
WORD_DOCUMENT = re.compile(r"word/document\d*\.xml")
_STYLES, _PROPERTIES = "word/styles.xml", "docProps/app.xml"
_NONE = frozenset[str]()
_CONTENT = "content.xml"

_TOO_LARGE = Note(
    "The document's text is so large that tracked changes in it were not applied: struck text counts as its text. "
    "Accept the changes and share it again."
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the pages don't show, and the number of pages that Word counted; 0 if it isn't stated.

    as_saved: pages break where Word broke them.
    """

    details: Details = NO_DETAILS
    pages: int = 0
    as_saved: bool = False


def prepare_document(path: Path) -> Prepared:
    """Rewrite a sanitized document in place. Its suffix is its format. Raise Unreadable if a part is damaged."""
    if path.suffix == ".rtf":
        path.write_bytes(tracked_changes.accept_rtf_changes(path.read_bytes()))
    if path.suffix in (".fodt", ".fodp", ".fodg"):
        return _prepare_flat(path)
    if path.suffix in (".docx", ".pptx", ".odt", ".odp", ".odg"):
        return _prepare_package(path)
    return Prepared()


def make_pages_taller(path: Path) -> None:
    """Rewrite a prepared Word document, so that one of its pages fits on one page in any font."""
    with open_package(path) as package:
        changed = {}
        for name in filter(WORD_DOCUMENT.fullmatch, package.namelist()):
            root = parse_part(package.read(name))
            word_pages.make_pages_taller(root)
            changed[name] = write_part(root)
        _rewrite(package, path.with_name(f"prepared{path.suffix}"), changed)
    _replace(path)


def _prepare_flat(path: Path) -> Prepared:
    root = parse_part(path.read_bytes())
    tracked_changes.accept_open_document_changes(root)
    path.write_bytes(write_part(root))
    return Prepared(_slide_details(open_document_slides(root)))


def _prepare_package(path: Path) -> Prepared:
    with open_package(path) as package:
        if path.suffix == ".docx":
            changed, prepared = _prepare_word(package)
        elif path.suffix == ".pptx":
            changed, prepared = {}, Prepared(_slide_details(powerpoint_slides(package)))
        else:
            changed, prepared = _prepare_open_document(package)
        if changed:
            _rewrite(package, path.with_name(f"prepared{path.suffix}"), changed)
    if changed:
        _replace(path)
    return prepared


def _replace(path: Path) -> None:
    path.with_name(f"prepared{path.suffix}").replace(path)


def _rewrite(package: ZipFile, target: Path, changed: dict[str, bytes]) -> None:
    with ZipFile(target, "w", ZIP_DEFLATED) as out:
        for info in package.infolist():
            data = changed.get(info.filename)
            kind = ZIP_STORED if info.filename == "mimetype" else ZIP_DEFLATED
            out.writestr(info.filename, package.read(info) if data is None else data, kind)
        for name in changed.keys() - set(package.namelist()):
            out.writestr(name, changed[name])


def _prepare_word(package: ZipFile) -> tuple[dict[str, bytes], Prepared]:
    names = package.namelist()
    pages = word_pages.count_saved_pages(parse_part(package.read(_PROPERTIES))) if _PROPERTIES in names else 0
    changed: dict[str, bytes] = {}
    too_large = as_saved = False
    for name in filter(_WORD_PART.fullmatch, names):
        if package.getinfo(name).file_size > _MAX_PART_BYTES:
            too_large = True
            continue
        data = package.read(name)
        has_links, has_changes = word_links.MARKERS.search(data), tracked_changes.WORD_MARKERS.search(data)
        has_breaks = pages and WORD_DOCUMENT.fullmatch(name) and word_pages.MARKERS.search(data)
        if not (has_links or has_changes or has_breaks):
            continue
        root = parse_part(data)
        if has_changes:
            tracked_changes.accept_word_changes(root)
        if has_links:
            word_links.style_links(root)
        if has_breaks:
            breaking = word_pages.styles_that_break(parse_part(package.read(_STYLES))) if _STYLES in names else _NONE
            as_saved = word_pages.break_pages_as_saved(root, pages, breaking)
        changed[name] = write_part(root)
    if any(word_links.MARKERS.search(data) for data in changed.values()):
        parts = {name: package.read(name) for name in word_links.STYLE_PARTS if name in names}
        changed |= word_links.parts_with_style(parts)
    return changed, Prepared(Details(notes=(_TOO_LARGE,) if too_large else ()), pages, as_saved)


def _prepare_open_document(package: ZipFile) -> tuple[dict[str, bytes], Prepared]:
    if _CONTENT not in package.namelist():
        return {}, Prepared()
    if package.getinfo(_CONTENT).file_size > _MAX_PART_BYTES:
        return {}, Prepared(Details(notes=(_TOO_LARGE,)))
    data = package.read(_CONTENT)
    root = parse_part(data)
    details = _slide_details(open_document_slides(root))
    if not tracked_changes.OPEN_DOCUMENT_MARKERS.search(data):
        return {}, Prepared(details)
    tracked_changes.accept_open_document_changes(root)
    return {_CONTENT: write_part(root)}, Prepared(details)


def _slide_details(slides: Sequence[SlideDetails]) -> Details:
    texts = {number: slide.texts for number, slide in enumerate(slides, 1) if slide.texts}
    hidden = [str(number) for number, slide in enumerate(slides, 1) if slide.hidden]
    if not hidden:
        return Details(texts)
    what = f"Slide {hidden[0]} is" if len(hidden) == 1 else f"Slides {_listed(hidden)} are"
    return Details(texts, (Note(f"{what} hidden in the presentation, and indexed with the others."),))


def _listed(numbers: Sequence[str]) -> str:
    shown = [*numbers[:10], "others"] if len(numbers) > 10 else list(numbers)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
