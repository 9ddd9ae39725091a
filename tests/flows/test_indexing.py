"""Files are indexed, found, moved, changed and removed, and indexing fails or is interrupted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rag import FileNote, MagpieError, NotFound, Progress, Rag, Scope, Settings
from rag.catalog.chunks import chunk_texts
from rag.ingest.fetch.paths import list_files
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

EVERYTHING = Scope.operator()
Open = Callable[..., Rag]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


def opened(tmp_path: Path, reader: TextExtractor | None = None) -> Rag:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    reader = reader or TextExtractor()
    return open_rag(settings, extractor=lambda: reader, embedder=NoEmbedder())


def write(folder: Path, name: str, *pages: str) -> Path:
    path = folder / name
    path.write_text("\f".join(pages))
    return path


def places(rag: Rag, query: str, scope: Scope = EVERYTHING) -> list[str]:
    return [hit.place for hit in rag.find(query, scope).hits]


def test_file_is_found_by_page_and_printed_label(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "handbook.pdf", "Welcome aboard", "The gateway listens on port 8443")
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([path])
        assert (outcome.file, outcome.state, outcome.pages) == ("handbook.pdf", "new", 2)
        assert places(rag, "Which port does the gateway use?") == ["handbook.pdf, p. 2 (printed p2)"]
        lane = rag.find("gateway", EVERYTHING).lanes["clip-picture"]
        assert lane == "off: The weights are not here (fix: magpie models pull)"


def test_failed_page_is_counted_and_the_others_are_read(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", "first alpha", "!bad", "third gamma")
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([path])
        failed = FileNote("This page could not be read.", lost=True, page=2)
        assert (outcome.state, outcome.pages, outcome.notes) == ("new", 3, (failed,))
        assert rag.status().notes == (("a.pdf", (failed,)),)
        assert "1 were read in part only: a.pdf" in {check.detail for check in rag.doctor()}
        assert places(rag, "gamma") == ["a.pdf, p. 3 (printed p3)"]


def test_notes_about_pages_are_kept_and_shown(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", "first alpha\n!note Text is covered.", "second\n!lost Words in Arabic were not read.")
    notes = (
        FileNote("Text is covered.", lost=False, page=1),
        FileNote("Words in Arabic were not read.", lost=True, page=2),
    )
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([path])
        assert outcome.notes == notes
    with opened(tmp_path) as rag:
        assert rag.status().notes == (("a.pdf", notes),)


def test_unreadable_file_fails_with_a_reason_and_the_others_are_read(tmp_path: Path, folder: Path) -> None:
    bad, good = write(folder, "bad.pdf", "!unreadable"), write(folder, "good.pdf", "harbor lights")
    empty = folder / "empty.pdf"
    empty.touch()
    with opened(tmp_path) as rag:
        by_name = {outcome.file: outcome for outcome in rag.index([bad, empty, good])}
        assert by_name["bad.pdf"].state == "failed"
        assert (by_name["bad.pdf"].reason, by_name["bad.pdf"].hint) == (
            "The file is encrypted.",
            "Remove its password.",
        )
        assert by_name["empty.pdf"].reason == "The file is empty."
        assert by_name["good.pdf"].state == "new"
        assert dict(rag.status().failed).keys() == {"bad.pdf", "empty.pdf"}


def test_same_bytes_are_read_once(tmp_path: Path, folder: Path) -> None:
    reader = TextExtractor()
    first = write(folder, "first.pdf", "one alpha", "two beta")
    with opened(tmp_path, reader) as rag:
        rag.index([first])
        assert reader.reads == [1, 2]
        assert rag.index([first])[0].state == "unchanged"
        assert rag.index([first], space="C1")[0].state == "known"
        assert rag.index([first], space="C1")[0].state == "unchanged"
        (folder / "copy.pdf").write_bytes(first.read_bytes())
        states = {outcome.file: outcome.state for outcome in rag.index([folder])}
        assert states == {"first.pdf": "unchanged", "copy.pdf": "known"}
        first.rename(folder / "renamed.pdf")
        (folder / "copy.pdf").unlink()
        states = {outcome.file: outcome.state for outcome in rag.index([folder])}
        assert states == {"renamed.pdf": "known", "first.pdf": "gone", "copy.pdf": "gone"}
        assert reader.reads == [1, 2]
        assert places(rag, "beta") == ["renamed.pdf, p. 2 (printed p2)"]


def test_only_deleted_files_are_removed_and_only_from_this_space(tmp_path: Path, folder: Path) -> None:
    unknown, hidden = write(folder, "notes.dat", "unknown alpha \0"), write(folder, ".draft.pdf", "hidden beta")
    plain = write(folder, "plain.pdf", "plain gamma")
    beside = tmp_path / "shared-too"
    beside.mkdir()
    other = write(beside, "other.pdf", "other delta")
    with opened(tmp_path) as rag:
        rag.index([unknown, hidden, plain, other])
        rag.index([plain], space="C1")
        states = {outcome.file: outcome.state for outcome in rag.index([folder])}
        assert states == {"plain.pdf": "unchanged", str(hidden): "skipped", str(unknown): "skipped"}
        assert [len(places(rag, word)) for word in ("alpha", "beta", "gamma", "delta")] == [1, 1, 1, 1]
        for path in (hidden, plain, other):
            path.unlink()
        assert {outcome.file: outcome.state for outcome in rag.index([folder])} == {
            "plain.pdf": "gone",
            ".draft.pdf": "gone",
            str(unknown): "skipped",
        }
        assert [len(places(rag, word, Scope.of("local"))) for word in ("alpha", "beta", "gamma", "delta")] == [
            *(1, 0, 0, 1)
        ]
        assert places(rag, "gamma", Scope.of("C1"))
        assert {outcome.file: outcome.state for outcome in rag.index([folder])} == {str(unknown): "skipped"}


def test_file_without_a_suffix_is_recognized_by_its_content(tmp_path: Path, folder: Path) -> None:
    write(folder, "report", "%PDF-1.7\0 alpha")
    (folder / "picture.tmp").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "program").write_bytes(b"\x7fELF\0\0")
    found, skipped = list_files(folder)
    assert [path.name for path in found] == ["picture.tmp", "report"]
    assert [Path(outcome.file).name for outcome in skipped] == ["program"]


def test_touched_file_is_hashed_but_not_read_again(tmp_path: Path, folder: Path) -> None:
    reader = TextExtractor()
    path = write(folder, "a.pdf", "one alpha")
    with opened(tmp_path, reader) as rag:
        rag.index([path])
        os.utime(path, (1, 1))
        assert [outcome.state for outcome in rag.index([path])] == ["known"]
        assert [outcome.state for outcome in rag.index([path])] == ["unchanged"]
    assert reader.reads == [1]


def test_changed_file_is_read_again_and_its_old_text_is_erased(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", "the old zanzibar text")
    with opened(tmp_path) as rag:
        rag.index([path])
        write(folder, "a.pdf", "an entirely different paragraph")
        assert rag.index([path])[0].state == "new"
        assert not places(rag, "zanzibar")
        assert places(rag, "different paragraph")
    assert bytes_with(tmp_path / "data", b"zanzibar") == []


def test_forgotten_file_leaves_no_bytes(tmp_path: Path, folder: Path) -> None:
    secret = write(folder, "secret.pdf", "the canary sings xylophone", "more canary")
    kept = write(folder, "kept.pdf", "an ordinary page")
    with opened(tmp_path) as rag:
        rag.index([secret, kept])
        assert bytes_with(tmp_path / "data", b"xylophone")
        assert rag.forget(["secret.pdf"]) == ["secret.pdf"]
        assert not places(rag, "xylophone canary")
        assert places(rag, "ordinary page")
        assert bytes_with(tmp_path / "data", b"xylophone") == []
        with pytest.raises(NotFound, match=r"secret\.pdf"):
            rag.forget(["secret.pdf"])


def test_file_in_two_spaces_is_removed_from_one(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "plan.pdf", "the migration plan")
    with opened(tmp_path) as rag:
        rag.index([path], space="C1")
        rag.index([path], space="C2")
        rag.forget(["plan.pdf"], space="C1")
        assert not places(rag, "migration", Scope.of("C1"))
        assert places(rag, "migration", Scope.of("C2"))
        assert not places(rag, "migration", Scope.of())


def test_old_extraction_is_used_until_the_new_one_is_complete(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", *[f"page {number} alpha" for number in range(1, 12)])
    with opened(tmp_path) as rag:
        rag.index([path])
    reader = TextExtractor("text-2")
    seen: list[int] = []
    with opened(tmp_path, reader) as rag:

        def count_hits(progress: Progress) -> None:
            seen.append(len(rag.find("alpha", EVERYTHING, 50).hits))

        assert [outcome.pages for outcome in rag.reindex(report=count_hits)] == [11]
        assert reader.reads == list(range(1, 12))
        assert set(seen) == {11}
    assert len(list((tmp_path / "data" / "pictures").iterdir())) == 1


def test_document_fails_if_the_extractor_keeps_stopping(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", "alpha", "!stopped")
    with opened(tmp_path) as rag:
        (outcome,) = rag.index([path])
        assert (outcome.state, outcome.reason) == ("failed", "The reader was stopped.")
        assert places(rag, "alpha") == ["a.pdf, p. 1 (printed p1)"]


def test_interrupted_extraction_continues_where_it_stopped(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "long.pdf", *[f"page {number} alpha" for number in range(1, 41)])

    class Interrupted(TextExtractor):
        def extract(self, path: Path, first: int, last: int, into: Path) -> list:  # type: ignore[type-arg]
            if first > 16:
                raise KeyboardInterrupt
            return super().extract(path, first, last, into)

    with opened(tmp_path, Interrupted()) as rag, pytest.raises(KeyboardInterrupt):
        rag.index([path])
    reader = TextExtractor()
    with opened(tmp_path, reader) as rag:
        assert len(rag.find("alpha", EVERYTHING, 50).hits) == 16
        outcome = rag.index([path])[0]
        assert (outcome.state, outcome.pages) == ("new", 40)
        assert min(reader.reads) == 17
        assert len(rag.find("alpha", EVERYTHING, 50).hits) == 40


def test_continued_extraction_has_the_chunks_of_an_uninterrupted_one(tmp_path: Path, folder: Path) -> None:
    lines = ["# Harbor rules", *["Pilots only"] * 19]
    pages = [f"{lines[number % 20]}\n\n\nrule {number} of the quay" for number in range(40)]
    path = write(folder, "rules.pdf", *pages)

    class Interrupted(TextExtractor):
        def extract(self, path: Path, first: int, last: int, into: Path) -> list:  # type: ignore[type-arg]
            if first > 16:
                raise KeyboardInterrupt
            return super().extract(path, first, last, into)

    with opened(tmp_path / "a", Interrupted()) as rag, pytest.raises(KeyboardInterrupt):
        rag.index([path])
    found = []
    for data in ("a", "b"):
        with opened(tmp_path / data) as rag:
            rag.index([path])
            assert len(rag.find("quay", EVERYTHING, 50).hits) == 40
            assert len(rag.find("pilots", EVERYTHING, 50).hits) == 1
            with rag.read_transaction() as connection:
                found.append(chunk_texts(connection))
    assert found[0] == found[1]


def test_missing_path_is_an_error_and_indexes_nothing(tmp_path: Path, folder: Path) -> None:
    path = write(folder, "a.pdf", "alpha")
    with opened(tmp_path) as rag:
        with pytest.raises(MagpieError, match="doesn't exist"):
            rag.index([path, folder / "missing.pdf"])
        assert rag.status().documents == {}


def bytes_with(data: Path, needle: bytes) -> list[Path]:
    """Return the files in the data folder that contain these bytes."""
    return [path for path in data.rglob("*") if path.is_file() and needle in path.read_bytes()]
