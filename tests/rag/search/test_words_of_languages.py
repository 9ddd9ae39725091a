"""Everyday words find their page: codes, names, numbers and inflections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rag import Rag, Scope, Settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

PAGES = {
    "office.pdf": [
        "Guests connect to the Wi-Fi called Lantern.",
        "Every e-mail is archived for two years.",
        "Pay to IBAN DE89 3704 0044 0532 0130 00. The dredging cost 1,250,000 crowns.",
        "Ask Frau Müller in Goethestraße.",
        "The IT department has moved. It is on the second floor.",
        "The lease was signed on 5 March 2026 by both sides.",
    ],
    "network.pdf": [
        "Badge printer has the address 10.4.20.7.",
        "Door controller has the address 10.20.4.7.",
        "Time clock has the address 10.7.20.4.",
    ],
    "haus.pdf": [
        "Die Papierformatvorgabe wird vom Betreiber des Rechners in einer Datei abgelegt und gilt für alle Benutzer.",
        "Die Rechte der Gerätedateien werden nur von der Verwaltung geändert, nicht von den einzelnen Benutzern.",
    ],
}


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("shared")
    for name, pages in PAGES.items():
        (folder / name).write_text("\f".join(pages))
    made = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1}, search={"lanes": "words"})
    with open_rag(made, extractor=TextExtractor, embedder=NoEmbedder()) as opened:
        opened.index([folder / name for name in PAGES])
        yield opened


@pytest.mark.parametrize(
    ("question", "name", "page"),
    [
        ("wifi", "office.pdf", 1),
        ("email", "office.pdf", 2),
        ("DE89370400440532013000", "office.pdf", 3),
        ("1250000", "office.pdf", 3),
        ("1 250 000", "office.pdf", 3),
        ("Mueller", "office.pdf", 4),
        ("Goethestrasse", "office.pdf", 4),
        ("Where is IT?", "office.pdf", 5),
        ("2026-03-05", "office.pdf", 6),
        ("05.03.2026", "office.pdf", 6),
        ("Which device is 10.7.20.4?", "network.pdf", 3),
        ("10.20.4.7", "network.pdf", 2),
        ("Papierformat", "haus.pdf", 1),
        ("wer darf die Geraetedatei aendern", "haus.pdf", 2),
        ("Papier", "haus.pdf", 1),
        ("Papierformat Vorgabe", "haus.pdf", 1),
    ],
)
def test_everyday_spelling_finds_its_page(rag: Rag, question: str, name: str, page: int) -> None:
    found = rag.find(question, Scope.operator())
    assert [(hit.name, hit.page) for hit in found.hits[:1]] == [(name, page)]
    assert found.found
    assert not found.notice
