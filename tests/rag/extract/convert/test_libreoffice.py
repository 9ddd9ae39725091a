"""Tests of office documents: type detection, and conversion by a fake LibreOffice and by the real one."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir
from typing import IO
from zipfile import ZipFile

import pytest

from rag.errors import ExtractorStopped, Unreadable
from rag.extract.convert.libreoffice import office_program
from rag.extract.file_types import detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import BlockKind, ExtractedPage
from rag.setting_groups import ReadSettings
from tests.rag.extract import office_files, papers
from tests.rag.extract.test_guarded import ends

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
POINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

FAKE_OFFICE = """#!{python}
import json, os, subprocess, sys, time

out, document = sys.argv[sys.argv.index("--outdir") + 1], sys.argv[-1]
behavior = {behavior!r}
if behavior == "fails":
    sys.exit(77)
if behavior == "again" and not os.path.exists("started"):
    open("started", "w").close()
    sys.exit(81)
if behavior == "hangs":
    subprocess.Popen([sys.executable, "-c", {left!r}])
    time.sleep(600)
if behavior == "slow":
    time.sleep(4)
if behavior != "nothing":
    import pymupdf  # takes seconds on a busy machine, longer than the time limit of the tests that hang

    os.makedirs(out, exist_ok=True)
    with pymupdf.open({pdf!r}) as made:
        made.set_metadata({{"title": f"Made at {{time.time_ns()}}"}})
        probed = {probe}
        report = json.dumps({{"argv": sys.argv[1:], "env": sorted(os.environ), "probed": probed}})
        made[0].insert_htmlbox((60, 100, 500, 800), report)
        made.save(os.path.join(out, os.path.splitext(os.path.basename(document))[0] + ".pdf"))
"""
"""A fake LibreOffice. It can only write to its own folder, so it reports its arguments in the pages of its PDF."""

LEFT_BEHIND = """
import fcntl, os, time
file = open("left.part", "w")
fcntl.flock(file, fcntl.LOCK_EX)
os.rename("left.part", "left")
time.sleep(600)
"""
"""A process that the fake starts and leaves behind; it holds a lock as long as it runs."""

OpenExtractor = Callable[..., GuardedExtractor]


class Office:
    """A fake LibreOffice with one of several behaviors."""

    def __init__(self, folder: Path, behavior: str, probe: str = "None") -> None:
        document = papers.new()
        for number in range(1, 13):
            papers.text_page(document, f"These are the words of page N{number}")
        pdf = papers.save(document, folder / "made-by-office.pdf")
        self.program = folder / "program" / "soffice"  # the layout of a LibreOffice installation
        self.program.parent.mkdir()
        self.program.write_text(
            FAKE_OFFICE.format(python=sys.executable, behavior=behavior, pdf=str(pdf), probe=probe, left=LEFT_BEHIND)
        )
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def left(self) -> IO[str]:
        """Return the open file that the left-behind process has locked, as soon as it exists."""
        end = time.monotonic() + 60
        pattern = f"magpie-read-{os.getpid()}-*/*/office/left"
        while not (found := list(Path(gettempdir()).glob(pattern))):
            assert time.monotonic() < end, "the fake was not started"
        return found[0].open()


def await_end(left: IO[str]) -> None:
    """Wait until the process that holds the lock has ended; works across process namespaces."""
    with left:
        fcntl.flock(left, fcntl.LOCK_EX)


@pytest.fixture
def office(tmp_path: Path) -> Callable[..., Office]:
    return lambda behavior, probe="None": Office(tmp_path, behavior, probe)


@pytest.fixture
def open_extractor() -> Iterator[OpenExtractor]:
    extractors: list[GuardedExtractor] = []

    def start_extractor(**more: object) -> GuardedExtractor:
        plain: dict[str, object] = {"layout": False, "ocr": False, "render_px": 400}
        extractors.append(GuardedExtractor(ReadSettings.model_validate(plain | more), None))
        return extractors[-1]

    yield start_extractor
    for extractor in extractors:
        extractor.close()


def good(folder: Path) -> Path:
    document = papers.new()
    papers.text_page(document)
    return papers.save(document, folder / "good.pdf")


def numbers(pages: list[ExtractedPage]) -> list[str]:
    text = " ".join(block.text for page in pages for block in page.blocks)
    return [word for word in text.split() if word[0] == "N" and word[1:].isdigit()]


def test_converts_a_document_once(
    tmp_path: Path,
    into: Path,
    office: Callable[..., Office],
    open_extractor: OpenExtractor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    extractor = open_extractor(office=str(office("works").program))
    path = office_files.docx(tmp_path / "0123abcd", ["one"])
    found = extractor.inspect(path)
    assert (found.media_type, found.page_count) == (WORD, 12)
    pages = [page for first in (1, 9) for page in extractor.extract(path, first, min(first + 7, 12), into)]
    assert numbers(pages) == [f"N{number}" for number in range(1, 13)]
    assert all((into / (page.render or "")).is_file() for page in pages)
    report = " ".join(block.text for block in pages[0].blocks)
    assert "document.docx" in report
    assert "--headless" in report
    assert "UserInstallation=file:///" in report
    assert "SLACK" not in report
    assert "MAGPIE" not in report


def test_restarts_libreoffice_on_exit_status_81(
    tmp_path: Path, office: Callable[..., Office], open_extractor: OpenExtractor
) -> None:
    extractor = open_extractor(office=str(office("again").program))
    assert extractor.inspect(office_files.docx(tmp_path / "file", ["one"])).page_count == 12


def test_caches_two_conversions_and_converts_changed_documents_again(
    tmp_path: Path, office: Callable[..., Office], open_extractor: OpenExtractor
) -> None:
    extractor = open_extractor(office=str(office("works").program))
    a, b, c = (office_files.pptx(tmp_path / name, [name]) for name in "abc")
    assert extractor.inspect(a).media_type == POINT
    made = [extractor.inspect(path).title for path in (b, a, b, a)]
    assert made[0] == made[2] != made[1] == made[3]
    replaced = [extractor.inspect(path).title for path in (c, c, a)]  # c evicts b, which is older than a
    assert replaced[0] == replaced[1] not in made
    office_files.pptx(a, ["another text"])
    assert extractor.inspect(a).title not in made + replaced


def test_new_child_converts_again_within_the_conversion_time_limit(
    tmp_path: Path, into: Path, office: Callable[..., Office], open_extractor: OpenExtractor
) -> None:
    extractor = open_extractor(office=str(office("slow").program), page_seconds=2, convert_seconds=30)
    path = office_files.docx(tmp_path / "file", ["one"])
    found = extractor.inspect(path)
    assert found.page_count == 12
    assert extractor.pid is not None
    os.kill(extractor.pid, signal.SIGKILL)
    assert ends(extractor.pid)
    assert numbers(extractor.extract(path, 3, 4, into)) == ["N3", "N4"]
    assert extractor.inspect(path).title != found.title


@pytest.mark.parametrize("behavior", ["fails", "nothing"])
def test_refuses_a_document_that_libreoffice_cannot_open(
    tmp_path: Path, office: Callable[..., Office], open_extractor: OpenExtractor, behavior: str
) -> None:
    extractor = open_extractor(office=str(office(behavior).program))
    with pytest.raises(Unreadable, match="damaged, or encrypted") as refused:
        extractor.inspect(office_files.docx(tmp_path / "file", ["one"]))
    assert refused.value.hint
    assert extractor.inspect(good(tmp_path)).page_count == 1


def test_hanging_conversion_is_killed_with_its_processes(
    tmp_path: Path, office: Callable[..., Office], open_extractor: OpenExtractor
) -> None:
    hangs = office("hangs")
    extractor = open_extractor(office=str(hangs.program), convert_seconds=3)
    assert (
        extractor.inspect(good(tmp_path)).page_count == 1
    )  # started here, since the child ends with the thread that started it
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(extractor.inspect, office_files.docx(tmp_path / "file", ["one"]))
        left = hangs.left()
        with pytest.raises(Unreadable, match="within 3 s"):
            waiting.result(timeout=60)
    await_end(left)
    pid = extractor.pid
    assert extractor.inspect(good(tmp_path)).page_count == 1
    assert extractor.pid == pid


def test_close_kills_a_running_conversion(
    tmp_path: Path, office: Callable[..., Office], open_extractor: OpenExtractor
) -> None:
    hangs = office("hangs")
    extractor = open_extractor(office=str(hangs.program))
    path = office_files.docx(tmp_path / "file", ["one"])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(extractor.inspect, path)
        left = hangs.left()
        extractor.close()
        with pytest.raises(ExtractorStopped, match="stopped"):
            waiting.result(timeout=20)
    await_end(left)


# ---------------------------------------------------------------- type detection


def zipped(**parts: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name.replace("__", "/").replace("Types", "[Content_Types].xml"), content)

    return write


ODF_NAMES = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
ODF_TYPE = "application/vnd.oasis.opendocument."
WORD_2003 = "http://schemas.microsoft.com/office/word/2003/wordml"
WORD_XML = "application/x-wordml"


def flat(root: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(f'<?xml version="1.0"?>\n<!-- a comment -->{root}', encoding="utf-8")

    return write


def truncated(path: Path) -> None:
    office_files.docx(path, ["one"])
    path.write_bytes(path.read_bytes()[:300])


def bomb(path: Path) -> None:
    with ZipFile(path, "w", 8) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", bytes(11 << 20))


def compound(*streams: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        names = b"".join(f"{stream}\0".encode("utf-16-le").ljust(64, b"\0") for stream in streams)
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + names)

    return write


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (zipped(**{"photo.jpg": b"\xff\xd8\xff"}), "a ZIP archive"),
        (
            zipped(
                mimetype="application/vnd.oasis.opendocument.text",
                **{"META-INF__manifest.xml": "<m:encryption-data/>"},
            ),
            "encrypted",
        ),
        (truncated, "damaged"),
        (bomb, "has 11 MB in 2 parts; the limits are 10 MB"),
        (compound("Root Entry", "EncryptedPackage"), "encrypted"),
        (compound("Root Entry"), "an Office format"),
        (flat('<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'), "saved as XML"),
        (flat(f'<office:document {ODF_NAMES} office:mimetype="{ODF_TYPE}chart">'), "isn't a text or presentation"),
    ],
    ids=["photos", "locked-odt", "truncated", "bomb", "locked-docx", "msg", "flat-package", "flat-chart"],
)
def test_refuses_unsupported_office_files(tmp_path: Path, write: Callable[[Path], None], reason: str) -> None:
    path = tmp_path / "file.docx"
    write(path)
    with pytest.raises(Unreadable, match=reason) as refused:
        detect_media_type(path, ReadSettings(max_mb=1))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("write", "media_type"),
    [
        (lambda path: office_files.docx(path, ["one"]), WORD),
        (lambda path: office_files.pptx(path, ["one"]), POINT),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text"),
        (
            zipped(mimetype="application/vnd.oasis.opendocument.presentation-template"),
            "application/vnd.oasis.opendocument.presentation",
        ),
        (compound("Root Entry", "WordDocument"), "application/msword"),
        (compound("PowerPoint Document"), "application/vnd.ms-powerpoint"),
        (lambda path: path.write_text(r"{\rtf1 words}"), "application/rtf"),
        (
            lambda path: office_files.docx(path, ["one"], main="application/vnd.ms-word.template.macroEnabledTemplate"),
            WORD,
        ),
        (lambda path: office_files.pptx(path, ["one"], main=f"{POINT[:-12]}slideshow.main+xml"), POINT),
        (zipped(mimetype=f"{ODF_TYPE}graphics"), f"{ODF_TYPE}graphics"),
        (flat(f'<office:document {ODF_NAMES} office:mimetype="{ODF_TYPE}text">'), f"{ODF_TYPE}text-flat-xml"),
        (flat('<?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="' + WORD_2003 + '">'), WORD_XML),
        (zipped(Types="<Types/>", **{"word\\document.xml": "<x/>"}), WORD),
    ],
    ids=["docx", "pptx", "odt", "otp", "doc", "ppt", "rtf", "dotm", "ppsx", "odg", "fodt", "xml", "backslashes"],
)
def test_detects_office_types_by_content(tmp_path: Path, write: Callable[[Path], None], media_type: str) -> None:
    path = tmp_path / "file.txt"
    write(path)
    assert detect_media_type(path, ReadSettings()) == media_type


# ---------------------------------------------------------------- the real LibreOffice

real = pytest.mark.skipif(office_program("") is None, reason="LibreOffice is not installed")


@real
def test_libreoffice_converts_documents(tmp_path: Path, into: Path, open_extractor: OpenExtractor) -> None:
    extractor = open_extractor()
    word = office_files.docx(
        tmp_path / "a", ["Words of page N1", "and of page N2: Größe, Привет"], title="Minutes of the harbour"
    )
    assert extractor.inspect(word).title == "Minutes of the harbour"
    pages = extractor.extract(word, 1, 2, into)
    assert [numbers([page]) for page in pages] == [["N1"], []]
    assert pages[1].blocks[0].text == "and of page N2: Größe, Привет"
    slides = office_files.pptx(tmp_path / "b", ["Slide N1", "Slide N2", "Slide N3"])
    assert extractor.inspect(slides).page_count == 3
    pages = extractor.extract(slides, 1, 3, into)
    assert [numbers([page]) for page in pages] == [["N1"], ["N2"], ["N3"]]
    assert pages[0].width > pages[0].height
    rich = tmp_path / "c"
    rich.write_text(r"{\rtf1\ansi Rich words of page N1}")
    assert numbers(extractor.extract(rich, 1, 1, into)) == ["N1"]
    xml = tmp_path / "d"
    xml.write_text(
        f'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="{WORD_2003}"><w:body>'
        "<w:p><w:r><w:t>Words of page N1</w:t></w:r></w:p></w:body></w:wordDocument>"
    )
    assert numbers(extractor.extract(xml, 1, 1, into)) == ["N1"]


@real
def test_damaged_document_is_refused_with_our_message(tmp_path: Path, open_extractor: OpenExtractor) -> None:
    broken = office_files.package(
        tmp_path / "broken", {"[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document><w:body><w:p"}
    )
    with pytest.raises(Unreadable, match="can't be read"):
        open_extractor().inspect(broken)


@real
def test_libreoffice_loads_nothing_from_outside(tmp_path: Path, into: Path, open_extractor: OpenExtractor) -> None:
    """A loaded picture would tell its author who opens the document, or show files of this machine."""
    asked = threading.Event()

    class Listening(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.set()

        do_GET = do_HEAD = do_OPTIONS = do_PROPFIND = lambda self: self.send_error(404)

    picture = tmp_path / "secret.png"
    papers.lettering("Secret").save(picture)
    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            addresses = [f"http://127.0.0.1:{server.server_port}/seen.png", picture.as_uri()]
            extractor = open_extractor()
            paths = [
                office_files.docx(tmp_path / "spy", ["Words of page N1"], pictures=addresses),
                flat_spy(tmp_path / "flat-spy", addresses),
                word_xml_spy(tmp_path / "xml-spy", addresses),
            ]
            pages = [extractor.extract(path, 1, 1, into)[0] for path in paths]
        finally:
            server.shutdown()
            thread.join()
    assert [numbers([page]) for page in pages] == [["N1"]] * 3
    assert not [block for page in pages for block in page.blocks if block.picture]
    assert not asked.is_set()


def flat_spy(path: Path, addresses: list[str]) -> Path:
    frames = "".join(
        f'<draw:frame svg:width="5cm" svg:height="5cm"><draw:image xlink:href="{address}" xlink:actuate="onLoad"/>'
        f'</draw:frame><text:section text:name="s"><text:section-source xlink:href="{address}"/></text:section>'
        for address in addresses
    )
    path.write_text(
        f'<office:document {ODF_NAMES} office:mimetype="{ODF_TYPE}text" xmlns:xlink="http://www.w3.org/1999/xlink"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"'
        ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
        ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0">'
        f"<office:body><office:text><text:p>N1</text:p>{frames}</office:text></office:body></office:document>"
    )
    return path


def word_xml_spy(path: Path, addresses: list[str]) -> Path:
    pictures = "".join(
        f'<w:p><w:r><w:pict><v:shape style="width:99pt;height:99pt"><v:imagedata src="{address}"/></v:shape></w:pict>'
        f'<w:instrText> INCLUDEPICTURE "{address}" \\d </w:instrText></w:r></w:p>'
        for address in addresses
    )
    path.write_text(
        f'<?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="{WORD_2003}" '
        f'xmlns:v="urn:schemas-microsoft-com:vml"><w:body><w:p><w:r><w:t>N1</w:t></w:r></w:p>{pictures}</w:body></w:wordDocument>'
    )
    return path


COMMENTS = (
    '<?xml version="1.0"?><w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
    '<w:comment w:id="0" w:author="Ada Wren"><w:p><w:r><w:t>Ask the pier master.</w:t></w:r></w:p></w:comment>'
    "</w:comments>"
)


@real
def test_word_document_says_what_stands_beside_its_text(
    tmp_path: Path, into: Path, open_extractor: OpenExtractor
) -> None:
    commented = (
        '<w:commentRangeStart w:id="0"/><w:r><w:t>rota</w:t></w:r><w:commentRangeEnd w:id="0"/>'
        '<w:r><w:commentReference w:id="0"/></w:r>'
    )
    body = (
        f'<w:p><w:hyperlink r:id="rLink0"><w:r><w:t>The rota</w:t></w:r></w:hyperlink></w:p><w:p>{commented}'
        '<w:del w:id="1"><w:r><w:delText>struck</w:delText></w:r></w:del></w:p>'
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>vanished</w:t></w:r></w:p>"
        "<w:p><w:r><w:lastRenderedPageBreak/><w:t>N2</w:t></w:r></w:p>"
    )
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.comments+xml"
    app = "application/vnd.openxmlformats-officedocument.extended-properties+xml"
    path = office_files.docx(
        tmp_path / "file",
        [],
        body=body,
        links=["https://wiki.example/rota?a=1&amp;b=2"],
        more={
            "word/comments.xml": (kind, "comments", COMMENTS),
            "docProps/app.xml": (app, "", "<Properties><Pages>2</Pages></Properties>"),
        },
    )
    extractor = open_extractor()
    found = extractor.inspect(path)
    assert (found.page_count, found.notes) == (2, ())
    first, second = extractor.extract(path, 1, 2, into)
    assert numbers([second]) == ["N2"]
    texts = [block.text for block in first.blocks]
    assert "Link: The rota https://wiki.example/rota?a=1&b=2" in texts
    assert not {"struck", "vanished"} & set(" ".join(texts).split())


@real
def test_slides_keep_their_numbers_and_say_their_notes(
    tmp_path: Path, into: Path, open_extractor: OpenExtractor
) -> None:
    path = office_files.pptx(tmp_path / "file", ["N1", "N2", "N3"], hidden=[2], notes={3: "Say this slowly."})
    extractor = open_extractor()
    found = extractor.inspect(path)
    assert found.page_count == 3
    assert [note.text for note in found.notes] == [
        "Slide 2 is hidden in the presentation, and indexed with the others."
    ]
    pages = extractor.extract(path, 1, 3, into)
    assert numbers(pages) == ["N1", "N2", "N3"]
    assert [block.text for page in pages for block in page.blocks if block.kind is BlockKind.ASIDE] == [
        "Speaker notes: Say this slowly."
    ]
