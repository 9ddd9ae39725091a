"""The HTTP client for OpenAI-compatible servers."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from rag.adapters.openai_errors import map_message
from rag.errors import BadSetting, MagpieError
from rag.setting_groups import AnswerSettings

_EXAMPLE = "http://127.0.0.1:8000/v1"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is, and the settings that say so: `group` is the start of their names, such as MAGPIE_ANSWER."""

    host: str
    api_key: SecretStr | None
    allow_public: bool
    group: str


def generator_address(settings: AnswerSettings) -> ServerAddress:
    return ServerAddress(settings.host, settings.api_key, settings.allow_public, "MAGPIE_ANSWER")


def open_openai_client(server: ServerAddress, seconds: float) -> httpx.Client:
    """Return a client for the server that waits `seconds` for the next bytes; the caller closes it.

    Requests go only to this address: redirects are not followed, and proxies from the environment are not used. Raise
    BadSetting if the address is missing or invalid, or if it is outside of private networks and that is not allowed.
    """
    url = base_url(server.host, server.group)
    if not server.allow_public:
        _refuse_public(url, server.group)
    key = server.api_key.get_secret_value() if server.api_key else ""
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(connect=5, read=seconds, write=30, pool=5),
        follow_redirects=False,
        trust_env=False,
    )


def base_url(host: str, group: str) -> httpx.URL:
    """Return the address of the API, with /v1 if the setting has no path. Raise BadSetting for an invalid address."""
    remedy = f"Set {group}__HOST to the address of the model server, such as {_EXAMPLE}."
    if not host.strip():
        raise BadSetting(f"An OpenAI-compatible server is set, and {group}__HOST is empty.", remedy)
    address = host.strip() if "://" in host else f"http://{host.strip()}"
    try:
        url = httpx.URL(address.rstrip("/"))
        is_valid = url.scheme in ("http", "https") and bool(url.host) and urlsplit(address).port != 0
    except (httpx.InvalidURL, ValueError) as error:
        raise BadSetting(f"{host!r} is not a valid URL of a model server.", remedy) from error
    if not is_valid:
        raise BadSetting(f"{host!r} is not a valid URL of a model server.", remedy)
    return url if url.path.strip("/") else url.copy_with(path="/v1")


def response_error(response: httpx.Response, model: str, host: str) -> MagpieError:
    """Return the error for a response that is not a stream."""
    return map_message(error_body(response), response.status_code, model, host)


def error_body(response: httpx.Response) -> object:
    """Return the JSON of a response that is not a stream; an empty string if it has none."""
    response.read()
    try:
        body: object = response.json()
    except ValueError:
        return ""
    return body


def _refuse_public(url: httpx.URL, group: str) -> None:
    """Raise BadSetting if the host has a public address. A name that does not resolve fails when it is connected to."""
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except OSError:
        return
    if any(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global for *_, address in found):
        raise BadSetting(
            f"The model server {url.host} is on the internet: the passages would leave your network.",
            f"Set {group}__HOST to a server of yours, or {group}__ALLOW_PUBLIC=true if this one is yours.",
        )
