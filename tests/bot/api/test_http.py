"""The HTTP API: responses have the form that its OpenAPI description says, and every check comes before the call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import jsonschema
import pytest
from starlette.testclient import TestClient

from bot.api import request_guard
from bot.api.api import Api
from bot.api.call_limits import AT_ONCE
from bot.api.http import MAX_BYTES, build_server
from bot.api.operations import OPERATIONS
from rag import BadSetting
from rag.errors import EmbedderDown
from tests.bot.api.conftest import Office

HERE = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def client(office: Office) -> Iterator[TestClient]:
    with TestClient(build_server(office.api, "127.0.0.1", ["magpie.example.org"]), HERE) as client:
        yield client


@pytest.fixture
def ben(office: Office) -> dict[str, str]:
    return {"authorization": f"Bearer {office.token(office.ben)[1]}"}


def schema_of(client: TestClient, name: str, status: int, sent: bool = False) -> dict[str, Any]:
    """Return the schema of a response, or of the request that is `sent`, with the schemas that it refers to."""
    described = client.get("/v1/openapi.json").json()
    post = described["paths"][f"/v1/{name}"]["post"]
    part = post["requestBody"] if sent else post["responses"][str(status)]
    return {**part["content"]["application/json"]["schema"], "components": described["components"]}


def checked(client: TestClient, name: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Return the JSON of a response, once it and the request were checked against the description."""
    response = client.post(f"/v1/{name}", json=body, headers=headers)
    if response.status_code == 200:
        jsonschema.validate(body, schema_of(client, name, 200, sent=True))
    jsonschema.validate(response.json(), schema_of(client, name, response.status_code))
    return response.json()


def test_every_operation_answers_as_it_is_described(client: TestClient, ben: dict[str, str]) -> None:
    found = checked(client, "search", {"query": "gateway port"}, ben)
    assert [page["citation"] for page in found["pages"]] == ["handbook.pdf, p. 2 (printed p2)"]
    answer = checked(client, "ask", {"question": "Which port does the gateway listen on?"}, ben)
    assert answer["answer"] == "The gateway listens on port 8443 [1]"
    document = answer["citations"][0]["document"]
    assert checked(client, "get_page", {"document": document, "page": 2}, ben)["picture"]["type"] == "image/jpeg"
    assert checked(client, "list_documents", {}, ben)["total"] == 1
    refused = checked(client, "similar_to_image", {"image": "aGVsbG8="}, ben)
    assert refused["error"]["code"] == "unusable"
    described = client.get("/v1/openapi.json").json()
    assert set(described["paths"]) == {f"/v1/{operation.id}" for operation in OPERATIONS}


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("search", {"query": ""}, 400, "invalid"),
        ("search", {"query": "gateway", "spaces": ["C1"]}, 400, "invalid"),
        ("search", {"query": "gateway", "limit": 1000}, 400, "invalid"),
        ("get_page", {"document": "%", "page": 1}, 400, "invalid"),
        ("get_page", {"document": "0" * 16, "page": 1}, 404, "not_found"),
    ],
)
def test_wrong_request_is_explained(
    client: TestClient, ben: dict[str, str], name: str, body: dict[str, Any], status: int, code: str
) -> None:
    response = client.post(f"/v1/{name}", json=body, headers=ben)
    assert (response.status_code, checked(client, name, body, ben)["error"]["code"]) == (status, code)


def test_body_that_is_not_json_is_refused(client: TestClient, ben: dict[str, str]) -> None:
    form = client.post("/v1/search", content="query=gateway", headers=ben)
    assert (form.status_code, form.json()["error"]["code"]) == (415, "not_json")
    broken = client.post("/v1/search", content="{", headers={**ben, "content-type": "application/json"})
    assert broken.status_code == 400


def test_large_body_is_refused(client: TestClient, ben: dict[str, str]) -> None:
    headers = {**ben, "content-type": "application/json"}
    assert client.post("/v1/ask", content=b" " * (MAX_BYTES + 1), headers=headers).status_code == 413


@pytest.mark.parametrize("given", [{}, {"authorization": "Bearer magpie_00000000_" + "A" * 43}])
def test_request_without_a_valid_token_is_refused_before_its_body_is_read(
    client: TestClient, given: dict[str, str]
) -> None:
    response = client.post("/v1/search", content=b"\xff" * 100, headers=given)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "token_refused")
    assert response.headers["www-authenticate"] == "Bearer"


def test_too_many_calls_are_refused_with_a_time_to_wait(office: Office) -> None:
    api = Api(office.rag, office.access, office.fair, 2, office.stop)
    headers = {"authorization": f"Bearer {office.token('', 'local')[1]}"}
    with TestClient(build_server(api, "127.0.0.1", []), HERE) as client:
        sent = [client.post("/v1/list_documents", json={}, headers=headers) for _ in range(3)]
    assert [response.status_code for response in sent] == [200, 200, 429]
    assert 1 <= int(sent[2].headers["retry-after"]) <= 30


def test_calls_at_the_same_time_are_refused(office: Office, client: TestClient) -> None:
    token, text = office.token("", "local")
    held = [office.api.calling(token) for _ in range(AT_ONCE)]
    with ExitStack() as running:
        for one in held:
            running.enter_context(one)
        headers = {"authorization": f"Bearer {text}"}
        assert client.post("/v1/list_documents", json={}, headers=headers).status_code == 429


def test_deactivated_person_gets_401(office: Office, client: TestClient) -> None:
    fritz = office.person("fritz")
    headers = {"authorization": f"Bearer {office.token(fritz)[1]}"}
    assert client.post("/v1/list_documents", json={}, headers=headers).status_code == 200
    office.ws.deactivate(fritz)
    for _ in range(2):
        response = client.post("/v1/list_documents", json={}, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "token_refused")


def test_unreachable_slack_gives_503(office: Office, client: TestClient, ben: dict[str, str]) -> None:
    office.ws.faults.fail("users.info", 1, status=503)
    response = client.post("/v1/list_documents", json={}, headers=ben)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "try_again")
    assert response.headers["retry-after"]


# ---------------------------------------------------------------- other sites


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8765", "magpie.example.org.evil.example", ""])
def test_request_for_another_host_is_refused(client: TestClient, ben: dict[str, str], host: str) -> None:
    """DNS rebinding: a page's own name points to this machine."""
    response = client.post("/v1/list_documents", json={}, headers={**ben, "host": host})
    assert response.status_code == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8765", "localhost:1", "[::1]:8765", "magpie.example.org", "MAGPIE.example.org:443"]
)
def test_own_hosts_are_accepted(client: TestClient, ben: dict[str, str], host: str) -> None:
    assert client.post("/v1/list_documents", json={}, headers={**ben, "host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "file://", "http://[", ""])
def test_page_of_another_site_is_refused(client: TestClient, ben: dict[str, str], origin: str) -> None:
    response = client.post("/v1/list_documents", json={}, headers={**ben, "origin": origin})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "other_site")


def test_page_of_the_same_site_is_accepted(client: TestClient, ben: dict[str, str]) -> None:
    assert client.post("/v1/list_documents", json={}, headers={**ben, "origin": HERE}).status_code == 200


def test_address_that_others_reach_needs_a_host_name(office: Office) -> None:
    with pytest.raises(BadSetting, match="SLACK_TOOLS_HOST is 0"):
        build_server(office.api, "0.0.0.0", [])
    build_server(office.api, "0.0.0.0", ["magpie.example.org"])


def test_error_that_only_the_operator_can_mend_is_not_described(office: Office) -> None:
    response = request_guard.error_response(EmbedderDown("No server at http://10.0.0.7:8000.", "Start it."))
    assert response.status_code == 503
    assert b"10.0.0.7" not in bytes(response.body)
