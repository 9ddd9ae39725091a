"""Tests of the encodings of texts."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from rag.errors import Unreadable
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.text_files import newest_text
from rag.extract.guarded import GuardedExtractor

POLISH = "Łódź żaglowa stoi przy nabrzeżu. Strażnik zamyka bramę o dziewiątej."
GERMAN = "Die Prüfung der Schläuche erfolgt nächste Woche."
TURKISH = "Gemi iskeleye yanaştığında bekçi kapıyı açar."
RUSSIAN = "Шлюз открывается по утрам, маяк светит зелёным огнём до рассвета."
GREEK = "Ο φάρος ανάβει κάθε βράδυ και το λιμάνι κλείνει στις εννέα."
JAPANESE = "港の灯台は毎晩九時に点灯します。鍵は管理人が持っています。"
CHINESE = "港口的灯塔每天晚上九点亮起,钥匙由看守人保管。"

ENCODED = [
    (POLISH, "cp1250 iso8859_2 mac_latin2 cp852 utf_16_be"),
    (GERMAN, "cp1252 mac_roman cp850 cp437 utf_16_le"),
    ("„Größe“ – zehn € für 3 m² bei 20 °C", "cp1252"),
    ("“Don’t touch the pump” said the crew — it’s “broken”.", "cp1252 mac_roman"),
    ("La révision des pompes est prévue à l’été, près du château.", "cp1252 mac_roman"),
    ("Œuvre à côté du cœur", "cp1252 iso8859_15"),
    ("El señor ¿cuándo? vendrá mañana ¡ojalá!", "cp1252"),
    ("Þetta er gott kvöld á bænum og það rignir mikið í dag.", "cp1252"),
    ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250"),
    ("Árvíztűrő tükörfúrógép a kikötőben.", "cp1250"),
    ("Farul se aprinde în fiecare seară şi cheia este la paznic.", "cp1250"),
    (TURKISH, "cp1254 iso8859_9 mac_turkish"),
    ("Işık yandı, kapı kapalı, balıkçı uyudu.", "cp1254"),
    ("Uosto švyturys įjungiamas kiekvieną vakarą devintą valandą.", "cp1257"),
    (RUSSIAN, "cp1251 koi8_r cp866 mac_cyrillic iso8859_5 utf_16_le"),
    ("Маяк світить щовечора, ключ у сторожа, їжак біля ґанку.", "cp1251 koi8_u"),
    (GREEK, "cp1253 iso8859_7"),
    (JAPANESE, "shift_jis euc_jp iso2022_jp"),
    (CHINESE, "gb18030"),
    (f"{CHINESE}\n{CHINESE}\n", "utf_16_le"),
    ("港口的燈塔每天晚上九點亮起,鑰匙由看守人保管。", "big5"),
    ("항구의 등대는 매일 밤 아홉 시에 켜지고 열쇠는 관리인이 보관한다.", "euc_kr"),
    ("המגדלור בנמל נדלק בכל ערב בשעה תשע והמפתח אצל השומר", "cp1255"),
    ("تضاء منارة الميناء كل ليلة في التاسعة والمفتاح عند الحارس", "cp1256"),
    ("ประภาคารของท่าเรือเปิดไฟทุกคืนเวลาสามทุ่ม", "cp874"),
    ("Total: Итого 5", "cp1251"),
    ("Antonín Dvořák", "cp1250"),
    ("Bucureşti: preţul este de 5 lei", "cp1250"),
]

SHORT_WESTERN = [
    "The filter has a pore size of 0.45 µm and costs £12.",
    "Le diamètre est de 5 µm à 20 °C.",
    "part;size\nA;10 µm\nB;5 µm\n",
    "Ångström 5 µm",
    "Größe 10 µm, Höhe 5 µm",
    "getÜberschrift() und setÄnderung()",
    "McÉwan, O'Ñeill and DeÁvila met Zoë and François, Jürgen.",
    "Area 5 m², U = 0.2 W/m²K, Ø 5 mm, ß decay",
    "El 1º de mayo, nº 5, la 2ª vez",
    "Ports: Tromsø, Málaga, Besançon, Zürich and Molière",
    "Länge×Breite, 5±2",
    "Wait…what? See note¹ of © 2024 • 10 µl",
    "latency_us;5 µs\nlatency;10 µs\n",
]


@pytest.mark.parametrize(
    ("text", "encoding"), [(text, encoding) for text, encodings in ENCODED for encoding in encodings.split()]
)
def test_encoding_is_detected(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize("text", SHORT_WESTERN)
def test_short_western_text_with_units_and_names_is_read_as_written(text: str) -> None:
    assert decode_text(text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Größe in µm".encode(), "Größe in µm"),
        ("\ufeffGröße".encode(), "Größe"),
        ("Größe".encode("utf-16"), "Größe"),
        (b"\xfe\xff" + "Größe".encode("utf-16-be"), "Größe"),
        ("Größe – „zehn“ €".encode("cp1252"), "Größe – „zehn“ €"),
        ("ein Wörterbuch, schöne Größen und Öfen".encode()[:-1] + b"\xc3", "ein Wörterbuch, schöne Größen und Öfe"),
        (bytes(range(256)), None),
        (b"\x01\x02\x03\x04words", None),
        ("Größe".encode("utf-16-le"), "Größe"),
    ],
)
def test_decode_text_detects_encodings_and_binary_data(data: bytes, text: str | None) -> None:
    assert decode_text(data) == text


def test_decode_text_tolerates_broken_characters() -> None:
    data = ("Grüße aus dem Häfen. " * 30).encode() + b"\xff end"
    assert decode_text(data) == "Grüße aus dem Häfen. " * 30 + "\ufffd end"
    cut = "schöne Grüße".encode()[:-2]
    assert decode_text(cut, whole=False) == "schöne Gr" or "schöne Grü" in (decode_text(cut, whole=False) or "")


@pytest.mark.parametrize(
    ("text", "encoding"), [(GERMAN, "mac_roman"), (RUSSIAN, "koi8_r"), (CHINESE, "gb18030"), (JAPANESE, "euc_jp")]
)
@pytest.mark.parametrize("end", ["\n", ""], ids=["lines", "one line"])
def test_encoding_of_a_long_text_is_detected_by_a_part_of_it(text: str, encoding: str, end: str) -> None:
    long = f"plain\n{(text + end) * 2500}"
    assert decode_text(long.encode(encoding)) == long


def test_zero_bytes_in_a_log_are_line_breaks() -> None:
    hole = b"12:00 the pump started\n" + bytes(4096) + "12:05 the pump stopped, 20 °C\n".encode()
    assert decode_text(hole) == "12:00 the pump started\n\n12:05 the pump stopped, 20 °C"
    assert decode_text(b"one\0two\0three\0") == "one\ntwo\nthree"


def test_log_that_begins_with_a_hole_is_a_text(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "emptied.log"
    path.write_bytes(bytes(1 << 20) + b"12:00 the pump started\n" * 10)
    assert reader.inspect(path).media_type == "text/plain"
    [page] = reader.extract(path, 1, 1, into)
    assert page.blocks[0].lines[0].text == "12:00 the pump started"
    path.write_bytes(bytes(1 << 20))
    with pytest.raises(Unreadable):
        reader.inspect(path)


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x01" + bytes(900) + b"\x03\x04\x05", b"a" + bytes(5000), bytes(9)])
def test_zero_bytes_of_programs_are_not_a_text(data: bytes) -> None:
    assert decode_text(data) is None


def test_text_without_a_known_encoding_is_refused() -> None:
    with pytest.raises(Unreadable, match="encoding") as refused:
        decode_text(b"\xba\xdf\xa9\xbe\xb3\xbc\x8a\xad \xc8\x85 \x87\x8c\x99 \xc1 \xe2\xb0\xc6 \xfa\xf3\xe5\x8f\xbb")
    assert refused.value.hint == "Save it as UTF-8."


def test_cut_text_keeps_its_newest_lines_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "long"
    for encoding in ("utf-8", "utf-16", "utf-16-be", "cp1252", "mac_roman"):
        path.write_bytes("".join(f"{number} {GERMAN}\n" for number in range(3000)).encode(encoding))
        text, is_cut = newest_text(path, 10_000)
        assert is_cut
        assert 9_000 < len(text) <= 10_000
        assert text.endswith(f"2999 {GERMAN}\n")
        assert all(line.endswith(GERMAN) for line in text.splitlines())


def test_encodings_of_a_hostile_text_are_detected_in_little_time() -> None:
    for piece in (b"\xe9\xff", bytes(range(128, 256)), b"\0a\0\0", b"\xa4\xf0\x81", b"\x1b$B\xff"):
        before = time.thread_time()
        with suppress(Unreadable):
            decode_text(piece * ((1 << 20) // len(piece)))
        assert time.thread_time() - before < 10


def test_polish_file_is_read_as_written(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    path = tmp_path / "polish.txt"
    path.write_bytes(POLISH.encode("cp1250"))
    assert reader.inspect(path).media_type == "text/plain"
    [page] = reader.extract(path, 1, 1, into)
    assert " ".join(block.text for block in page.blocks) == POLISH
