"""All settings with bounds and defaults, read from the environment: `embed.device` is MAGPIE_EMBED__DEVICE.

The reference in docs/configuration.md is generated from these classes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rag.errors import BadSetting

PREFIX = "MAGPIE_"


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReadSettings(Group):
    """rag/extract"""

    workers: int = Field(default=0, ge=0, le=64, description="extraction processes; 0: one per core, at most 4")
    ocr: bool = Field(default=True, description="recognize text on pages and in pictures without a text layer")
    layout: bool = Field(default=True, description="analyze layout by PyMuPDF; off: plain text blocks")
    page_seconds: float = Field(default=60, ge=1, le=3600, description="time limit for one page")
    memory_mb: int = Field(default=3000, ge=1000, le=64000, description="memory limit of an extraction process")
    max_pages: int = Field(default=5000, ge=1, description="files with more pages are rejected")
    max_mb: int = Field(default=200, ge=1, description="larger files are rejected")
    max_megapixels: int = Field(default=100, ge=1, description="larger pictures are rejected")
    office: str = Field(default="", description="path of LibreOffice; empty: found on PATH; off: no office documents")
    convert_seconds: float = Field(default=120, ge=1, le=3600, description="time limit for converting a file to PDF")
    render_px: int = Field(default=1600, ge=400, le=4000, description="long side of a stored page image, in pixels")


class KeepSettings(Group):
    """rag/operations/retention.py"""

    files_days: int = Field(
        default=0, ge=0, le=36500, description="days after which a file is deleted, unless it is shared again; 0: never"
    )


class WebSettings(Group):
    """rag/ingest/fetch"""

    browser: str = Field(default="", description="path of Chromium; empty: found on PATH; off: no web pages")
    seconds: float = Field(default=60, ge=1, le=600, description="time limit for one web page")
    max_mb: int = Field(default=50, ge=1, le=2000, description="web pages that load more are rejected")
    at_once: int = Field(
        default=2, ge=1, le=16, description="web pages fetched in parallel, one per host; each starts a browser"
    )
    tiles: int = Field(
        default=20, ge=1, le=200, description="most PDF pages made from one web page; the rest is left out"
    )
    allow: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="hosts in your own network that may be fetched, comma-separated"
    )

    @field_validator("allow", mode="before")
    @classmethod
    def _hosts(cls, value: object) -> object:
        return (
            tuple(part.strip().lower() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )


class EmbedSettings(Group):
    """rag/adapters/openclip.py"""

    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    model: str = Field(default="auto", description="open_clip model name; auto: ViT-g-14 on a GPU, ViT-B-32 on a CPU")
    weights: str = Field(default="auto", description="open_clip pretrained tag, or a weights file; auto: the preset's")
    config: Path | None = Field(
        default=None, description="JSON file of your own open_clip architecture, named by embed.model"
    )
    query_side: Literal["clip", "projection"] = Field(
        default="clip",
        description="how questions are embedded for pictures: clip: the text tower; projection: a trained projection",
    )
    url: str = Field(default="", description="a model server, http://HOST:8468; empty: CLIP runs in this process")
    token: SecretStr | None = Field(default=None, description="shared secret of the model server and its clients")
    seconds: float = Field(default=60, ge=1, le=3600, description="time limit for one request to the model server")
    resize: Literal["cpu", "device"] = Field(default="cpu", description="where pictures are resized: cpu, device")
    compiled: bool = Field(
        default=False, description="use torch.compile (CUDA graphs on a GPU); starting takes minutes longer"
    )
    offload: bool = Field(
        default=False, description="move CLIP off the GPU while a generator on the same GPU writes an answer"
    )
    picture_batch: int = Field(default=32, ge=1, le=1024, description="pictures per forward pass")
    text_batch: int = Field(default=128, ge=1, le=4096, description="text windows per forward pass")
    picture_floor: float = Field(
        default=0.27,
        ge=-1,
        le=1,
        description="least cosine similarity at which a picture counts as found without matching words",
    )
    twin_floor: float = Field(default=0.93, ge=-1, le=1, description="cosine from which two pictures count as the same")


class ServeSettings(Group):
    """rag/model_server"""

    host: str = Field(
        default="127.0.0.1",
        description="address that `magpie embedder` listens on; any but 127.0.0.1 needs embed.token",
    )
    port: int = Field(default=8468, ge=0, le=65535, description="port of `magpie embedder`; 0: any free port")
    queue: int = Field(
        default=512, ge=1, le=100_000, description="most pictures in the queue; four times as many texts"
    )
    wait_ms: float = Field(default=5, ge=0, le=1000, description="longest wait for a batch to fill up, in milliseconds")
    max_mb: int = Field(default=32, ge=1, le=2000, description="larger pictures are rejected")
    threads: int = Field(default=0, ge=0, le=256, description="threads that decode pictures; 0: one per core")


class TextSettings(Group):
    """rag/adapters/text_embedders.py"""

    model: str = Field(
        default="", description="text embedding model: ollama:NAME, st:NAME or st:FOLDER; empty: no text vectors"
    )
    host: str = Field(default="", description="address of Ollama for text embeddings; empty: as answer.host")
    device: str = Field(default="auto", description="for st: auto, cpu, cuda, cuda:1, mps")
    batch: int = Field(default=32, ge=1, le=1024, description="text windows per forward pass, or per request to Ollama")
    seconds: float = Field(default=60, ge=1, le=3600, description="time limit for one request to Ollama")


class StoreSettings(Group):
    """rag/adapters/chroma.py"""

    layout: Literal["split", "single"] = Field(
        default="split", description="split: one Chroma collection per modality; single: one with modality as metadata"
    )


# Names are what `find --json`, `eval` and the README call the lanes.
LANES = ("words", "place", "text-vectors", "clip-picture", "clip-text", "pixels")

# What is made of a question beside its words; README says what each is worth.
TRICKS = ("form", "parts", "ratios", "front", "names", "blend", "surroundings")


class SearchSettings(Group):
    """rag/search/retriever.py"""

    lanes: Annotated[tuple[str, ...], NoDecode] = Field(default=LANES, description="lanes used, comma-separated")
    tricks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=TRICKS, description="what is made of a question beside its words, comma-separated"
    )
    words: int = Field(default=200, ge=10, le=1000, description="words of a question that are searched for: its first")
    rrf_k: int = Field(default=20, ge=1, le=1000, description="k of reciprocal rank fusion")
    depth: int = Field(default=50, ge=10, le=1000, description="distinct pages each lane ranks")

    @field_validator("lanes", "tricks", mode="before")
    @classmethod
    def _split(cls, value: object, info: ValidationInfo) -> object:
        names = tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value
        known = LANES if info.field_name == "lanes" else TRICKS
        unknown = set(names) - set(known) if isinstance(names, tuple) else set()
        if unknown:
            one = str(info.field_name).removesuffix("s")
            raise ValueError(f"unknown {one} {sorted(unknown)[0]!r}; there are {', '.join(known)}")
        return names

    sure: float | None = Field(
        default=None, ge=0, le=1, description="probability below which nothing counts as found; empty: as fitted"
    )


class AnswerSettings(Group):
    """rag/answer/generation.py, rag/adapters/ollama.py"""

    host: str = Field(default="", description="address of Ollama; empty: OLLAMA_HOST, else http://127.0.0.1:11434")
    model: str = Field(
        default="qwen3-vl:4b-instruct", description="a model that `ollama list` shows; empty: answers are passages"
    )
    num_ctx: int = Field(
        default=8192, ge=1024, le=262144, description="context length in tokens, the same in every request"
    )
    num_predict: int = Field(default=600, ge=16, le=8192, description="length limit of an answer, in tokens")
    seconds: float = Field(default=180, ge=1, le=3600, description="time limit between two pieces of an answer")
    longest_seconds: float = Field(
        default=600, ge=1, le=7200, description="time limit for a whole answer, which is cut there"
    )
    at_once: int = Field(default=1, ge=1, le=64, description="answers written in parallel")
    question_chars: int = Field(
        default=4000, ge=100, le=40_000, description="characters of a question given to the model; the rest is cut"
    )
    passages: int = Field(default=6, ge=1, le=20, description="passages given to the model")
    pictures: int = Field(default=2, ge=0, le=2, description="pictures given to a vision model")
    correct: bool = Field(
        default=True, description="ask the model once more if a cited page does not support the answer"
    )


class CaptionSettings(Group):
    """rag/ingest/captions.py"""

    model: str = Field(
        default="",
        description="captioning model: ollama:NAME, blip:NAME or blip:FOLDER; empty: no captions",
    )
    device: str = Field(default="auto", description="for blip: auto, cpu, cuda, cuda:1, mps")
    seconds: float = Field(default=120, ge=1, le=3600, description="time limit for one caption")


class Settings(BaseSettings):
    """All settings of rag."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    data: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("magpie", appauthor=False)),
        description="the data directory; default: the user's data folder",
    )
    read: ReadSettings = ReadSettings()
    web: WebSettings = WebSettings()
    keep: KeepSettings = KeepSettings()
    embed: EmbedSettings = EmbedSettings()
    serve: ServeSettings = ServeSettings()
    text: TextSettings = TextSettings()
    store: StoreSettings = StoreSettings()
    search: SearchSettings = SearchSettings()
    answer: AnswerSettings = AnswerSettings()
    caption: CaptionSettings = CaptionSettings()


def load_settings(data: Path | None = None) -> Settings:
    """Return the settings from the environment; `data` overrides MAGPIE_DATA.

    Raise BadSetting for an invalid value, and for an unknown name that starts with MAGPIE_: a typing error would
    otherwise be ignored.
    """
    known = set(names())
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower().replace("__", ".") not in known
    )
    if unknown:
        raise BadSetting(
            f"There is no setting {unknown[0]}.",
            f"Unset it, or use one of the names in README ({len(known)} settings).",
        )
    try:
        return Settings() if data is None else Settings(data=data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"The setting {name} is wrong: {first['msg']}.", f"Set {variable(name)} within its bounds."
        ) from error


def names() -> dict[str, str]:
    """Return the description of every setting by its name (`group.name`), in order."""
    found: dict[str, str] = {}
    for name, info in Settings.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, Group):
            found |= {f"{name}.{key}": inner.description or "" for key, inner in group.model_fields.items()}
        else:
            found[name] = info.description or ""
    return found


def variable(name: str) -> str:
    """Return the environment variable of a setting: `embed.device` -> MAGPIE_EMBED__DEVICE."""
    return PREFIX + name.replace(".", "__").upper()
