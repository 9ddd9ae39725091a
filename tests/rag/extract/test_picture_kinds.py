"""Tests of SVG, HEIC and AVIF, animations, and archives."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image, ImageChops, ImageDraw

from rag.errors import Unreadable
from rag.extract.file_types import detect_media_type
from rag.extract.guarded import GuardedExtractor
from rag.extract.key_frames import MAX_KEY_FRAMES
from rag.setting_groups import ReadSettings


def words(extractor: GuardedExtractor, path: Path, into: Path) -> str:
    pages = extractor.extract(path, 1, extractor.inspect(path).page_count, into)
    assert [page.error for page in pages] == [None] * len(pages)
    return " ".join(block.text for page in pages for block in page.blocks)


def svg(path: Path, content: str, before: str = "", size: str = 'width="400" height="200"') -> Path:
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    path.write_text(f"{before}<svg {spaces} {size}>{content}</svg>", encoding="utf-8")
    return path


def test_drawing_is_read_with_its_words(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    doctype = (
        '<?xml version="1.0"?><!-- a --><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://a.example/svg.dtd">\n'
    )
    text = '<rect width="400" height="200" fill="#0000ff"/><text x="40" y="99" fill="white">Pump house, Насос</text>'
    path = svg(tmp_path / "plan", text, doctype)
    assert reader.inspect(path).media_type == "image/svg+xml"
    assert words(reader, path, into) == "Pump house, Насос"
    with Image.open(into / "p0001.jpg") as image:
        assert image.size == (800, 400)
        assert image.convert("RGB").getpixel((400, 20)) == (0, 0, 254)


@pytest.mark.parametrize(
    ("content", "before"),
    [
        ('<script>document.write("x")</script><text y="99">tern</text>', ""),
        ('<image xlink:href="file:///etc/hostname" width="9" height="9"/><text y="99">tern</text>', ""),
        ('<image href="/proc/self/environ" width="9" height="9"/><text y="99">tern</text>', ""),
        ('<foreignObject><p>x</p></foreignObject><text y="99">tern</text>', ""),
        ('<text y="99">&b;tern</text>', '<!DOCTYPE svg [<!ENTITY b SYSTEM "file:///etc/hostname">]>'),
        ('<text y="99">tern</text>' + "<g>" * 200 + "</g>" * 200, ""),
    ],
    ids=["script", "file", "proc", "foreign", "entity", "nested"],
)
def test_hostile_drawing_shows_only_its_words(
    reader: GuardedExtractor, tmp_path: Path, into: Path, content: str, before: str
) -> None:
    assert words(reader, svg(tmp_path / "a.svg", content, before), into) == "tern"


XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '<rect x="20" y="20" width="160" height="60" fill="#eeeeff"/><g transform="translate(20, 20)">'
            f'<foreignObject width="160" height="60"><div {XHTML}><span>Pump house</span><br/>second &lt;floor&gt;'
            "</div></foreignObject></g>",
            "Pump house\nsecond <floor>",
        ),
        (
            f'<switch><foreignObject width="100%" height="100%"><div {XHTML} style="padding-top:45px"><p>Open the '
            'outer gate</p></div></foreignObject><text x="90" y="40" text-anchor="middle">Open the...</text></switch>'
            '<switch><g requiredFeatures="x"/><a><text>Text is not SVG - cannot display</text></a></switch>',
            "Open the outer gate",
        ),
        ('<switch><text x="9" y="40">first</text><text x="9" y="60">second</text></switch>', "first"),
        (
            f'<foreignObject x="9" y="9" width="90" height="50"><p {XHTML} style="display:none">x</p>'
            f"<p {XHTML}>tern</p></foreignObject>",
            "tern",
        ),
    ],
    ids=["mermaid", "drawio", "switch", "hidden"],
)
def test_labels_of_a_drawing_that_are_html_are_read(
    reader: GuardedExtractor, tmp_path: Path, into: Path, content: str, expected: str
) -> None:
    path = svg(tmp_path / "a.svg", content)
    assert reader.inspect(path).notes == ()
    assert words(reader, path, into) == expected


def test_picture_in_a_label_of_a_drawing_is_reported(reader: GuardedExtractor, tmp_path: Path) -> None:
    label = f'<foreignObject width="90" height="50"><p {XHTML}>tern <img src="a.png"/></p></foreignObject>'
    [note] = reader.inspect(svg(tmp_path / "a.svg", label)).notes
    assert note.lost
    assert "One picture" in note.text


def test_drawing_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    groups = (f'<use xlink:href="#g{at}"/>' * 30 for at in range(12))
    uses = "".join(f'<g id="g{at}">{group}</g>' for at, group in enumerate(groups, 1))
    path = svg(tmp_path / "a.svg", f'<defs><rect id="g0" width="1" height="1"/>{uses}</defs><use xlink:href="#g12"/>')
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, convert_seconds=1, page_seconds=1), None)
    try:
        with pytest.raises(Unreadable, match="longer than 2 s"):
            extractor.inspect(path)
    finally:
        extractor.close()


@pytest.mark.parametrize("size", ['width="1e30" height="1"', 'width="0" height="0"', 'width="200000" height="100"'])
def test_drawing_of_any_size_is_a_page_or_refused(
    reader: GuardedExtractor, tmp_path: Path, into: Path, size: str
) -> None:
    path = svg(tmp_path / "a.svg", '<text y="9">tern</text>', size=size)
    try:
        reader.extract(path, 1, reader.inspect(path).page_count, into)
    except Unreadable as refused:
        assert refused.hint  # noqa: PT017


def lettered(text: str, size: tuple[int, int] = (300, 120), color: str = "white") -> Image.Image:
    image = Image.new("RGB", size, color)
    ImageDraw.Draw(image).text((20, 40), text, fill="black", font_size=32)
    return image


@pytest.mark.parametrize(("kind", "media_type"), [("HEIF", "image/heic"), ("AVIF", "image/avif")])
def test_pictures_of_phones_are_read(
    reader: GuardedExtractor, tmp_path: Path, into: Path, kind: str, media_type: str
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    path = tmp_path / "photo"
    lettered("heron", color="red").save(path, kind)
    assert reader.inspect(path).media_type == media_type
    assert words(reader, path, into) == ""
    with Image.open(into / "p0001.jpg") as image:
        assert image.size == (300, 120)
        red, green, _ = image.convert("RGB").getpixel((150, 10))  # type: ignore[misc]
        assert red > 200 > 60 > green
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Unreadable, match="damaged"):
        reader.inspect(path)
    lettered("heron", (2001, 2000)).save(path, kind)
    with pytest.raises(Unreadable, match="more than 4 megapixels"):
        reader.inspect(path)


def test_film_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(4000))
    with pytest.raises(Unreadable, match="isn't supported"):
        detect_media_type(path, ReadSettings())


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_frames_that_differ_are_pages(reader: GuardedExtractor, tmp_path: Path, into: Path, kind: str) -> None:
    slides = [lettered(text) for text in ("First slide", "Second one", "Last words")]
    frames = []
    for number in range(9):
        frame = slides[number // 3].copy()
        frame.putpixel((number, 0), (0, 0, 0))  # so that the encoder keeps every frame
        frames.append(frame)
    path = tmp_path / "slides"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)
    inspection = reader.inspect(path)
    assert inspection.page_count == 3
    [note] = inspection.notes
    assert not note.lost
    assert note.text.startswith("Of the 9 frames")
    reader.extract(path, 1, 3, into)
    reader.extract(path, 2, 2, into)
    for number, slide in enumerate(slides, 1):
        with Image.open(into / f"p000{number}.jpg") as image:
            difference = ImageChops.difference(image.convert("L"), slide.convert("L"))
            different = sum(difference.histogram()[90:])
            assert different < 100


def test_long_animation_has_a_limited_number_of_pages(reader: GuardedExtractor, tmp_path: Path) -> None:
    frames = [lettered(str(number) * 12, (200, 100)) for number in range(50)]
    path = tmp_path / "long.gif"
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=50)
    inspection = reader.inspect(path)
    assert inspection.page_count == MAX_KEY_FRAMES
    [note] = inspection.notes
    assert note.lost
    assert note.text == "Of the 50 frames of the animation, 20 are pages; others that differ were left out."


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_steps_that_change_one_line_are_pages(reader: GuardedExtractor, tmp_path: Path, kind: str) -> None:
    frames: list[Image.Image] = []
    for text in ("step 1: open menu", "step 1: open menu", "step 2: press save", "step 3: done"):
        frame = Image.new("RGB", (1200, 800), "white")
        ImageDraw.Draw(frame).text((100, 100), text, fill="black", font_size=14)
        frame.putpixel((len(frames), 0), (0, 0, 0))  # so that the encoder keeps every frame
        frames.append(frame)
    path = tmp_path / "steps"
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=1000)
    inspection = reader.inspect(path)
    assert inspection.page_count == 3
    assert [note.lost for note in inspection.notes] == [False]


def test_last_frame_is_a_page_after_small_changes(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    frames = []
    for length in range(1, 9):
        frame = Image.new("RGB", (1200, 800), "white")
        ImageDraw.Draw(frame).rectangle((100, 100, 100 + length, 110), fill="black")
        frames.append(frame)
    path = tmp_path / "bar"
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=100)
    assert reader.inspect(path).page_count == 2
    [page] = reader.extract(path, 2, 2, into)
    with Image.open(into / (page.render or "")) as image:
        assert image.width == 800
        assert sum(image.convert("L").histogram()[:100]) > 20


def zip_archive(path: Path) -> None:
    with ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"\xff\xd8\xff")


def empty_zip(path: Path) -> None:
    ZipFile(path, "w").close()


def tar_archive(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())


def compressed_tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())


def seven_zip(path: Path) -> None:
    path.write_bytes(b"7z\xbc\xaf\x27\x1c\0\4" + bytes(90))


def rar(path: Path) -> None:
    path.write_bytes(b"Rar!\x1a\x07\x01\0" + bytes(90))


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (zip_archive, "a ZIP archive"),
        (empty_zip, "an empty ZIP archive"),
        (tar_archive, "a tar archive"),
        (compressed_tar, "a gzip archive"),
        (seven_zip, "a 7-Zip archive"),
        (rar, "a RAR archive"),
    ],
)
def test_archive_is_refused_by_its_name_with_the_remedy(
    reader: GuardedExtractor, tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    path = tmp_path / "all.pdf"
    write(path)
    with pytest.raises(Unreadable, match=f"The file is {name}.") as refused:
        reader.inspect(path)
    assert refused.value.hint == "Unpack it and share the files in it."
