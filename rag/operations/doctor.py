"""Check every part of an installation by using it, for `magpie doctor`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from rag.catalog import Catalog, documents, outages, statuses
from rag.catalog.index_filling import read_renewal
from rag.catalog.summary import find_damage
from rag.data_dir import is_accessible_to_others, temporary_folder
from rag.errors import MagpieError
from rag.extract.convert.libreoffice import CONFINEMENT_REMEDY, OFFICE_OFF, libreoffice_gap, office_program
from rag.extract.convert.office_fonts import FONTS_REMEDY, missing_fonts
from rag.ingest.captions import Captions, harmless_picture
from rag.ingest.disk_space import DiskSpace
from rag.ingest.ownership import is_owned
from rag.model.extraction import ExtractedPage
from rag.model.operations import Check
from rag.operations.generator_check import check_generator
from rag.operations.gpu import check_cards, installed_cuda
from rag.operations.index_checks import check_page_images, check_stored
from rag.operations.reranker_check import check_reranker
from rag.ports import Extractor, Generator
from rag.sandbox import bubblewrap_prefix, confinement_gap, landlock_abi
from rag.scripts import installed_models, readable_scripts, tesseract_program
from rag.search.reranking import Reranking
from rag.settings import Settings
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.indexes import ClipIndex
from rag.vectors.sync import VectorStoreSync
from rag.vectors.text_indexes import TextIndexes

CODE_WORD = "KESTREL 4719"
"""Drawn into a picture that OCR and a vision model must read."""

_LOW_DISK_GB = 2
_NAMED = 3

_TEXT_ONLY = "of DOCX, PPTX, ODT and ODP only the text is read; DOC, PPT and RTF are refused"

_TRAIN = "magpie train-projection, or set MAGPIE_EMBED__QUERY_SIDE=clip"

_GOES_ON = "It goes on while Magpie runs, or with: magpie index, on any file"

_BUILT_IN = "Latin, Chinese, Japanese"
_INSTALL_SCRIPTS = (
    "Debian, for Russian and Arabic for example: sudo apt install tesseract-ocr tesseract-ocr-rus tesseract-ocr-ara"
)


def checks(
    settings: Settings,
    catalog: Catalog,
    indexes: VectorIndexes,
    captions: Captions,
    reranking: Reranking | None,
    space: DiskSpace,
    open_extractor: Callable[[], Extractor],
    generator: Generator | None,
) -> Iterator[Check]:
    """Yield the result of each check as soon as it is known. Nothing is changed."""
    yield _python()
    yield _disk(settings.data, space)
    yield _folder(settings.data)
    yield from _catalog(catalog, settings.data)
    with temporary_folder("doctor") as name:
        picture = _draw_code_word(Path(name) / "code-word.png")
        yield from _extractor(open_extractor, picture, ocr=settings.read.ocr)
        if settings.read.ocr:
            yield _scripts()
        yield _confinement()
        yield _office(settings.read.office)
        yield from _fonts(settings.read.office)
        yield from check_cards(installed_cuda())
        yield from _clip(indexes.clip, picture)
        yield from _text(indexes.text, is_enabled=bool(settings.text.model))
        yield from check_page_images(indexes.pages, settings.page_images, picture, CODE_WORD)
        yield _space(indexes.sync)
        yield from _projection(indexes.clip)
        yield check_reranker(reranking)
        yield from check_generator(generator, settings.answer, picture, CODE_WORD)
        yield from _captions(captions)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", "ok", f"Python {version}")


def _disk(data: Path, space: DiskSpace) -> Check:
    if shortage := space.shortage():
        return Check("disk", "fail", *shortage)
    free = shutil.disk_usage(data).free / 1e9
    if free < _LOW_DISK_GB:
        return Check(
            "disk", "fail", f"{free:.1f} GB free for {data}", "Free some space, or set MAGPIE_DATA to a larger disk."
        )
    return Check("disk", "ok", f"{free:.0f} GB free for {data}")


def _folder(data: Path) -> Check:
    if not os.access(data, os.W_OK | os.X_OK):
        return Check("data folder", "fail", f"{data} cannot be written", "Check its owner and its permissions.")
    if is_accessible_to_others(data):
        detail = f"other users of this machine can open {data}"
        return Check("data folder", "warn", detail, f"As its owner: chmod 700 {shlex.quote(str(data))}")
    return Check("data folder", "ok", "only its owner can open it")


def _catalog(catalog: Catalog, data: Path) -> Iterator[Check]:
    with catalog.read_transaction() as connection:
        damage = find_damage(connection)
    if damage:
        detail = f"the file is damaged; SQLite reports: {damage.splitlines()[-1]}"
        yield Check(
            "catalog", "fail", detail, "Restore a backup of the data folder, or move catalog.db away and index again."
        )
        return
    with catalog.read_transaction() as connection:
        pages, chunks = documents.count_pages_and_chunks(connection)
        rows = statuses.list_statuses(connection)
        full_text = read_renewal(connection)
        down_now = outages.list_outages(connection)
    yield Check("catalog", "ok", f"{len(rows)} files, {pages} pages, {chunks} chunks; the file is not damaged")
    if full_text is not None:
        detail = f"written again by a newer version: {full_text.waiting:,} of {full_text.total:,} texts wait"
        yield Check("full-text index", "warn", detail, f"The old one is searched meanwhile. {_GOES_ON}")
    for down in down_now:
        detail = f"{down.waiting} files of the kind {down.kind} wait: {down.reason}"
        yield Check("fetching", "fail" if down.needs_operator else "warn", detail, down.hint)
    failed = [row for row in rows if row.state == "failed"]
    if failed:
        detail = f"{len(failed)} could not be read: {_some(failed)}"
        yield Check("files", "warn", detail, "For the reason of each, run: magpie status")
    incomplete = [row for row in rows if row.state != "failed" and row.lost]
    if incomplete:
        detail = f"{len(incomplete)} were read in part only: {_some(incomplete)}"
        yield Check("parts of files", "warn", detail, "For the pages and the reasons, run: magpie status")
    if os.access(data, os.W_OK):
        owner = "another Magpie process is working" if is_owned(data) else "no Magpie process is working"
        yield Check("owner", "ok", f"{owner} on this data folder")


def _some(rows: Sequence[statuses.SourceStatus]) -> str:
    """Return the names of the first files, and how many more there are."""
    names = ", ".join(row.name for row in rows[:_NAMED])
    return names if len(rows) <= _NAMED else f"{names} and {len(rows) - _NAMED} more"


def _space(sync: VectorStoreSync) -> Check:
    try:
        live, places = sync.usage()
        is_wasteful = sync.is_wasteful()
    except MagpieError as error:
        return Check("vector store size", "warn", str(error), error.hint)
    detail = f"{live} vectors, space for {places}"
    if is_wasteful:
        hint = "It is rebuilt after the next deletion: magpie forget FILE."
        return Check("vector store size", "warn", f"{detail}: deleted vectors are still on disk", hint)
    return Check("vector store size", "ok", detail)


def _extractor(open_extractor: Callable[[], Extractor], picture: Path, *, ocr: bool) -> Iterator[Check]:
    try:
        with closing(open_extractor()) as extractor, temporary_folder("doctor") as into:
            extractor.inspect(picture)
            page = extractor.extract(picture, 1, 1, Path(into))[0]
            problem = extractor.load_models()
    except MagpieError as error:
        yield Check("reading", "fail", str(error), error.hint or "Install Magpie again with `make install`.")
        return
    yield _recognition(page, ocr=ocr)
    if problem:
        detail = f"layout analysis is off: {problem}; tables and figures are found from the file alone"
        fix = "Install Magpie again with `make install`, then run: magpie reindex"
        yield Check("layout", "warn", detail, fix)


def _recognition(page: ExtractedPage, *, ocr: bool) -> Check:
    words = " ".join(block.text for block in page.blocks)
    if not ocr:
        return Check("reading", "warn", "OCR is off: scans and screenshots have no words", "Set MAGPIE_READ__OCR=true.")
    if CODE_WORD.replace(" ", "") not in words.replace(" ", "").upper():
        return Check("reading", "fail", f"OCR read {words!r} instead of {CODE_WORD!r}", "Install Magpie again.")
    return Check("reading", "ok", f"the reading process works; OCR read {CODE_WORD!r} from a picture")


def _scripts() -> Check:
    program = tesseract_program()
    if program is None:
        return Check("scripts", "warn", f"OCR reads {_BUILT_IN} only: Tesseract was not found", _INSTALL_SCRIPTS)
    installed = installed_models(program)
    if "osd" not in installed:
        detail = "scripts of pictures are not detected: Tesseract's model `osd` was not found"
        return Check("scripts", "warn", detail, "Debian: sudo apt install tesseract-ocr-osd")
    names = [_BUILT_IN, *readable_scripts(installed)]
    return Check("scripts", "ok", f"OCR reads text in {', '.join(names)}")


def _confinement() -> Check:
    gap = confinement_gap()
    if gap is not None:
        detail = f"{gap}: files are read in a process that holds no secrets, but that could reach others; "
        return Check("confinement", "warn", f"{detail}LibreOffice is not used", CONFINEMENT_REMEDY)
    layers = f"Landlock {landlock_abi()}, seccomp{', bubblewrap' if bubblewrap_prefix((), ()) else ''}"
    return Check("confinement", "ok", f"the reading process reaches no network and no files but its own ({layers})")


def _office(setting: str) -> Check:
    gap = libreoffice_gap(setting)
    if gap is None:
        return Check("office", "ok", f"office documents are opened with {office_program(setting)}")
    if setting == OFFICE_OFF:
        return Check("office", "off", _TEXT_ONLY)
    return Check("office", "warn", f"{str(gap).rstrip('.')}: {_TEXT_ONLY}", gap.hint)


def _fonts(setting: str) -> Iterator[Check]:
    """Check the fonts that decide where the pages of office documents end."""
    if libreoffice_gap(setting) is not None:
        return
    missing = missing_fonts()
    if missing is None:
        yield Check("fonts", "ok", "unknown: fontconfig's fc-match was not found")
    elif missing:
        detail = f"no font is as wide as {', '.join(missing)}: pages of office documents can end elsewhere than in Word"
        yield Check("fonts", "warn", detail, f"{FONTS_REMEDY} Then run: magpie reindex")
    else:
        yield Check("fonts", "ok", "there are fonts as wide as Office's")


def _clip(index: ClipIndex, picture: Path) -> Iterator[Check]:
    identity = index.identity(at_once=True)
    if identity is None:
        waiting = index.off.startswith("waiting")  # for the GPU host, so the lanes are not off
        yield Check("picture lanes", "warn", index.off if waiting else f"off: {index.off}", index.fix)
        return
    try:
        vectors = index.embed_picture(picture) + index.embed_query(CODE_WORD)
    except MagpieError as error:
        yield Check("picture lanes", "fail", str(error), error.hint)
        return
    yield from check_stored(index, "picture lanes", f"{identity}, {len(vectors[0])} dimensions", "vector store")


def _text(index: TextIndexes, *, is_enabled: bool) -> Iterator[Check]:
    identity = index.identity(at_once=True)
    chosen = index.describe()
    if identity is None:
        of = f" ({chosen})" if chosen is not None else ""
        if is_enabled:
            yield Check("text vectors", "warn", f"off: {index.off}{of}", index.fix)
        else:
            yield Check("text vectors", "off", index.off)
        return
    try:
        vectors = index.embed_query(CODE_WORD)
    except MagpieError as error:
        yield Check("text vectors", "fail", str(error), error.hint)
        return
    detail = f"{identity}, {len(vectors[0])} dimensions"
    if chosen is not None:
        detail = f"{chosen}; {detail}"
    yield from check_stored(index, "text vectors", detail, "store of text vectors")


def _projection(index: ClipIndex) -> Iterator[Check]:
    if index.projection is None:
        return
    found = index.projection.current()
    if isinstance(found, str):
        yield Check("projection", "warn", f"not used: {found}", _TRAIN)
    else:
        yield Check("projection", "ok", "questions for pictures are projected text vectors")


def _captions(captions: Captions) -> Iterator[Check]:
    """Check the captioner by captioning one picture."""
    if not captions.is_enabled:
        detail = "pictures are found by their own words; set MAGPIE_CAPTION__MODEL to turn them on"
        yield Check("captions", "off", detail)
        return
    captioner = captions.captioner(at_once=True)
    if captioner is None:
        yield Check("captions", "warn", f"off: {captions.off}", captions.fix)
        return
    try:
        caption = captioner.caption(harmless_picture(), threading.Event())
    except MagpieError as error:
        yield Check("captions", "warn", str(error), error.hint)
        return
    waiting = captions.count_waiting()
    if waiting:
        yield Check(
            "captions",
            "warn",
            f"by {captioner.identity}; {waiting} pictures wait for captions",
            "magpie index, on any file",
        )
    else:
        yield Check("captions", "ok", f"by {captioner.identity}; of a square: {' '.join(caption.split())[:60]!r}")


def _draw_code_word(path: Path) -> Path:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (640, 160), "white")
    ImageDraw.Draw(picture).text((40, 45), CODE_WORD, fill="black", font=ImageFont.load_default(64))
    picture.save(path)
    return path
