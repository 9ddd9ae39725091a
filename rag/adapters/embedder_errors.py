"""Map the errors of model servers to those of text embedders, with remedies for the embedder's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rag.errors import (
    EmbedderBusy,
    EmbedderDown,
    EmbedderFailed,
    GeneratorDown,
    MagpieError,
    ModelMissing,
    ModelUnfit,
    TryAgain,
    WeightsMissing,
)


@dataclass(frozen=True, slots=True)
class Remedies:
    """The server's name in messages, and what helps: if it is down, lacks the model, cannot embed, or fails once."""

    server: str
    model: str
    address: str
    down: str
    missing: str
    unfit: str
    busy: str


@contextmanager
def as_embedder_errors(remedies: Remedies) -> Iterator[None]:
    """Raise each error of a generator in the block as the embedder's error of the same kind."""
    server, model = remedies.server, remedies.model
    try:
        yield
    except GeneratorDown as error:
        raise EmbedderDown(str(error), remedies.down) from error
    except ModelMissing as error:
        message = f"The model {model} is not on the {server} at {remedies.address}."
        raise WeightsMissing(message, remedies.missing) from error
    except ModelUnfit as error:
        raise EmbedderFailed(f"The {server} cannot embed with {model}: {_cause(error)}", remedies.unfit) from error
    except TryAgain as error:
        message = f"The {server} did not embed the texts: {_cause(error)}"
        raise EmbedderBusy(message, f"Magpie tries again. {remedies.busy}") from error


def _cause(error: MagpieError) -> str:
    """Return the first line of the original error's message."""
    return str(error.__cause__ or error).splitlines()[0][:200]
