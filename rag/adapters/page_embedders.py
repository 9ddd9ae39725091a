"""Choose the late-interaction model that the settings name."""

from __future__ import annotations

from collections.abc import Callable

from rag.errors import EmbedderFailed
from rag.ports import PageEmbedder
from rag.setting_groups import EmbedSettings, PageImageSettings

SERVER = "server"


def open_page_embedder(
    settings: PageImageSettings,
    server: EmbedSettings,
    threads: int | None,
    on_close: Callable[[Callable[[], None]], object],
) -> PageEmbedder:
    """Return the model of `page_images.model`. It loads nothing and connects to nothing yet.

    `on_close` gets what closes its connections. Raise EmbedderFailed if the server's address is not set, BadSetting for
    an invalid one.
    """
    if settings.model == SERVER:
        from rag.adapters.remote_pages import open_remote_pages

        if not server.url:
            raise EmbedderFailed(
                "MAGPIE_PAGE_IMAGES__MODEL is server, and no model server is set",
                "Set MAGPIE_EMBED__URL, or MAGPIE_PAGE_IMAGES__MODEL to st:NAME.",
            )
        remote = open_remote_pages(server)
        on_close(remote.close)
        return remote
    from rag.adapters.late_interaction import LateInteractionModel

    return LateInteractionModel(settings, threads)
