"""Files inside of files are documents with the shares of the files that they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import NotFound, Rag, Scope, Settings, ShareFilter, documents_named
from rag.errors import Unreadable
from rag.model.extraction import Inspection
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor, attached
from tests.support.migrated import open_rag

EVERYTHING = Scope.operator()
INVOICE = "Total 4711 florins"


def opened(tmp_path: Path, reader: TextExtractor | None = None) -> Rag:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    reader = reader or TextExtractor()
    return open_rag(settings, extractor=lambda: reader, embedder=NoEmbedder())


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def places(rag: Rag, query: str, scope: Scope = EVERYTHING) -> list[str]:
    return [hit.place for hit in rag.find(query, scope).hits]


def stored_files(tmp_path: Path) -> int:
    return len(list((tmp_path / "data" / "files").iterdir()))


def test_attachment_is_found_and_cited_with_its_file(tmp_path: Path) -> None:
    report = write(tmp_path, "report.pdf", attached("Annual report", invoice_xml=INVOICE))
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([report])
        assert (outcome.file, outcome.state, outcome.pages) == ("report.pdf", "new", 1)
        (hit,) = rag.find("florins", EVERYTHING).hits
        assert (hit.name, hit.attachment) == ("report.pdf", "invoice.xml")
        assert hit.place == "invoice.xml, attached to report.pdf, p. 1 (printed p1)"
        assert [row.title for row in rag.documents(EVERYTHING)] == [
            "report.pdf",
            "invoice.xml, attached to report.pdf",
        ]


def test_attachment_inside_an_attachment_names_both(tmp_path: Path) -> None:
    inner = attached("Cover letter", invoice_xml=INVOICE)
    with opened(tmp_path) as rag:
        rag.index([write(tmp_path, "report.pdf", attached("Annual report", letter_pdf=inner))])
        assert places(rag, "florins") == [
            "invoice.xml, attached to letter.pdf, attached to report.pdf, p. 1 (printed p1)"
        ]


def test_attachment_goes_with_its_file(tmp_path: Path) -> None:
    inner = attached("Cover letter", invoice_xml=INVOICE)
    report = write(tmp_path, "report.pdf", attached("Annual report", letter_pdf=inner))
    with opened(tmp_path) as rag:
        rag.index([report])
        assert stored_files(tmp_path) == 3
        rag.forget(["report.pdf"])
        assert places(rag, "florins") == places(rag, "letter") == []
        assert stored_files(tmp_path) == 0
        assert list((tmp_path / "data" / "pictures").iterdir()) == []


def test_attachment_stays_for_another_file_that_has_it(tmp_path: Path) -> None:
    first = write(tmp_path, "first.pdf", attached("First", invoice_xml=INVOICE))
    second = write(tmp_path, "second.pdf", attached("Second", bill_xml=INVOICE))
    with opened(tmp_path) as rag:
        rag.index([first, second])
        rag.forget(["first.pdf"])
        assert places(rag, "florins") == ["bill.xml, attached to second.pdf, p. 1 (printed p1)"]


def test_attachment_is_seen_where_a_file_with_it_is_shared_and_under_the_name_there(tmp_path: Path) -> None:
    report = write(tmp_path, "report.pdf", attached("Annual report", secret_xml=INVOICE))
    alone = write(tmp_path, "alone.xml", INVOICE)
    with opened(tmp_path) as rag:
        rag.index([report], "C1")
        assert places(rag, "florins", Scope.of("C2")) == []
        rag.index([alone], "C2")
        assert places(rag, "florins", Scope.of("C2")) == ["alone.xml, p. 1 (printed p1)"]
        assert places(rag, "florins", Scope.of("C1")) == ["secret.xml, attached to report.pdf, p. 1 (printed p1)"]
        assert places(rag, "report", Scope.of("C2")) == []
        rag.forget(["report.pdf"])
        assert places(rag, "florins", Scope.of("C1")) == []
        assert places(rag, "florins", Scope.of("C2")) == ["alone.xml, p. 1 (printed p1)"]


def test_changed_file_has_its_new_attachments_only(tmp_path: Path) -> None:
    report = write(tmp_path, "report.pdf", attached("Annual report", old_xml=INVOICE, kept_xml="Kept guilders"))
    with opened(tmp_path) as rag:
        rag.index([report])
        write(tmp_path, "report.pdf", attached("Annual report", kept_xml="Kept guilders", new_xml="New ducats"))
        rag.index([report])
        assert places(rag, "florins") == []
        assert len(places(rag, "guilders")) == len(places(rag, "ducats")) == 1
        assert stored_files(tmp_path) == 3


def test_reading_again_keeps_one_of_each_attachment(tmp_path: Path) -> None:
    inner = attached("Cover letter", invoice_xml=INVOICE)
    report = write(tmp_path, "report.pdf", attached("Annual report", letter_pdf=inner))
    with opened(tmp_path) as rag:
        rag.index([report])
        before = rag.status()
        rag.reindex(["report.pdf"])
        assert len(places(rag, "florins")) == len(places(rag, "letter")) == 1
        assert (rag.status().pages, rag.status().chunks) == (before.pages, before.chunks)
    reader = TextExtractor("text-2")
    with opened(tmp_path, reader) as rag:
        rag.index([])
        assert len(reader.reads) == 3
        assert len(places(rag, "florins")) == len(places(rag, "letter")) == 1


@pytest.mark.parametrize("names", [[], ["locked.xml"], ["report.pdf"]])
def test_attachment_that_failed_is_tried_again(tmp_path: Path, names: list[str]) -> None:
    """Its reader can read it the second time."""

    class Mended(TextExtractor):
        is_mended = False

        def inspect(self, path: Path) -> Inspection:
            if not self.is_mended and path.read_text() == INVOICE:
                raise Unreadable("The tool for it is missing.", "Install it.")
            return super().inspect(path)

    report = write(tmp_path, "report.pdf", attached("Annual report", locked_xml=INVOICE, kept_xml="Kept guilders"))
    reader = Mended()
    with opened(tmp_path, reader) as rag:
        rag.index([report])
        assert places(rag, "florins") == []
        reads = len(reader.reads)
        reader.is_mended = True
        (outcome,) = rag.retry(names)
        assert (outcome.file, outcome.notes) == ("report.pdf", ())
        assert places(rag, "florins") == ["locked.xml, attached to report.pdf, p. 1 (printed p1)"]
        assert len(reader.reads) == reads + 1
        assert rag.retry(names) == []


def test_deeper_attachment_than_the_limit_is_read_when_its_file_is_shared(tmp_path: Path) -> None:
    """The report's extraction leaves out what is inside the letter; the letter's own finds it."""

    class Shallow(TextExtractor):
        def attachments(self, path: Path, media_type: str, into: Path):  # type: ignore[no-untyped-def]
            found = super().attachments(path, media_type, into)
            return type(found)(tuple(each for each in found.files if not each.inside))

    inner = attached("Cover letter", invoice_xml=INVOICE)
    report = write(tmp_path, "report.pdf", attached("Annual report", letter_pdf=inner))
    with opened(tmp_path, Shallow()) as rag:
        rag.index([report])
        assert places(rag, "florins") == []
        assert stored_files(tmp_path) == 2
        rag.index([write(tmp_path, "letter.pdf", inner)])
        assert places(rag, "florins") == ["invoice.xml, attached to letter.pdf, p. 1 (printed p1)"]


def test_unreadable_attachment_is_said_about_its_file(tmp_path: Path) -> None:
    report = write(tmp_path, "report.pdf", attached("Annual report", locked_pdf="!unreadable", fine_txt="All well"))
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([report])
        (note,) = outcome.notes
        assert (note.attachment, note.text, note.lost) == (
            "locked.pdf",
            "The file is encrypted. Remove its password.",
            True,
        )
        assert outcome.state == "new"


def test_attachment_cannot_be_forgotten_without_its_file(tmp_path: Path) -> None:
    with opened(tmp_path) as rag:
        rag.index([write(tmp_path, "report.pdf", attached("Annual report", invoice_xml=INVOICE))])
        with pytest.raises(NotFound) as raised:
            rag.forget(["invoice.xml"])
        assert str(raised.value) == "invoice.xml is attached to report.pdf."
        assert raised.value.hint == "Name that file: report.pdf"


def test_says_how_a_file_was_read_page_by_page(tmp_path: Path) -> None:
    text = attached("First\f!bad\fThird\n!lost Words in Arabic were not read.", locked_pdf="!unreadable")
    report = write(tmp_path, "report.pdf", text)
    (tmp_path / "other").mkdir()
    with opened(tmp_path) as rag:
        rag.index([report])
        for name in ("report.pdf", str(report)):
            (reading,) = rag.file_readings(name)
            assert (reading.name, reading.ref, reading.state) == ("report.pdf", str(report), "ready")
            assert (reading.extractor, reading.page_count, reading.attachments) == ("text-1", 3, ("locked.pdf",))
            assert [(page.number, page.label, page.text_source) for page in reading.pages] == [
                (1, "p1", "layer"),
                (2, None, "none"),
                (3, "p3", "layer"),
            ]
            said = [[(note.text, note.lost) for note in page.notes] for page in reading.pages]
            assert said == [
                [],
                [("This page could not be read.", True)],
                [("Words in Arabic were not read.", True)],
            ]
            assert [(note.attachment, note.lost) for note in reading.notes] == [("locked.pdf", True)]
        assert [row.sha256 for row in rag.file_readings(reading.sha256[:8])] == [reading.sha256]
        (inner,) = rag.file_readings("locked.pdf")
        assert (inner.name, inner.pages) == ("locked.pdf, attached to report.pdf", ())
        assert (inner.state, inner.reason) == ("failed", "The file is encrypted.")
        rag.index([write(tmp_path, "other/report.pdf", "Another report")])
        assert len(rag.file_readings("report.pdf")) == 2
        with pytest.raises(NotFound):
            rag.file_readings("unknown.pdf")


def test_attachment_is_known_by_its_name_and_listed_with_what_is_stored(tmp_path: Path) -> None:
    with opened(tmp_path) as rag:
        rag.index([write(tmp_path, "report.pdf", attached("Annual report", invoice_xml=INVOICE))])
        with rag.read_transaction() as connection:
            assert list(documents_named(connection, "invoice.xml").values()) == ["invoice.xml, attached to report.pdf"]
        (row,) = [row for row in rag.list_stored_data() if row.name == "attachments"]
        assert row.count == 1
        rag.forget(["report.pdf"])
        (row,) = [row for row in rag.list_stored_data() if row.name == "attachments"]
        assert row.count == 0


def test_limit_to_a_type_of_file_means_the_attachment_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as rag:
        rag.index([write(tmp_path, "report.pdf", attached("Annual report", invoice_xml=INVOICE))])
        only = [Scope(None, shares=ShareFilter(extensions=frozenset({ending}))) for ending in ("xml", "pdf")]
        assert [len(places(rag, "florins", scope)) for scope in only] == [1, 0]
        assert [len(places(rag, "annual", scope)) for scope in only] == [0, 1]


def test_attachment_expires_with_its_file(tmp_path: Path) -> None:
    with opened(tmp_path) as rag:
        rag.index([write(tmp_path, "report.pdf", attached("Annual report", invoice_xml=INVOICE))])
        with rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE share SET shared_at = 1")
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1}, keep={"files_days": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        rag.index([])
        assert places(rag, "florins") == []
        assert stored_files(tmp_path) == 0
