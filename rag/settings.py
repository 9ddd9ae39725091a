"""What can be set, with bounds and defaults. Read from the environment: `embed.device` is MAGPIE_EMBED__DEVICE.

The README's table is tested against these classes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from rag.errors import BadSetting

PREFIX = "MAGPIE_"
log = logging.getLogger("magpie")


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ReadSettings(Group):
    """rag/extract"""

    workers: int = Field(default=0, ge=0, le=64, description="reading processes; 0: one per core, at most 4")
    ocr: bool = Field(default=True, description="recognise words on pages and in pictures without a text layer")
    layout: bool = Field(default=True, description="PyMuPDF's layout analysis; off: plain text blocks")
    page_seconds: float = Field(default=60, ge=1, le=3600, description="time limit for one page")
    memory_mb: int = Field(default=3000, ge=1000, le=64000, description="memory limit of a reading process")
    max_pages: int = Field(default=5000, ge=1, description="a file with more pages is refused")
    max_mb: int = Field(default=200, ge=1, description="a larger file is refused")
    max_megapixels: int = Field(default=100, ge=1, description="a larger picture is refused")
    office: str = Field(default="", description="LibreOffice's program; empty: looked for; off: no office documents")
    convert_seconds: float = Field(default=120, ge=1, le=3600, description="time limit for making a file into pages")
    render_px: int = Field(default=1600, ge=400, le=4000, description="long side of a stored page picture")


class KeepSettings(Group):
    """rag/work: what goes by itself"""

    files_days: int = Field(
        default=0, ge=0, le=36500, description="days after which a file leaves, unless shared again; 0: never"
    )


class WebSettings(Group):
    """rag/ingest/fetch"""

    browser: str = Field(default="", description="Chromium's program; empty: looked for on PATH; off: no web pages")
    seconds: float = Field(default=60, ge=1, le=600, description="longest time for one web page")
    max_mb: int = Field(default=50, ge=1, le=2000, description="a web page that brings more is refused")
    at_once: int = Field(
        default=2, ge=1, le=16, description="web pages fetched at the same time, one of each host; a browser each"
    )
    tiles: int = Field(default=20, ge=1, le=200, description="pages made of one web page; what lies below is left out")
    allow: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="hosts inside your network whose pages may be read, comma-separated"
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
    config: Path | None = Field(default=None, description="JSON of an architecture of your own, named by embed.model")
    query_side: Literal["clip", "projection"] = Field(
        default="clip", description="what makes questions for pictures: clip's text tower, or the trained projection"
    )
    url: str = Field(default="", description="a GPU host, http://HOST:8468; empty: CLIP runs in this process")
    token: SecretStr | None = Field(
        default=None, description="what the GPU host asks of its clients; the same on both machines"
    )
    seconds: float = Field(default=60, ge=1, le=3600, description="longest wait for one request to the GPU host")
    resize: Literal["cpu", "device"] = Field(default="cpu", description="where pictures are made small: cpu, device")
    compiled: bool = Field(default=False, description="torch.compile: CUDA graphs on a GPU; starts minutes later")
    offload: bool = Field(
        default=False, description="CLIP leaves the GPU while a generator on the same card answers, and comes back"
    )
    picture_batch: int = Field(default=32, ge=1, le=1024, description="pictures a forward pass")
    text_batch: int = Field(default=128, ge=1, le=4096, description="text windows a forward pass")
    picture_floor: float = Field(
        default=0.27, ge=-1, le=1, description="cosine from which a picture answers a question that no word does"
    )
    duplicate_threshold: float = Field(
        default=0.93, ge=-1, le=1, description="cosine from which two pictures count as the same"
    )


class ServeSettings(Group):
    """rag/model_server"""

    host: str = Field(default="127.0.0.1", description="address `magpie embedder` listens at; others need a token")
    port: int = Field(default=8468, ge=0, le=65535, description="its port; 0: any that is free")
    queue: int = Field(default=512, ge=1, le=100_000, description="pictures that may wait; texts: four times as many")
    wait_ms: float = Field(default=5, ge=0, le=1000, description="longest wait for a batch to fill up")
    max_mb: int = Field(default=32, ge=1, le=2000, description="a larger picture is refused")
    threads: int = Field(default=0, ge=0, le=256, description="threads that decode pictures; 0: one per core")


class TextSettings(Group):
    """rag/adapters/text_embedders.py"""

    model: str = Field(
        default="", description="text embedder: ollama:nomic-embed-text, st:NAME or st:FOLDER; empty: no text vectors"
    )
    host: str = Field(default="", description="the text embedder's Ollama; empty: as MAGPIE_ANSWER__HOST")
    device: str = Field(default="auto", description="for st: auto, cpu, cuda, cuda:1, mps")
    batch: int = Field(default=32, ge=1, le=1024, description="text windows a forward pass, or a request to Ollama")
    seconds: float = Field(default=60, ge=1, le=3600, description="longest wait for one request to Ollama")


class StoreSettings(Group):
    """rag/adapters/chroma.py"""

    layout: Literal["split", "single"] = Field(
        default="split", description="split: a collection per modality; single: one with modality as metadata"
    )


# Names are what `find --json`, `eval` and the README call the lanes.
LANES = ("words", "place", "text-vectors", "clip-picture", "clip-text", "pixels")

# What a search uses besides the words of a question; README says what each is worth.
QUERY_FEATURES = ("form", "parts", "glossary", "front", "names", "blend", "surroundings")

RENAMED: Mapping[str, str] = {
    "search.tricks": "search.query_features",
    "search.sure": "search.min_confidence",
    "embed.twin_floor": "embed.duplicate_threshold",
}
"""Settings by their old names: {old name: name}. Old names are accepted for one version, with a warning."""

_ONE_VERSION = "the old name works in this version only"

RENAMED_VALUES: Mapping[str, Mapping[str, str]] = {"search.query_features": {"ratios": "glossary"}}
"""Items of comma-separated settings by their old names, accepted in the same way: {setting: {old item: item}}."""


class SearchSettings(Group):
    """rag/search/retriever.py"""

    lanes: Annotated[tuple[str, ...], NoDecode] = Field(default=LANES, description="lanes used, comma-separated")
    query_features: Annotated[tuple[str, ...], NoDecode] = Field(
        default=QUERY_FEATURES, description="what a search uses besides the question's words, comma-separated"
    )
    words: int = Field(default=200, ge=10, le=1000, description="words of a question that are searched for: its first")
    rrf_k: int = Field(default=20, ge=1, le=1000, description="k of reciprocal rank fusion")
    depth: int = Field(default=50, ge=10, le=1000, description="distinct pages each lane ranks")

    min_confidence: float | None = Field(
        default=None, ge=0, le=1, description="confidence below which nothing counts as found; empty: as fitted"
    )

    @field_validator("lanes", "query_features", mode="before")
    @classmethod
    def _split(cls, value: object, info: ValidationInfo) -> object:
        names = tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value
        known = LANES if info.field_name == "lanes" else QUERY_FEATURES
        unknown = set(names) - set(known) if isinstance(names, tuple) else set()
        if unknown:
            one = str(info.field_name).removesuffix("s").replace("_", " ")
            raise ValueError(f"unknown {one} {sorted(unknown)[0]!r}; there are {', '.join(known)}")
        return names


class AnswerSettings(Group):
    """rag/answer/generation.py, rag/adapters/ollama.py"""

    host: str = Field(default="", description="Ollama's address; empty: OLLAMA_HOST, else http://127.0.0.1:11434")
    model: str = Field(default="qwen3-vl:4b-instruct", description="a model `ollama list` shows; empty: none")
    num_ctx: int = Field(default=8192, ge=1024, le=262144, description="context in tokens, the same in every request")
    num_predict: int = Field(default=600, ge=16, le=8192, description="longest answer in tokens")
    seconds: float = Field(default=180, ge=1, le=3600, description="longest wait between two pieces of an answer")
    longest_seconds: float = Field(
        default=600, ge=1, le=7200, description="longest time for all of an answer: it is cut then"
    )
    at_once: int = Field(default=1, ge=1, le=64, description="answers written at the same time")
    question_chars: int = Field(
        default=4000, ge=100, le=40_000, description="characters of a question that the model is given: its first"
    )
    passages: int = Field(default=6, ge=1, le=20, description="passages shown to the model")
    pictures: int = Field(default=2, ge=0, le=2, description="pictures shown to a vision model")
    correct: bool = Field(
        default=True, description="ask once more where a cited page does not say what the answer says"
    )


class CaptionSettings(Group):
    """rag/ingest/captions.py"""

    model: str = Field(
        default="",
        description="what describes pictures in words: ollama:NAME, blip:NAME or blip:FOLDER; empty: nothing",
    )
    device: str = Field(default="auto", description="for blip: auto, cpu, cuda, cuda:1, mps")
    seconds: float = Field(default=120, ge=1, le=3600, description="longest wait for one picture's description")


class RenamedEnvironment(EnvSettingsSource):
    """The environment, in which variables of renamed settings are read under their new names."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        self.env_vars = {name.lower(): value for name, value in with_new_names(self.env_vars)[0].items()}


class Settings(BaseSettings):
    """All of rag's settings; `data` is the folder where everything lives."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings  # replaced by one that knows old names
        return init_settings, RenamedEnvironment(settings_cls), dotenv_settings, file_secret_settings

    data: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("magpie", appauthor=False)),
        description="the data folder; default: the user's data folder",
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

    Log a warning for each old name of a setting. Raise BadSetting, with the name and the bounds, for a wrong value, and
    for a variable with our prefix that is not a setting: a typing error would otherwise go unnoticed.
    """
    for warning in with_new_names(os.environ)[1]:
        log.warning(warning)
    known = {*names(), *RENAMED}
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).lower().replace("__", ".") not in known
    )
    if unknown:
        raise BadSetting(
            f"There is no setting {unknown[0]}.",
            f"Unset it, or use one of the names in README ({len(names())} settings).",
        )
    try:
        return Settings() if data is None else Settings(data=data)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadSetting(
            f"The setting {name} is wrong: {first['msg']}.", f"Set {variable(name)} within its bounds."
        ) from error


def with_new_names(
    variables: Mapping[str, str | None],
    renamed: Mapping[str, str] = RENAMED,
    renamed_values: Mapping[str, Mapping[str, str]] = RENAMED_VALUES,
) -> tuple[dict[str, str | None], list[str]]:
    """Return environment variables with old names of settings, and of items in them, replaced; and warnings.

    A variable of the new name wins over one of the old name. Names are returned in upper case.
    """
    found = {name.upper(): value for name, value in variables.items()}
    warnings = []
    for old, new in ((variable(old), variable(new)) for old, new in renamed.items()):
        if old in found:
            value = found.pop(old)
            ignored = f" and ignored, because {new} is set, too" if new in found else f"; {_ONE_VERSION}"
            found.setdefault(new, value)
            warnings.append(f"The setting {old} is now called {new}{ignored}.")
    for name, items in ((variable(setting), items) for setting, items in renamed_values.items()):
        values = [part.strip() for part in (found.get(name) or "").split(",")]
        if old_values := [value for value in values if value in items]:
            found[name] = ",".join(items.get(value, value) for value in values)
            warnings += [f"{old!r} in {name} is now called {items[old]!r}; {_ONE_VERSION}." for old in old_values]
    return found, warnings


def names() -> dict[str, str]:
    """Every setting as `group.name` with its description, in order."""
    found: dict[str, str] = {}
    for name, info in Settings.model_fields.items():
        group = info.annotation
        if isinstance(group, type) and issubclass(group, Group):
            found |= {f"{name}.{key}": inner.description or "" for key, inner in group.model_fields.items()}
        else:
            found[name] = info.description or ""
    return found


def variable(name: str) -> str:
    """The environment variable of a setting: `embed.device` -> MAGPIE_EMBED__DEVICE."""
    return PREFIX + name.replace(".", "__").upper()
