"""The examples of docs/api.md do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from bot.api.http import MAX_BYTES, build_server
from bot.api.models import ErrorResponse, SearchResponse
from bot.api.operations import OPERATIONS
from tests.bot.api.conftest import Office

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CURLS = [text for kind, text in BLOCKS if kind == "sh" and text.startswith("curl")]


@pytest.fixture(scope="module")
def client(office: Office) -> Iterator[TestClient]:
    with TestClient(build_server(office.api, "127.0.0.1", []), "http://127.0.0.1:8765") as client:
        yield client


def sent(client: TestClient, office: Office, command: str, document: str) -> Any:
    """Send the request of a curl command, with a token and a document that exist."""
    command = command.replace("$TOKEN", office.token(office.ada)[1]).replace("0e3f6f8dbf27a8a1", document)
    _, _, url, *options = shlex.split(command)
    given = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    [body] = [value for option, value in given if option == "-d"]
    return client.post(url, content=body, headers=headers)


def test_curl_examples_answer(client: TestClient, office: Office) -> None:
    [document] = office.call(office.token(office.ben)[0], "list_documents").documents
    said = {command.split()[2]: sent(client, office, command, document.document) for command in CURLS}
    assert {url.rpartition("/")[2] for url in said} == {one.id for one in OPERATIONS} - {"similar_to_image"}
    assert [response.status_code for response in said.values()] == [200] * len(CURLS)
    found: dict[str, Any] = {url.rpartition("/")[2]: response.json() for url, response in said.items()}
    assert found["ask"]["answer"] == "The gateway listens on port 8443 [1]"
    assert found["get_page"]["text"] == "The gateway listens on port 8443"
    assert found["list_documents"]["total"] == 1


def test_json_examples_have_the_described_form() -> None:
    shown = [json.loads(text) for kind, text in BLOCKS if kind == "json"]
    [search] = [each for each in shown if "pages" in each]
    jsonschema.validate(search, SearchResponse.model_json_schema())
    assert set(search["pages"][0]) == set(SearchResponse.model_json_schema()["$defs"]["Page"]["required"])
    [error] = [each for each in shown if "error" in each]
    jsonschema.validate(error, ErrorResponse.model_json_schema())


def test_page_names_every_operation_and_the_limit_of_a_body() -> None:
    for operation in OPERATIONS:
        assert f"`{operation.id}`" in PAGE
    assert f"larger than {MAX_BYTES >> 20} MB" in PAGE
