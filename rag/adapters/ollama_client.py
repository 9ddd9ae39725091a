"""The ollama package's client, for whoever asks Ollama: for answers or for vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import BadSetting

if TYPE_CHECKING:
    import ollama

DEFAULT_ADDRESS = "http://127.0.0.1:11434"


def open_client(address: str, seconds: float, setting: str) -> ollama.Client:
    """A client that waits `seconds` for the next bytes; close it. Raise BadSetting, naming the setting, for no address.

    What is asked goes to the address that was set and nowhere else: no redirect, and no proxy of the environment,
    which httpx would use for loopback addresses too.
    """
    import httpx
    import ollama

    try:
        return ollama.Client(
            address,
            timeout=httpx.Timeout(connect=5, read=seconds, write=30, pool=5),
            follow_redirects=False,
            mounts={"all://": None, "http://": None, "https://": None},
        )
    except (ValueError, httpx.InvalidURL) as error:
        raise BadSetting(
            f"{address!r} is no address of an Ollama server.", f"Set {setting} to one such as {DEFAULT_ADDRESS}."
        ) from error
