"""The command with the real engine: one call indexes files, the next ones search them in the same data folder."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bot.conftest import Magpie


def test_indexed_files_give_a_cited_answer(magpie: Magpie, folder: Path) -> None:
    code, shape, err = magpie("index", str(folder))
    assert code == 0
    assert [(file["file"], file["state"], file["pages"]) for file in shape["files"]] == [
        ("handbook.pdf", "new", 3),
        ("report.pdf", "new", 1),
    ]
    assert err.startswith("Indexing ")
    code, shape, _ = magpie("index", str(folder))
    assert [file["state"] for file in shape["files"]] == ["unchanged", "unchanged"]

    code, shape, _ = magpie("ask", "On which port does the gateway listen?")
    assert code == 0
    assert (shape["mode"], shape["abstained"]) == ("passages", False)
    assert shape["citations"][0]["file"] == "handbook.pdf"
    assert shape["citations"][0]["page"] == 2
    assert all(0 <= edge <= 1 for edge in shape["citations"][0]["bbox"])
    assert shape["evidence"]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in shape["evidence"])
    assert "8443" in shape["passages"][0]["text"]

    code, shape, _ = magpie("ask", "Who invented the telescope?")
    assert (code, shape["abstained"], shape["citations"], shape["evidence"]) == (0, True, [], [])


def test_forgotten_file_is_not_found(magpie: Magpie, folder: Path) -> None:
    magpie("index", str(folder))
    _, shape, _ = magpie("find", "gulls")
    assert [(hit["rank"], hit["file"], hit["page"]) for hit in shape["hits"]] == [(1, "report.pdf", 1)]
    assert magpie("forget", "--yes", "report.pdf")[:2] == (0, {"forgotten": ["report.pdf"], "questions": 0})
    _, shape, _ = magpie("find", "gulls")
    assert (shape["found"], shape["hits"]) == (False, [])
    code, _, err = magpie("forget", "report.pdf")
    assert code == 1
    assert "report.pdf" in err


def test_failed_file_is_reported_and_the_others_are_indexed(magpie: Magpie, folder: Path) -> None:
    (folder / "locked.pdf").write_text("!unreadable")
    code, shape, err = magpie("index", str(folder))
    assert code == 1
    by_name = {file["file"]: file for file in shape["files"]}
    assert by_name["locked.pdf"]["reason"] == "The file is encrypted."
    assert by_name["locked.pdf"]["hint"] == "Remove its password."
    assert by_name["handbook.pdf"]["state"] == "new"
    assert "locked.pdf" in err
    _, shape, _ = magpie("status")
    assert shape["pages"] == 4
    assert [file["file"] for file in shape["failed"]] == ["locked.pdf"]
    assert shape["lanes"]["words"] == "on"
    assert shape["lanes"]["clip-picture"].startswith("off: ")


def test_missing_path_is_reported(magpie: Magpie) -> None:
    code, out, err = magpie("index", "missing")
    assert (code, out) == (1, None)
    assert "missing" in err


def test_eval_measures_the_index(magpie: Magpie, folder: Path, tmp_path: Path) -> None:
    magpie("index", str(folder))
    rows = [
        {"id": "1", "query": "Which port?", "file": "handbook.pdf", "pages": [2]},
        {"id": "2", "query": "What sat on the sensor?", "file": "report.pdf", "pages": [1]},
        {"id": "3", "query": "Who invented the telescope?", "file": "report.pdf", "pages": []},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    code, shape, _ = magpie("eval", "--questions", "q.jsonl")
    assert code == 0
    assert shape["fused"]["recall@1"] == 1
    assert shape["lanes"]["words"]["recall@1"] == 1
    assert shape["declined"] == {"absent": 1, "present": 0}
    _, shape, _ = magpie("eval", "--questions", "q.jsonl", "--without-own-file")
    assert shape["declined"]["absent"] == 1
    _, shape, _ = magpie("eval", "--questions", "q.jsonl", "--within")
    assert shape["fused"]["recall@1"] == 1
