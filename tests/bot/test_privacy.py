"""What an operator can find out and take away: of a space, of a person, of a file, on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import ledger, shown
from bot.events import Question
from rag import Rag, Share, allowed, put_share
from rag.model import Scope
from tests.bot.conftest import Magpie, opener
from tests.flows.team import settings

KINGFISHER = "Which port does kingfisher listen on?"


@contextmanager
def opened(data: Path) -> Iterator[Rag]:
    rag = opener(settings(data))
    assert isinstance(rag, Rag)
    with rag:
        yield rag


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    for name, text in (("gateway.pdf", "The gateway listens on port 8443"), ("gulls.pdf", "Gulls sat on sensors")):
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def team(magpie: Magpie, folder: Path, data: Path) -> Path:
    """gateway.pdf was shared by U1 in C1 and by U2 in C2, gulls.pdf by U2 in C1; U1 and U2 asked about the gateway."""
    assert magpie("index", str(folder), "--space", "C1")[0] == 0
    with opened(data) as rag:
        rag.upgrade(ledger.MIGRATIONS, ledger.VERSIONS)
        with rag.writing() as connection:
            for name, space, user in (
                ("gateway.pdf", "C1", "U1"),
                ("gateway.pdf", "C2", "U2"),
                ("gulls.pdf", "C1", "U2"),
            ):
                path = folder / name
                known = path.stat()
                put_share(
                    connection,
                    Share("path", str(path), space, name, None, user, known.st_size, known.st_mtime_ns),
                )
        ask(rag, "C1", "5.1", "U1", KINGFISHER)
        ask(rag, "C2", "6.1", "U2", "And kingfisher again?")
    return data


def ask(rag: Rag, channel: str, ts: str, user: str, text: str) -> None:
    """A question that was answered from the first document, as the bot writes it down."""
    asked = Question(channel, ts, ts, user, text, ())
    with rag.writing() as connection:
        ledger.put_question(connection, asked)
        claimed = ledger.claim_question(connection)
        assert claimed is not None
        ledger.end_question(connection, claimed.id, "done")
        ledger.want_receipt(connection, channel, ts, "F1", user)
        shown.log_access(
            connection, asked, allowed(connection, [1], Scope.of(channel)), f"this conversation, {channel}"
        )


def left(data: Path) -> bytes:
    """All bytes of the catalog's files."""
    return b"".join(path.read_bytes() for path in sorted(data.glob("catalog.db*")))


def found(magpie: Magpie, words: str) -> list[str]:
    return [hit["file"] for hit in magpie("find", words)[1]["hits"]]


# ---------------------------------------------------------------- forget


def test_a_space_is_forgotten_and_what_is_shared_elsewhere_stays(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "--space", "C1")
    assert (code, sorted(shape["forgotten"]), shape["questions"]) == (0, ["gateway.pdf", "gulls.pdf"], 0)
    assert found(magpie, "gulls") == []
    assert found(magpie, "gateway port") == ["gateway.pdf"]
    assert magpie("forget", "--space", "C1")[:2] == (1, {"forgotten": [], "questions": 0})


def test_a_person_is_forgotten_with_what_they_asked(magpie: Magpie, team: Path) -> None:
    assert b"does kingfisher listen" in left(team)
    code, shape, _ = magpie("forget", "--user", "U1")
    assert (code, shape) == (0, {"forgotten": ["gateway.pdf"], "questions": 1})
    assert found(magpie, "gateway port") == ["gateway.pdf"]  # U2 shared it, too
    with opened(team) as rag, rag.reading() as connection:
        assert [one.user for one in shown.seen(connection, "")] == ["U2"]
        assert shown.counts(connection) == (1, 1)
        assert [one.user for one in ledger.open_receipts(connection)] == ["U2"]
    assert b"does kingfisher listen" not in left(team)
    assert magpie("forget", "--user", "U1")[:2] == (1, {"forgotten": [], "questions": 0})


def test_a_person_is_forgotten_in_one_space_alone(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "--user", "U2", "--space", "C1")
    assert (code, shape) == (0, {"forgotten": ["gulls.pdf"], "questions": 0})
    assert magpie("forget", "--user", "U2")[1] == {"forgotten": ["gateway.pdf"], "questions": 1}


def test_names_and_a_person_leave_their_questions_alone(magpie: Magpie, team: Path) -> None:
    code, shape, _ = magpie("forget", "gateway.pdf", "--user", "U1")
    assert (code, shape) == (0, {"forgotten": ["gateway.pdf"], "questions": 0})
    with opened(team) as rag, rag.reading() as connection:
        assert shown.counts(connection) == (2, 2)


def test_a_person_is_forgotten_where_no_bot_ever_ran(magpie: Magpie, folder: Path) -> None:
    magpie("index", str(folder))
    assert magpie("forget", "--user", "U1")[:2] == (1, {"forgotten": [], "questions": 0})
