"""The OpenAPI description of the HTTP API, generated from the operations."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

from pydantic.json_schema import models_json_schema

from bot.api.models import ErrorResponse
from bot.api.operations import OPERATIONS, Operation

_ERRORS = {
    "400": "The body does not have the described form.",
    "401": "The token is missing, unknown, ended or revoked, or its person left the workspace.",
    "404": "This token cannot open a document or page with this id.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "The image cannot be read.",
    "429": "Too many calls. The header Retry-After says when to call again.",
    "503": "Magpie cannot answer now.",
}


def openapi_schema() -> dict[str, Any]:
    """Return the description as a JSON object."""
    models = [model for one in OPERATIONS for model in (one.request, one.response)]
    _, definitions = models_json_schema(
        [*((model, "validation") for model in dict.fromkeys(models)), (ErrorResponse, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Magpie",
            "version": version_of("magpie"),
            "description": "Search and ask the files that a team shares, within what the token's holder may see.",
        },
        "security": [{"token": []}],
        "paths": {f"/v1/{one.id}": {"post": _post(one)} for one in OPERATIONS},
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _post(operation: Operation) -> dict[str, Any]:
    responses = {"200": _content(operation.response, operation.title)}
    responses |= {status: _content(ErrorResponse, why) for status, why in _ERRORS.items()}
    return {
        "operationId": operation.id,
        "summary": operation.title,
        "description": operation.description,
        "requestBody": _content(operation.request, "") | {"required": True},
        "responses": responses,
    }


def _content(model: type[Any], description: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    described = {"description": description} if description else {}
    return described | {"content": {"application/json": {"schema": schema}}}
