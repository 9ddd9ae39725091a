"""Models of sentence-transformers in the local Hugging Face cache. Only `download_model` connects to the hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rag.adapters.openclip_weights import check_hub, unreachable
from rag.errors import OperatorMustAct, WeightsMissing

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_INDEX = "model.safetensors.index.json"
"""Names the files of weights that are too large for one."""

_NEEDED = ("config.json", "tokenizer_config.json")

_PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
_UNUSED = ("onnx/*", "openvino/*")
"""The same weights for other runtimes, as large again."""


def cached_model(repository: str, cache: Path | None = None) -> Path | None:
    """Return the folder of a model whose weights are in the local cache, or None. Does not use the network.

    `cache`: another cache than huggingface_hub's. Another program may have cached some of the model's files only.
    """
    from huggingface_hub import try_to_load_from_cache

    files = [try_to_load_from_cache(repository, name, cache_dir=cache) for name in _NEEDED]
    if not all(isinstance(file, str) for file in files):
        return None
    folder = Path(str(files[0])).parent
    return folder if _has_weights(folder) else None


def _has_weights(folder: Path) -> bool:
    """Return whether a folder has the weights of a model, in one file or in all the parts that an index names."""
    if any((folder / name).is_file() for name in _WEIGHTS):
        return True
    index = folder / _INDEX
    if not index.is_file():
        return False
    parts = set(json.loads(index.read_bytes())["weight_map"].values())
    return all((folder / part).is_file() for part in parts)


def model_folder(name: str, owner: str, setting: str) -> Path:
    """Return the folder of a model: `name` itself if it is one, else that of a repository in the local cache.

    `owner` is that of a name without one. Raise WeightsMissing, with a remedy for `setting`.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repository = name if "/" in name else f"{owner}/{name}"
    try:
        # `magpie models pull` leaves out files that are not needed; then the snapshot is not complete.
        return cached_model(repository) or Path(snapshot_download(repository, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise WeightsMissing(
            f"the model {name} is not a folder, and not in the Hugging Face cache on this machine",
            f"hf download {repository}, or set its folder: {setting}=st:/path/to/model",
        ) from error


def download_model(repository: str, report: Callable[[str], None]) -> Path:
    """Download a model into the local cache and return its folder.

    Raise OperatorMustAct if it cannot be downloaded.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    found = cached_model(repository)
    if found is not None:
        report(f"{repository} is already downloaded.")
        return found
    check_hub()
    report(f"Downloading {repository} ...")
    try:
        folder = snapshot_download(repository, allow_patterns=list(_PATTERNS), ignore_patterns=list(_UNUSED))
    except LocalEntryNotFoundError as error:
        raise unreachable() from error
    except Exception as error:  # the client raises errors of its HTTP library, which changes with its version
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OperatorMustAct(
            f"The text embedder {repository} could not be downloaded: {reason}",
            "Try again, or copy the cache (HF_HOME) from another machine.",
        ) from error
    if cached_model(repository) is None:
        raise OperatorMustAct(
            f"{repository} has no weights that sentence-transformers can load.",
            "Set MAGPIE_TEXT__MODEL to st: and another model, and pull again.",
        )
    return Path(folder)
