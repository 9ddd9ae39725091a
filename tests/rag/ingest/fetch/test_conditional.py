"""A page is fetched again only if its server says that it changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.ingest.fetch.conditional import Validators
from rag.ingest.fetch.urls import UrlFetcher
from rag.ports import FetchResult
from rag.setting_groups import ReadSettings, WebSettings
from tests.rag.ingest.fetch.etag_site import EtagSite, etag_site


def fetch(site: EtagSite, path: str, into: Path, known: str = "") -> FetchResult:
    web = WebSettings(allow=("127.0.0.1",), seconds=20, browser="off")
    return UrlFetcher(web, ReadSettings(), known=lambda _: known)(site.url + path, into / "copy")


@pytest.mark.parametrize("path", ["/page", "/moved"])
def test_unchanged_file_is_not_downloaded_again(tmp_path: Path, path: str) -> None:
    with etag_site(b"%PDF words", '"one"') as site:
        first = fetch(site, path, tmp_path)
        (tmp_path / "copy").unlink()
        again = fetch(site, path, tmp_path, first.validators)
        assert (first.unchanged, again.unchanged) == (False, True)
        assert not (tmp_path / "copy").exists()
        site.etag = '"two"'
        changed = fetch(site, path, tmp_path, first.validators)
    assert not changed.unchanged
    assert Validators.decode(changed.validators).etag == '"two"'


def test_unchanged_web_page_does_not_start_the_browser(tmp_path: Path) -> None:
    with etag_site(b"<p>words</p>", '"one"', "text/html") as site:
        known = Validators(f"{site.url}/page", '"one"').encode()
        assert fetch(site, "/page", tmp_path, known).unchanged  # without a browser it could not be rendered


def test_conditions_are_sent_to_the_address_that_they_come_from_only(tmp_path: Path) -> None:
    with etag_site(b"%PDF words", '"one"') as site:
        fetch(
            site, "/moved", tmp_path, Validators(f"{site.url}/page", '"old"', "Mon, 01 Jan 2024 00:00:00 GMT").encode()
        )
        fetch(site, "/page", tmp_path, Validators("http://other.example/page", '"one"').encode())
        assert site.conditions() == [None, '"old"', None]
        assert site.asked[1][1]["If-Modified-Since"] == "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize("etag", ["x" * 600, "caf\u00e9", ""])
def test_unusable_validator_is_not_kept(etag: str) -> None:
    assert Validators.of_response("http://a.example/", {"etag": etag}).encode() == ""


@pytest.mark.parametrize("text", ["", "[]", "null", '{"other": 1}', "{"])
def test_unreadable_validators_count_as_none(text: str) -> None:
    assert Validators.decode(text) == Validators()
