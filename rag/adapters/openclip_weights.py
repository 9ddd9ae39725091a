"""Choose the CLIP model and find its weights on disk. Only `pull` connects to the Hugging Face hub.

Does not import torch and open_clip, which take seconds, unless a model is not one of the presets.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.errors import BadSetting, EmbedderFailed, OperatorMustAct, WeightsMissing
from rag.model.operations import PublishedFigure
from rag.setting_groups import EmbedSettings

AUTO = "auto"

INSTALL_TORCH = (
    "To search pictures by what they show, install Magpie with torch: make install, the image `cpu` or `cuda`, or pip "
    "with constraints.txt (docs/start.md)."
)


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """An open_clip model that is known to work with Magpie. `memory_gb` is the size of its loaded weights."""

    model: str
    weights: str
    repository: str
    dim: int
    size: str
    memory_gb: float
    note: str
    good_at: str
    figures: tuple[PublishedFigure, ...] = ()


_MTEB = "means of embeddings-benchmark/results@f4cc6c8"
_TOKENIZER = "needs `pip install transformers`; set MAGPIE_EMBED__PICTURE_FLOOR for it, because its cosines are lower"

# Names and dimensions from open_clip 3.3; memory is parameters x bytes per parameter.
PRESETS = (
    ModelPreset(
        "ViT-g-14",
        "laion2b_s34b_b88k",
        "laion/CLIP-ViT-g-14-laion2B-s34B-b88K",
        1024,
        "1.37 B",
        2.7,
        "default on a GPU of 6 GB or more (fp16)",
        "photographs and drawings, by what they show",
        (PublishedFigure("ViDoRe v1, nDCG@5", 37.6, _MTEB),),
    ),
    ModelPreset(
        "ViT-B-32",
        "laion2b_s34b_b79k",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        512,
        "0.15 B",
        0.6,
        "default on a CPU, and on a smaller GPU",
        "photographs and drawings; fast",
        (PublishedFigure("ViDoRe v1, nDCG@5", 16.9, _MTEB),),
    ),
    ModelPreset(
        "MobileCLIP2-S0",
        "dfndr2b",
        "timm/MobileCLIP2-S0-OpenCLIP",
        512,
        "75 M",
        0.3,
        "for slow machines",
        "photographs; the smallest",
    ),
    ModelPreset(
        "ViT-SO400M-16-SigLIP2-384",
        "webli",
        "timm/ViT-SO400M-16-SigLIP2-384",
        1152,
        "1.14 B",
        2.3,
        f"for a GPU (fp16); {_TOKENIZER}",
        "screenshots and pictures with text",
        (
            PublishedFigure("ViDoRe v1, nDCG@5, of the first SigLIP", 56.4, _MTEB),
            PublishedFigure("ViDoRe v2, nDCG@5, of the first SigLIP", 33.0, _MTEB),
        ),
    ),
    ModelPreset(
        "ViT-SO400M-16-SigLIP2-512",
        "webli",
        "timm/ViT-SO400M-16-SigLIP2-512",
        1152,
        "1.14 B",
        2.3,
        f"for a GPU (fp16); {_TOKENIZER}",
        "screenshots and pictures with small text; 512 pixels instead of 384, so 1.8 times as slow",
    ),
)

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")

_WEIGHTS_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Choice:
    """The resolved settings: device, model, and weights as a tag or file."""

    device: str
    model: str
    weights: str
    config: Path | None


def choose(settings: EmbedSettings) -> Choice:
    """Resolve every `auto`. A device other than `auto` is not checked.

    Raise BadSetting for a model that open_clip does not know, or that has no default weights, and EmbedderFailed in an
    installation without torch.
    """
    _packages()
    device = _find_device() if settings.device == AUTO else settings.device
    default = default_preset(device, None if device == "cpu" else _gpu_memory_gb(device))
    model = default.model if settings.model == AUTO else settings.model
    weights = settings.weights
    architecture(Choice(device, model, weights, settings.config))
    if weights == AUTO:
        weights = next((preset.weights for preset in PRESETS if preset.model == model), "")
        if not weights:
            raise BadSetting(f"The model {model!r} has no default weights.", "Set MAGPIE_EMBED__WEIGHTS as well.")
    return Choice(device, model, weights, settings.config)


def default_preset(device: str, memory_gb: float | None) -> ModelPreset:
    """Return the preset that `auto` means: the large one on a GPU if it leaves half of its memory to other models.

    `memory_gb` is that of the GPU, None if unknown. Weights that were downloaded already are used on any GPU.
    """
    large, small = PRESETS[0], PRESETS[1]
    if device == "cpu":
        return small
    fits = memory_gb is None or memory_gb >= 2 * large.memory_gb
    return large if fits or cached(large.model, large.weights) is not None else small


def resolve(settings: EmbedSettings) -> EmbedSettings:
    """Return the settings with device, model and weights as `choose` chooses them."""
    choice = choose(settings)
    return settings.model_copy(
        update={"device": choice.device, "model": choice.model, "weights": choice.weights, "config": choice.config}
    )


def architecture(choice: Choice) -> Mapping[str, Any]:
    """Return the model's configuration: the file in embed.config, or open_clip's own. Does not import open_clip."""
    return _builtin_config(choice.model) if choice.config is None else _own_config(choice.config, choice.model)


def _packages() -> Path:
    """Return the folder of open_clip. Raise EmbedderFailed if it or torch is not installed."""
    spec = find_spec("open_clip")
    missing = "open_clip" if spec is None or spec.origin is None else "" if find_spec("torch") else "torch"
    if spec is None or spec.origin is None or missing:
        raise EmbedderFailed(f"The package {missing} is not installed.", INSTALL_TORCH)
    return Path(spec.origin).parent


def _builtin_config(model: str) -> Mapping[str, Any]:
    known = {path.stem: path for path in (_packages() / "model_configs").glob("*.json")}
    if model not in known:
        near = difflib.get_close_matches(model, known, 3, 0.4)
        hint = f"Similar names: {', '.join(near)}." if near else "Known models: magpie models"
        raise BadSetting(f"open_clip has no model {model!r}.", hint)
    found: Mapping[str, Any] = json.loads(known[model].read_text(encoding="utf-8"))
    return found


def _own_config(path: Path, model: str) -> Mapping[str, Any]:
    if not path.is_file():
        raise BadSetting(f"There is no file {path}.", "Set MAGPIE_EMBED__CONFIG to a model's JSON file.")
    if path.stem != model:
        raise BadSetting(
            f"{path.name} describes the model {path.stem!r}, not {model!r}.", f"Set MAGPIE_EMBED__MODEL to {path.stem}."
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadSetting(f"{path.name} is not valid JSON: {error}.", "Correct the file.") from error
    if not isinstance(found, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= found.keys():
        raise BadSetting(f"{path.name} does not describe a model.", "It needs embed_dim, vision_cfg and text_cfg.")
    return found


def find_weights(choice: Choice) -> Path:
    """Return the weights file on this machine. Raise WeightsMissing with the command that downloads it."""
    if is_file_name(choice.weights):
        path = Path(choice.weights).expanduser()
        if not path.is_file():
            raise WeightsMissing(f"There are no weights at {path}.", "Set MAGPIE_EMBED__WEIGHTS to an existing file.")
        return path
    found = cached(choice.model, choice.weights)
    if found is None:
        raise WeightsMissing(
            f"The weights of {choice.model} ({choice.weights}) are not on this machine.", "magpie models pull"
        )
    return found


def has_weights(choice: Choice) -> bool:
    """Return whether the weights are on this machine."""
    try:
        find_weights(choice)
    except WeightsMissing:
        return False
    return True


def cached(model: str, weights: str) -> Path | None:
    """Return the weights file of a tag in the local Hugging Face cache, or None. Does not use the network."""
    from huggingface_hub import try_to_load_from_cache

    repository, files = _hub_files(model, weights)
    for name in files:
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    return None


def fingerprint(path: Path) -> str:
    """Return 12 hex digits of the weights' SHA-256, which is the file's name in the Hugging Face cache."""
    blob = path.resolve().name
    if len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob[:12]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:12]


def pull(model: str, weights: str, report: Callable[[str], None]) -> Path:
    """Download a tag's weights from the hub into the local cache, and the tokenizer if the model uses one from the hub.

    Raise OperatorMustAct if the download fails, BadSetting for an unknown tag.
    """
    found = cached(model, weights)
    if found is not None:
        report(f"{model} ({weights}) is already downloaded.")
        return found
    repository, files = _hub_files(model, weights)
    tokenizer = _builtin_config(model)["text_cfg"].get("hf_tokenizer_name")
    check_hub()
    for name in _TOKENIZER_FILES if tokenizer else ():
        _download(tokenizer, name, report)
    for name in files:
        path = _download(repository, name, report)
        if path is not None:
            return path
    raise OperatorMustAct(f"{repository} has no weights that open_clip can load.", "Choose another model.")


def _download(repository: str, name: str, report: Callable[[str], None]) -> Path | None:
    """Download a file and return its path, or None if the repository does not have it."""
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    report(f"Looking for {name} in {repository} ...")
    try:
        return Path(hf_hub_download(repository, name))
    except LocalEntryNotFoundError as error:
        raise unreachable() from error
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OperatorMustAct(
            f"The weights could not be downloaded: {reason}",
            "Try again, or copy the cache (HF_HOME) from another machine.",
        ) from error


def check_hub() -> None:
    """Raise OperatorMustAct if the hub cannot be reached; its own client would retry for most of a minute."""
    import httpx
    from huggingface_hub import constants

    try:
        httpx.head(constants.ENDPOINT, timeout=5, follow_redirects=True)
    except httpx.HTTPError as error:
        raise unreachable() from error


def unreachable() -> OperatorMustAct:
    return OperatorMustAct(
        "The model hub cannot be reached from this machine.",
        "Download on another machine and copy its cache (HF_HOME), or set MAGPIE_EMBED__WEIGHTS to a file.",
    )


def _hub_files(model: str, weights: str) -> tuple[str, tuple[str, ...]]:
    """Return the repository of a tag and its candidate file names."""
    for preset in PRESETS:
        if (preset.model, preset.weights) == (model, weights):
            return preset.repository, _WEIGHTS_FILES
    from open_clip.pretrained import get_pretrained_cfg, list_pretrained_tags_by_model

    config = get_pretrained_cfg(model, weights)
    if not config or not config.get("hf_hub"):
        tags = list_pretrained_tags_by_model(model)
        hint = f"Known weights: {', '.join(tags)}." if tags else "Set MAGPIE_EMBED__WEIGHTS to a file."
        raise BadSetting(f"The hub has no weights {weights!r} of {model}.", hint)
    repository, _, name = config["hf_hub"].rstrip("/").rpartition("/")
    if repository.count("/") == 1:
        return repository, (name, *_WEIGHTS_FILES)
    return config["hf_hub"].rstrip("/"), _WEIGHTS_FILES


def is_file_name(weights: str) -> bool:
    """Return whether embed.weights is a file name, not one of open_clip's tags."""
    return os.sep in weights or weights.endswith((".pt", ".pth", ".bin", ".safetensors"))


def _find_device() -> str:
    """Return cuda or mps if torch can use it, else cpu. torch is imported only if there are signs of a GPU."""
    if not _has_signs_of_gpu():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _gpu_memory_gb(device: str) -> float | None:
    """Return the memory of a CUDA device in GB; None if it has none of its own, or cannot be asked."""
    if not device.startswith("cuda") or not _has_signs_of_gpu():
        return None
    import torch

    try:
        return float(torch.cuda.get_device_properties(device).total_memory) / 1e9
    except (RuntimeError, AssertionError, ValueError):  # no such device: an error of its own says so later
        return None


def _has_signs_of_gpu() -> bool:
    if sys.platform != "linux":
        return True
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
