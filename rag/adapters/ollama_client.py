"""The client of the ollama package, for answers and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import BadSetting

if TYPE_CHECKING:
    import ollama

DEFAULT_ADDRESS = "http://127.0.0.1:11434"


def open_client(address: str, seconds: float, setting: str, connect: float = 5.0) -> ollama.Client:
    """Return a client that waits `seconds` for the next bytes, `connect` for a connection; the caller closes it.

    Requests go only to this address: redirects are not followed, and proxies from the environment are not used (httpx
    would use them even for loopback addresses). Raise BadSetting for an invalid address; `setting` is its name.
    """
    import httpx
    import ollama

    try:
        return ollama.Client(
            address,
            timeout=httpx.Timeout(connect=connect, read=seconds, write=30, pool=5),
            follow_redirects=False,
            mounts={"all://": None, "http://": None, "https://": None},
        )
    except (ValueError, httpx.InvalidURL) as error:
        raise BadSetting(
            f"{address!r} is not a valid URL of an Ollama server.", f"Set {setting} to one such as {DEFAULT_ADDRESS}."
        ) from error
