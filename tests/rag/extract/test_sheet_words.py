"""Tests of the words of a spreadsheet's cells: whole, wherever the picture breaks them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from rag import Scope
from rag.extract.guarded import GuardedExtractor
from rag.settings import Settings
from rag.text import estimate_tokens
from tests.rag.extract.sheet_files import Cell, all_words, read, tables, xlsx
from tests.support.absent import NoEmbedder
from tests.support.migrated import open_rag

DIGEST = sha256(b"tern").hexdigest()
ADDRESS = "https://docs.example.com/harbour/2026/q3/" + "-".join(f"berth-{at}" for at in range(30)) + "?view=all"


def test_long_words_of_cells_are_whole(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    rows: list[list[Cell]] = [["File", "Checked", "Source"], ["tern.bin", f"as {DIGEST} on Monday", ADDRESS]]
    pages = read(reader, xlsx(tmp_path / "a", {"Q3": rows}), into)
    words = all_words(pages)
    assert words[words.index("as") :] == ["as", DIGEST, "on", "Monday", ADDRESS]
    assert f"| tern.bin | as {DIGEST} on Monday | {ADDRESS} |" in tables(pages)[0].text


def test_long_word_is_whole_at_the_end_of_a_page(reader: GuardedExtractor, tmp_path: Path, into: Path) -> None:
    text = " ".join(f"{sha256(bytes([at])).hexdigest()} word{at}" for at in range(60))
    pages = read(reader, xlsx(tmp_path / "a", {"Q3": [["Note", "Text"], ["first", text]]}), into)
    assert len(pages) > 1
    kept = set(text.split())
    assert [word for word in all_words(pages) if word in kept] == text.split()


def test_text_without_spaces_is_whole_up_to_the_size_of_a_chunk(
    reader: GuardedExtractor, tmp_path: Path, into: Path
) -> None:
    text = "港口的起重机每年检查两次然后在三月十五日之前报告结果" * 40
    pages = read(reader, xlsx(tmp_path / "a", {"Q3": [["Note", "Text"], ["first", text]]}), into)
    chunks = tables(pages)
    assert "港口的起重机每年检查两次然后在三月十五日之前报告结果" in chunks[0].text
    assert max(estimate_tokens(chunk.text) for chunk in chunks) <= 512
    assert "".join(word for word in all_words(pages) if word[0] > "\u3000") == text


def test_digest_in_a_table_is_found(tmp_path: Path) -> None:
    path = tmp_path / "digests.csv"
    path.write_text(
        "file,sha256,size\n" + "".join(f"{at}.bin,{sha256(bytes([at])).hexdigest()},4\n" for at in range(4))
    )
    read_settings: dict[str, object] = {"workers": 1, "layout": False, "ocr": False}
    settings = Settings.model_validate({"data": tmp_path / "data", "answer": {"model": ""}, "read": read_settings})
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        rag.index([path])
        hits = rag.find(sha256(b"\x02").hexdigest(), Scope.operator()).hits
    assert hits[0].place == "digests.csv, p. 1 (A1:C5)"
