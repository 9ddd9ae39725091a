"""Shares of a chat: recorded in the caller's transaction, fetched by a fetcher, and removed at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pymupdf
import pytest

from rag import (
    FetchResult,
    NotFound,
    Rag,
    Scope,
    Settings,
    Share,
    ShareState,
    SourceStatus,
    SpaceListing,
    TryAgain,
    check_space,
    delete_source,
    documents_allowed,
    end_message,
    leave_space,
    list_shares,
    move_space,
    put_share,
    settle_shares,
    shared_in,
    source_statuses,
    spaces_of,
    unshared_documents,
)
from tests.support.migrated import migrated, open_rag


class Drive:
    """A fetcher with files in memory; `broken` has the errors to raise next for a ref."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.broken: dict[str, list[Exception]] = {}
        self.asked: list[str] = []

    def __call__(self, ref: str, into: Path) -> FetchResult:
        self.asked.append(ref)
        if self.broken.get(ref):
            raise self.broken[ref].pop(0)
        into.write_bytes(self.files[ref])
        return FetchResult(name=f"{ref}.pdf", link=f"https://drive/{ref}", size=len(self.files[ref]), mtime_ns=7)


def pdf(*pages: str) -> bytes:
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 72), text)
        made: bytes = document.tobytes()
    return made


@pytest.fixture
def drive() -> Drive:
    made = Drive()
    made.files = {"F1": pdf("The gateway uses port 8443."), "F2": pdf("Herons nest in the tower.")}
    return made


@pytest.fixture
def rag(tmp_path: Path, drive: Drive) -> Iterator[Rag]:
    settings = Settings(
        data=migrated(tmp_path), answer={"model": ""}, read={"workers": 1, "ocr": False, "layout": False}
    )
    with open_rag(settings, open_fetchers=lambda _: {"drive": drive}) as rag:
        yield rag


@contextmanager
def served(rag: Rag) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=rag.serve, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def put(rag: Rag, *shares: Share) -> None:
    with rag.write_transaction() as connection:
        for share in shares:
            put_share(connection, share)


def stand(rag: Rag, *refs: str, space: str = "C1") -> list[SourceStatus]:
    with rag.read_transaction() as connection:
        return source_statuses(connection, "drive", refs, space)


def settled(rag: Rag, *refs: str, space: str = "C1") -> list[SourceStatus]:
    moment = threading.Event()
    for _ in range(600):
        found = stand(rag, *refs, space=space)
        if len(found) == len(refs) and all(one.state in ("ready", "failed") for one in found):
            return found
        moment.wait(0.05)
    raise TimeoutError(str(stand(rag, *refs)))


def names(rag: Rag, question: str, *spaces: str) -> list[tuple[str, str | None]]:
    return [(hit.name, hit.link) for hit in rag.find(question, Scope.of(*spaces)).hits]


def test_share_is_fetched_named_and_found_in_its_space_only(rag: Rag, drive: Drive) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"))
        assert settled(rag, "F1")[0].name == "F1.pdf"
        assert names(rag, "gateway port", "C1") == [("F1.pdf", "https://drive/F1")]
        assert names(rag, "gateway port", "C2") == []
        put(rag, Share("drive", "F2", "C1"), Share("drive", "F1", "C2", "telling.pdf", "https://drive/2"))
        settled(rag, "F1", "F2")
        settled(rag, "F1", space="C2")
        assert names(rag, "gateway port", "C2") == [("telling.pdf", "https://drive/2")]
    assert sorted(drive.asked) == ["F1", "F2"]


def test_empty_fields_overwrite_nothing_and_a_change_is_fetched_again(rag: Rag, drive: Drive) -> None:
    with served(rag):
        whole = Share("drive", "F1", "C1", "F1.pdf", "https://drive/F1", "U1", len(drive.files["F1"]), 7)
        put(rag, whole)
        settled(rag, "F1")
        put(rag, Share("drive", "F1", "C1"), whole)
        assert stand(rag, "F1")[0].state == "ready"
        assert names(rag, "gateway port", "C1") == [("F1.pdf", "https://drive/F1")]
        drive.files["F1"] = pdf("The gateway uses port 9000 now.")
        put(rag, Share("drive", "F1", "C1", size=len(drive.files["F1"]), changed_ns=7))
        settled(rag, "F1")
        assert "9000" in rag.find("gateway port", Scope.of("C1")).hits[0].text
    assert drive.asked == ["F1", "F1"]


def test_unshared_document_is_hidden_before_it_is_deleted(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("drive", "F1", "C2"), Share("drive", "F2", "C1"))
        settled(rag, "F1", "F2")
    with rag.write_transaction() as connection:
        end_message(connection, "drive", "F1", "C1", "")
    assert names(rag, "gateway port", "C1") == []
    assert names(rag, "gateway port", "C2") != []
    with rag.write_transaction() as connection:
        leave_space(connection, "drive", "C2")
        assert shared_in(connection, "drive", "C1") == ["F2"]
        assert spaces_of(connection, "drive") == ["C1"]
    assert names(rag, "gateway port", "C2") == []
    assert stand(rag, "F1") == []


def test_files_move_when_a_space_changes_its_id(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "G1"), Share("drive", "F2", "G1"), Share("drive", "F2", "C1"))
        settled(rag, "F1", "F2", space="G1")
    with rag.write_transaction() as connection:
        move_space(connection, "G1", "C1")
        assert shared_in(connection, "drive", "C1") == ["F1", "F2"]
        assert shared_in(connection, "drive", "G1") == []


def test_retries_temporary_errors_and_drops_sources_that_are_gone(rag: Rag, drive: Drive) -> None:
    drive.broken = {"F1": [TryAgain("busy"), OSError("broken pipe")], "F2": [NotFound("not for the index")]}
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("drive", "F2", "C1"))
        assert settled(rag, "F1")[0].state == "ready"
        assert stand(rag, "F2") == []
    assert drive.asked.count("F1") == 3


def test_process_without_a_fetcher_leaves_the_source_waiting(tmp_path: Path, rag: Rag) -> None:
    put(rag, Share("drive", "F1", "C1"))
    file = tmp_path / "notes.pdf"
    file.write_bytes(pdf("Notes."))
    with open_rag(rag.settings) as other:
        assert [outcome.state for outcome in other.index([file])] == ["new"]
    assert stand(rag, "F1")[0].state == "waiting"


def test_second_process_waits_for_the_owner(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"))
        settled(rag, "F1")
        with open_rag(rag.settings, open_fetchers=lambda _: {"drive": Drive()}) as second, served(second):
            put(second, Share("drive", "F2", "C1"))
            assert settled(rag, "F2")[0].state == "ready"


def test_evidence_of_deleted_documents_is_deleted(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("drive", "F2", "C1"))
        settled(rag, "F1", "F2")
    drawn = [rag.ask(question, Scope.of("C1")).evidence[0] for question in ("gateway port", "where herons nest")]
    assert all(path.is_file() for path in drawn)
    with rag.write_transaction() as connection:
        delete_source(connection, "drive", "F1")
    rag.forget([])
    assert [path.is_file() for path in drawn] == [False, True]


def test_source_has_the_name_of_the_space(rag: Rag) -> None:
    """Check it because the name in another space can reveal something."""
    with rag.write_transaction() as connection:
        put_share(connection, Share("drive", "F9", "C1", "harmless.pdf"))
        put_share(connection, Share("drive", "F9", "C2", "a-telling-name.pdf"))
        assert [one.name for one in source_statuses(connection, "drive", ["F9"], "C1")] == ["harmless.pdf"]
        assert [one.name for one in source_statuses(connection, "drive", ["F9"], "C2")] == ["a-telling-name.pdf"]
        assert source_statuses(connection, "drive", ["F9"], "C3") == []


def test_forgotten_file_returns_when_shared_again_but_not_by_a_listing(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("drive", "F1", "C2"))
        settled(rag, "F1")
        assert rag.forget(["F1.pdf"], "C1") == ["F1.pdf"]
        put(rag, Share("drive", "F1", "C1", listed=True))
        assert stand(rag, "F1") == []
        assert stand(rag, "F1", space="C2") != []
        put(rag, Share("drive", "F1", "C1"))
        assert settled(rag, "F1")[0].state == "ready"
        put(rag, Share("drive", "F1", "C1", listed=True))
        assert settled(rag, "F1")[0].state == "ready"


def test_old_shares_expire(tmp_path: Path, drive: Drive) -> None:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, keep={"files_days": 30})
    with open_rag(settings, open_fetchers=lambda _: {"drive": drive}) as rag:
        with served(rag):
            put(rag, Share("drive", "F1", "C1"), Share("drive", "F2", "C1"))
            settled(rag, "F1", "F2")
        with rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE share SET shared_at = shared_at - 31 * 86400")
            put_share(connection, Share("drive", "F2", "C1"))
        rag.index([])
        assert names(rag, "gateway port", "C1") == []
        assert names(rag, "where herons nest", "C1") != []
        put(rag, Share("drive", "F1", "C1", listed=True))
        assert stand(rag, "F1") == []


@pytest.mark.parametrize("state", [ShareState.LEFT_OUT, ShareState.REFUSED])
def test_old_shares_that_are_not_indexed_expire_with_their_words(tmp_path: Path, state: ShareState) -> None:
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, keep={"files_days": 30})
    with open_rag(settings) as rag:
        with rag.write_transaction() as connection:
            for message, at in (("1.1", 1.1), ("2.1", time())):
                words = f"the zebra of {message}"
                new = Share("drive", f"F{message}", "C1", "a.pdf", shared_by="U1", message=message, shared_at=at)
                put_share(connection, replace(new, words=words, state=state))
        rag.index([])
        with rag.read_transaction() as connection:
            [kept] = list_shares(connection, states=[state])
            assert kept.message == "2.1"
            assert all(
                (row.words, row.name, row.shared_by) == ("", "", None)
                for row in list_shares(connection, states=[ShareState.FORGOTTEN])
            )
        rag.checkpoint()
    assert b"the zebra of 1.1" not in (tmp_path / "data" / "catalog.db").read_bytes()


def test_lists_allowed_and_unshared_documents(rag: Rag) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("drive", "F1", "C2"), Share("drive", "F2", "C3"))
        one, two = settled(rag, "F1")[0].document, settled(rag, "F2", space="C3")[0].document
    assert one is not None
    assert two is not None
    with rag.write_transaction() as connection:
        [found] = documents_allowed(connection, [one, two], Scope.of("C1", "C2", "C4"))
        assert (found.document, found.spaces, len(found.sha256)) == (one, ("C1", "C2"), 64)
        assert documents_allowed(connection, [one, two], Scope.of()) == []
        assert unshared_documents(connection, [one, two, 99]) == {99}
        delete_source(connection, "drive", "F1")
        assert documents_allowed(connection, [one], Scope.of("C1", "C2")) == []
        assert unshared_documents(connection, [one, two]) == {one}


# ---------------------------------------------------------------- hidden shares, and known bytes


def states(rag: Rag, ref: str = "F1") -> dict[tuple[str, str], ShareState]:
    with rag.read_transaction() as connection:
        rows = list_shares(connection, "drive", ref, states=tuple(ShareState))
    return {(row.space, row.message): row.state for row in rows}


def settle(rag: Rag, ref: str = "F1", **spaces: SpaceListing) -> dict[str, list[str]]:
    with rag.write_transaction() as connection:
        rows = list_shares(connection, "drive", ref, states=tuple(ShareState))
        return settle_shares(connection, "drive", ref, spaces, rows)


def listing(*messages: str, complete: bool = True) -> SpaceListing:
    return SpaceListing(dict.fromkeys(messages, ""), complete, bool(messages))


def message(ts: str, ref: str = "F1", space: str = "C1", **given: Any) -> Share:
    return Share("drive", ref, space, f"{ref}.pdf", message=ts, shared_at=float(ts), **given)


def test_checked_share_is_not_shown_and_keeps_its_extraction(rag: Rag, drive: Drive) -> None:
    with served(rag):
        put(rag, message("10"))
        settled(rag, "F1")
    with rag.write_transaction() as connection:
        check_space(connection, "drive", "F1", "C1", 20)
        assert documents_allowed(connection, [1], Scope.of("C1")) == []
    assert names(rag, "gateway port", "C1") == []
    assert rag.documents(Scope.of("C1")) == []
    assert stand(rag, "F1") == []
    put(rag, message("10"), message("10", listed=True))  # a repeated event and a late listing do not show it
    assert names(rag, "gateway port", "C1") == []
    assert settle(rag, C1=listing("10")) == {}
    assert names(rag, "gateway port", "C1") != []
    assert drive.asked == ["F1"]


def test_file_stays_while_one_of_two_messages_stands(rag: Rag) -> None:
    with served(rag):
        put(rag, message("10"), message("20"))
        settled(rag, "F1")
        with rag.write_transaction() as connection:
            assert not end_message(connection, "drive", "F1", "C1", "10")
        assert names(rag, "gateway port", "C1") != []
        with rag.write_transaction() as connection:
            assert not end_message(connection, "drive", "F1", "C1", "20")
        assert names(rag, "gateway port", "C1") == []


def test_end_that_arrives_first_keeps_the_share_out(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        end_message(connection, "drive", "F1", "C1", "10")
        assert put_share(connection, message("10")) is ShareState.DEPARTED
        assert put_share(connection, message("20")) is ShareState.SHARED
        delete_source(connection, "drive", "F2")
        assert put_share(connection, message("10", "F2", "C7")) is ShareState.DEPARTED
    assert stand(rag, "F2", space="C7") == []


def test_message_up_to_an_unexplained_departure_is_checked_before_it_is_shown(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        check_space(connection, "drive", "F1", "C1", 20)
        assert put_share(connection, message("10")) is ShareState.CHECKING
        assert put_share(connection, message("30")) is ShareState.SHARED
    assert settle(rag, C1=listing("30", "40")) == {"C1": ["40"]}
    assert states(rag)["C1", "30"] is ShareState.SHARED
    assert ("C1", "10") not in states(rag)


def test_late_event_of_a_departure_that_the_chat_confirmed_is_checked(rag: Rag) -> None:
    with rag.write_transaction() as connection:
        check_space(connection, "drive", "F1", "C1", 20)
    assert settle(rag, C1=listing()) == {}
    assert states(rag)["C1", ""] is ShareState.DEPARTED
    with rag.write_transaction() as connection:
        assert put_share(connection, message("10")) is ShareState.CHECKING
        assert put_share(connection, message("30")) is ShareState.SHARED


def test_refused_share_has_the_last_reason(rag: Rag) -> None:
    for reason in ("transcribing", "audio", ""):
        put(rag, replace(message("10"), state=ShareState.REFUSED, reason=reason))
    with rag.read_transaction() as connection:
        assert [row.reason for row in list_shares(connection, "drive", "F1", states=[ShareState.REFUSED])] == ["audio"]


def test_unknown_message_is_checked_when_a_known_one_ends(rag: Rag) -> None:
    put(rag, Share("drive", "F1", "C1", "F1.pdf"), message("10"))
    with rag.write_transaction() as connection:
        assert end_message(connection, "drive", "F1", "C1", "10")
    assert states(rag) == {("C1", ""): ShareState.CHECKING, ("C1", "10"): ShareState.DEPARTED}
    assert settle(rag, C1=listing("10", "5")) == {"C1": ["5"]}  # Slack still lists the deleted message
    assert states(rag)["C1", "10"] is ShareState.DEPARTED


def test_incomplete_listing_drops_nothing(rag: Rag) -> None:
    put(rag, message("10"), message("20"))
    assert settle(rag, C1=listing("20", complete=False)) == {}
    assert states(rag)["C1", "10"] is ShareState.SHARED
    assert settle(rag, C1=listing("20")) == {}
    assert ("C1", "10") not in states(rag)


def test_row_that_changed_while_the_chat_was_asked_is_not_settled(rag: Rag) -> None:
    put(rag, message("10"))
    with rag.write_transaction() as connection:
        before = list_shares(connection, "drive", "F1")
        check_space(connection, "drive", "F1", "C1", 20)
        settle_shares(connection, "drive", "F1", {"C1": listing("10")}, before)
    assert states(rag)["C1", "10"] is ShareState.CHECKING


def test_words_of_ended_shares_are_deleted_down_to_their_bytes(rag: Rag, tmp_path: Path) -> None:
    put(rag, message("10", words="Zanzibar harbor budget"))
    with rag.write_transaction() as connection:
        end_message(connection, "drive", "F1", "C1", "10")
    assert rag.checkpoint()
    assert b"zanzibar" not in (tmp_path / "catalog.db").read_bytes().lower()


@pytest.mark.parametrize("ref", ["F1", "F3"])
def test_known_bytes_appear_elsewhere_after_the_time_their_extraction_took(rag: Rag, drive: Drive, ref: str) -> None:
    """Use F3 as another upload of the bytes of F1."""
    drive.files["F3"] = drive.files["F1"]
    with served(rag):
        put(rag, Share("drive", "F1", "C1"), Share("path", "/none", "C1"))
        settled(rag, "F1")
        with rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE extraction SET seconds = 1000")
        put(rag, Share("drive", ref, "C2"))
        until_known(rag, ref)
        [held] = stand(rag, ref, space="C2")
        assert (held.state, held.page, held.pages) == ("reading", 0, 1)
        assert names(rag, "gateway port", "C2") == []
        assert names(rag, "gateway port", "C1") != []
        put(rag, Share("drive", ref, "C1"))  # shown there already
        assert stand(rag, ref, space="C1")[0].state == "ready"
        with rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE share SET visible_from = visible_from - 1000")
        assert stand(rag, ref, space="C2")[0].state == "ready"
        assert names(rag, "gateway port", "C2") != []


def test_known_bytes_are_delayed_in_both_messages_that_share_them(rag: Rag, drive: Drive) -> None:
    drive.files["F3"] = drive.files["F1"]
    with served(rag):
        put(rag, Share("drive", "F1", "C1"))
        settled(rag, "F1")
        with rag.write_transaction() as connection:
            connection.exec_driver_sql("UPDATE extraction SET seconds = 1000")
        put(rag, *(Share("drive", "F3", "C2", message=ts, shared_at=float(ts)) for ts in ("10", "11")))
        until_known(rag, "F3")
        assert [found.state for found in stand(rag, "F3", space="C2")] == ["reading"]
        assert names(rag, "gateway port", "C2") == []


def until_known(rag: Rag, ref: str) -> None:
    moment = threading.Event()
    for _ in range(600):
        with rag.read_transaction() as connection:
            if connection.exec_driver_sql("SELECT state FROM source WHERE ref = ?", (ref,)).scalar() == "known":
                return
        moment.wait(0.05)
    raise TimeoutError(ref)


def test_bytes_without_a_recorded_time_wait_half_a_second_per_page(rag: Rag, drive: Drive) -> None:
    with served(rag):
        put(rag, Share("drive", "F1", "C1"))
        settled(rag, "F1")
    with rag.write_transaction() as connection:
        connection.exec_driver_sql("UPDATE extraction SET seconds = NULL")
        put_share(connection, Share("drive", "F1", "C2"))
        found = connection.exec_driver_sql("SELECT visible_from - state_at FROM share WHERE space = 'C2'").scalar()
    assert found == pytest.approx(0.5, abs=0.001)


def test_leaving_a_space_keeps_only_what_has_ended(rag: Rag) -> None:
    """A name must not stay in the catalog, whatever its state, once Magpie is not in the space any more."""
    put(rag, message("10"), message("20", state=ShareState.LEFT_OUT), message("30", state=ShareState.REFUSED))
    with rag.write_transaction() as connection:
        end_message(connection, "drive", "F1", "C1", "40")
        leave_space(connection, "drive", "C1")
    assert states(rag) == {("C1", "40"): ShareState.DEPARTED}
