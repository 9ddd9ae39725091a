"""Sentences in scripts that RapidOCR's model lacks, drawn with the fonts inside PyMuPDF."""

from __future__ import annotations

import pymupdf
import pytest
from PIL import Image

from rag.scripts import installed_models, tesseract_program

SENTENCES = {
    "rus": "Водитель парома закрывает ворота в шесть часов. Ключ висит у двери.",
    "ukr": "Водій порома зачиняє ворота о шостій годині. Ключ висить біля дверей.",
    "ara": "يغلق سائق العبارة البوابة في الساعة السادسة. المفتاح معلق عند الباب.",
    "heb": "נהג המעבורת סוגר את השער בשעה שש. המפתח תלוי ליד הדלת.",
    "tha": "คนขับเรือข้ามฟากปิดประตูเวลาหกโมง กุญแจแขวนอยู่ข้างประตู",
    "hin": "नौका चालक छह बजे द्वार बंद करता है और चाबी दरवाजे के पास लटकी है",
    "kor": "나룻배 기사는 여섯 시에 문을 닫는다. 열쇠는 문 옆에 걸려 있다.",
    "ell": "Ο οδηγός του πορθμείου κλείνει την πύλη στις έξι.",
    "vie": "Người lái phà đóng cổng lúc sáu giờ. Chìa khóa treo cạnh cửa ra vào.",
}

WORDS = {
    "rus": ("Водитель", "закрывает"),
    "ukr": ("зачиняє", "шостій"),
    "ara": ("السادسة", "البوابة"),
    "heb": ("המעבורת", "השער"),
    "tha": ("ประตู", "กุญแจ"),
    "hin": ("चालक", "चाबी"),
    "kor": ("여섯", "닫는다"),
    "ell": ("πύλη", "οδηγός"),
    "vie": ("đóng", "cổng"),
}
"""Words that must be recognized in each sentence."""


def sentence(language: str) -> Image.Image:
    """Return a picture of the sentence, 1,040 pixels wide."""
    document = pymupdf.open()
    page = document.new_page(width=500, height=120)
    page.insert_htmlbox((20, 20, 480, 100), f'<p style="font-size:18px">{SENTENCES[language]}</p>')
    pixmap = page.get_pixmap(dpi=150)
    return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)


def needs_tesseract(*models: str) -> None:
    """Skip the test where Tesseract or one of its models is not installed."""
    program = tesseract_program()
    if program is None:
        pytest.skip("Tesseract is not installed")
    if missing := set(models) - installed_models(program):
        pytest.skip(f"Tesseract's model {min(missing)} is not installed")
