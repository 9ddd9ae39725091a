"""The groups of settings, with bounds and defaults, from which `make docs` writes the tables in docs/configuration.md.

They are apart from `settings`, which says where values come from, because an extraction process needs one of them only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class ReadSettings(Group):
    """How files are read."""

    workers: int = Field(
        default=0, ge=0, le=64, description="Number of extraction processes. 0: one per core, at most 4."
    )
    ocr: bool = Field(default=True, description="Run OCR on pages and images that have no text layer.")
    layout: bool = Field(default=True, description="Run PyMuPDF's layout analysis. Off: plain text blocks.")
    page_seconds: float = Field(default=60, ge=1, le=3600, description="Time limit for one page, in seconds.")
    memory_mb: int = Field(default=3000, ge=1000, le=64000, description="Memory limit of an extraction process, in MB.")
    max_pages: int = Field(default=5000, ge=1, description="Maximum number of pages of a file.")
    max_mb: int = Field(default=200, ge=1, description="Maximum size of a file, in MB.")
    max_megapixels: int = Field(default=100, ge=1, description="Maximum size of an image, in megapixels.")
    office: str = Field(
        default="",
        description="Path of LibreOffice. Empty: search for it. `off`: read only the text of office documents.",
    )
    convert_seconds: float = Field(
        default=120, ge=1, le=3600, description="Time limit for converting a file to PDF, in seconds."
    )
    max_attachments: int = Field(
        default=100, ge=0, le=1000, description="Maximum number of files read from inside of one file. 0: none."
    )
    max_attachments_mb: int = Field(
        default=200, ge=1, description="Maximum size of the files read from inside of one file, all together, in MB."
    )
    max_attachment_depth: int = Field(
        default=3, ge=1, le=10, description="How deep files inside of files are read. 1: not those inside of others."
    )
    render_px: int = Field(default=1600, ge=400, le=4000, description="Long side of a stored page image, in pixels.")


class KeepSettings(Group):
    """How long files are kept, and how much of the disk they may use."""

    files_days: int = Field(
        default=0,
        ge=0,
        le=36500,
        description="Days after which a file is deleted unless it was shared again. 0: never.",
    )
    max_gb: float = Field(
        default=0, ge=0, description="Size of all files and pictures from which new files wait, in GB. 0: no limit."
    )
    min_free_gb: float = Field(
        default=0.5, ge=0, description="Free disk space below which new files wait, in GB. 0: no limit."
    )


class WebSettings(Group):
    """How web pages are fetched."""

    browser: str = Field(default="", description="Path of Chromium. Empty: search PATH. `off`: refuse web pages.")
    seconds: float = Field(default=60, ge=1, le=600, description="Time limit for one web page, in seconds.")
    max_mb: int = Field(default=50, ge=1, le=2000, description="Maximum transfer for one web page, in MB.")
    at_once: int = Field(
        default=2, ge=1, le=16, description="Web pages fetched at the same time, one per host, each in its own browser."
    )
    min_age_hours: float = Field(
        default=24,
        ge=0,
        le=8760,
        description="Hours after which a page is fetched again when a new message links to it.",
    )
    host_per_hour: int = Field(
        default=60, ge=1, le=100_000, description="Linked pages of one host that are fetched in an hour."
    )
    person_per_hour: int = Field(
        default=60, ge=1, le=100_000, description="Pages linked by one person that are fetched in an hour."
    )
    tiles: int = Field(
        default=40, ge=1, le=200, description="Pages a web page is cut into. The rest of a longer page is left out."
    )
    allow: tuple[str, ...] = Field(
        default=(), description="Hosts inside your network that may be fetched, comma-separated."
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
    """The CLIP embedder for images and text."""

    device: str = Field(default="auto", description="Device: auto, cpu, cuda, cuda:1, mps.")
    model: str = Field(
        default="auto", description="open_clip model name. auto: ViT-g-14 on a GPU with 5.4 GB or more, else ViT-B-32."
    )
    weights: str = Field(
        default="auto",
        description="open_clip pretrained tag, or the path of a weights file. auto: the model's default.",
    )
    config: Path | None = Field(
        default=None, description="JSON file with a custom architecture; MAGPIE_EMBED__MODEL names it."
    )
    query_side: Literal["clip", "projection"] = Field(
        default="clip",
        description="How questions are embedded for image search: CLIP's text tower, or the trained projection.",
    )
    url: str = Field(
        default="", description="URL of a model server, http://HOST:8468. Empty: run CLIP in this process."
    )
    token: SecretStr | None = Field(default=None, description="Token of the model server, the same on both machines.")
    seconds: float = Field(
        default=60, ge=1, le=3600, description="Timeout for one request to the model server, in seconds."
    )
    resize: Literal["cpu", "device"] = Field(
        default="cpu", description="Where images are resized: on the CPU or on the device."
    )
    compiled: bool = Field(
        default=False, description="Use torch.compile (CUDA graphs on a GPU). Startup takes minutes longer."
    )
    offload: bool = Field(
        default=False, description="Move CLIP off the GPU while a model on the same GPU writes an answer."
    )
    unload_minutes: float = Field(
        default=60,
        ge=0,
        le=10_080,
        description="Minutes without use after which CLIP, text embedders and late-interaction models in this process "
        "are unloaded. The next search waits until they are loaded again. 0, or with `embed.offload`: never.",
    )
    picture_batch: int = Field(default=32, ge=1, le=1024, description="Images per forward pass.")
    text_batch: int = Field(default=128, ge=1, le=4096, description="Text windows per forward pass.")
    picture_floor: float = Field(
        default=0.27,
        ge=-1,
        le=1,
        description="Cosine similarity from which an image match counts when no word matches.",
    )
    duplicate_threshold: float = Field(
        default=0.93, ge=-1, le=1, description="Cosine similarity from which two images count as duplicates."
    )


class ServeSettings(Group):
    """The model server, `magpie embedder`."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on. Any address but the loopback requires a token."
    )
    port: int = Field(default=8468, ge=0, le=65535, description="Port to listen on. 0: any free port.")
    queue: int = Field(default=512, ge=1, le=100_000, description="Images that may wait; four times as many texts.")
    wait_ms: float = Field(default=5, ge=0, le=1000, description="Longest wait for a batch to fill, in milliseconds.")
    max_mb: int = Field(default=32, ge=1, le=2000, description="Maximum size of an image, in MB.")
    threads: int = Field(default=0, ge=0, le=256, description="Threads that decode images. 0: one per core.")


class TextSettings(Group):
    """The text embedder."""

    model: str = Field(
        default="auto",
        description="Text embedder: ollama:NAME, openai:NAME, st:NAME or st:FOLDER. auto: the one in use, or the first "
        "found in Ollama or on this machine. Empty: no text vectors.",
    )
    host: str = Field(
        default="",
        description="URL of the embedder's server, for openai with its path, such as /v1. Empty: Ollama at "
        "MAGPIE_ANSWER__HOST, or at its default address.",
    )
    api_key: SecretStr | None = Field(default=None, description="Key of an openai server. Empty: none is sent.")
    allow_public: bool = Field(
        default=False, description="Allow an openai server with a public address. All texts are sent to it."
    )
    device: str = Field(default="auto", description="Device for st models: auto, cpu, cuda, cuda:1, mps.")
    batch: int = Field(
        default=32, ge=1, le=1024, description="Text windows per forward pass, or per request to a server."
    )
    seconds: float = Field(default=60, ge=1, le=3600, description="Timeout for one request to a server, in seconds.")


class RerankSettings(Group):
    """The reranker, which reads the first pages found and orders them anew."""

    model: str = Field(
        default="",
        description="Reranker: st:NAME or st:FOLDER (a CrossEncoder), openai:NAME (a server with /v1/rerank), or "
        "answer: the model that writes answers, which takes seconds. Empty: none.",
    )
    host: str = Field(
        default="", description="URL of the reranker's server, for openai, such as http://127.0.0.1:8000/v1."
    )
    api_key: SecretStr | None = Field(default=None, description="Key of an openai server. Empty: none is sent.")
    allow_public: bool = Field(
        default=False,
        description="Allow an openai server with a public address. Questions and passages are sent to it.",
    )
    device: str = Field(default="auto", description="Device for st models: auto, cpu, cuda, cuda:1, mps.")
    budget_ms: int = Field(
        default=400,
        ge=10,
        le=120_000,
        description="Longest time that reranking may add to a search, in milliseconds. After that, pages stay in the "
        "order in which they were found. An st model that is too slow on this machine is not used.",
    )
    pages: int = Field(default=20, ge=2, le=100, description="Pages that are reranked, from the first one.")
    images: bool = Field(
        default=False,
        description="Rerank by the images of pages instead of their texts. For openai, with a server and a model that "
        "read images, such as vLLM with Qwen3-VL-Reranker.",
    )


class PageImageSettings(Group):
    """The late-interaction model, which finds pages by how they look and what their pictures show."""

    model: str = Field(
        default="",
        description="Late-interaction model: st:NAME or st:FOLDER (a MultiVectorEncoder, such as ColQwen2), or server: "
        "the one that the model server at MAGPIE_EMBED__URL runs. Empty: none.",
    )
    device: str = Field(default="auto", description="Device: auto, cpu, cuda, cuda:1, mps.")
    batch: int = Field(default=4, ge=1, le=256, description="Page images per forward pass.")
    max_kb: int = Field(
        default=64,
        ge=4,
        le=1024,
        description="Space for the vectors of one page, in KB. Vectors of neighboring parts of a page are averaged "
        "until they fit. After a change, pages are embedded again.",
    )
    floor: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="Mean similarity of the tokens of a question to a page, from which the page counts as found when "
        "no word matches. It depends on the model. Empty: a page needs words to count as found.",
    )

    @field_validator("model")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value and value != "server" and not value.startswith("st:"):
            raise ValueError("expected st:NAME, st:FOLDER, server, or nothing")
        return value


class StoreSettings(Group):
    """The vector store."""

    layout: Literal["split", "single"] = Field(
        default="split",
        description="split: one collection per modality. single: one collection with the modality as metadata.",
    )
    exact_chunks: int = Field(
        default=25_000,
        ge=0,
        le=1_000_000,
        description="A search within at most this many chunks compares all of their vectors, in memory. A larger one "
        "asks the vector store. 0: always ask the store.",
    )


# Names are what `find --json`, `eval` and the README call the lanes.
LANES = (
    "words",
    "messages",
    "file-names",
    "overview",
    "translations",
    "place",
    "text-vectors",
    "clip-picture",
    "clip-text",
    "pixels",
    "page-images",
)

# What a search uses besides the words of a question; docs/search-quality.md says what each is worth.
QUERY_FEATURES = ("form", "parts", "glossary", "front", "blend", "surroundings")


class SearchSettings(Group):
    """How pages are searched and ranked."""

    lanes: tuple[str, ...] = Field(default=LANES, description="Lanes that are used, comma-separated.")
    query_features: tuple[str, ...] = Field(
        default=QUERY_FEATURES, description="What a search uses besides the words of the question, comma-separated."
    )
    words: int = Field(
        default=200, ge=10, le=1000, description="Words of a question that are searched for. Later words are ignored."
    )
    rrf_k: int = Field(default=20, ge=1, le=1000, description="k of reciprocal rank fusion.")
    depth: int = Field(default=50, ge=10, le=1000, description="Maximum number of pages that each lane ranks.")

    min_confidence: float | None = Field(
        default=None, ge=0, le=1, description="Confidence below which nothing counts as found. Empty: as fitted."
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
    """How answers are written."""

    api: Literal["ollama", "openai"] = Field(
        default="ollama",
        description="Protocol of the model server: Ollama's, or OpenAI's (vLLM, llama.cpp, LM Studio, LocalAI).",
    )
    host: str = Field(
        default="",
        description="URL of the model server, for openai with its path, such as /v1. Empty: OLLAMA_HOST, or http://127.0.0.1:11434.",
    )
    api_key: SecretStr | None = Field(default=None, description="Key of an openai server. Empty: none is sent.")
    allow_public: bool = Field(
        default=False,
        description="Allow an openai server with a public address. Passages and images are sent to it.",
    )
    model: str = Field(
        default="qwen3-vl:4b-instruct",
        description="Name of the model, as `ollama list` or /v1/models shows it. Empty: no model.",
    )
    other_models: tuple[str, ...] = Field(
        default=(),
        description="Other models of the same server that people can choose under an answer in Slack, comma-separated.",
    )
    vision: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether the model of an openai server sees images. auto: as llama.cpp and LM Studio say, or off.",
    )
    num_ctx: int = Field(
        default=8192,
        ge=1024,
        le=262144,
        description="Context length in tokens; an openai server's own limit if that is shorter.",
    )
    num_predict: int = Field(default=600, ge=16, le=8192, description="Maximum length of an answer in tokens.")
    seconds: float = Field(
        default=180, ge=1, le=3600, description="Longest wait between two parts of a streamed answer, in seconds."
    )
    longest_seconds: float = Field(
        default=600, ge=1, le=7200, description="Longest time for a whole answer, in seconds. It is cut off after that."
    )
    at_once: int = Field(default=1, ge=1, le=64, description="Answers written at the same time.")
    question_chars: int = Field(
        default=4000,
        ge=100,
        le=40_000,
        description="Characters of a question that the model receives; the rest is left out.",
    )
    passages: int = Field(default=6, ge=1, le=20, description="Passages shown to the model.")
    pictures: int = Field(default=2, ge=0, le=2, description="Images shown to a vision model.")
    language: str = Field(
        default="",
        pattern=r"^([a-z]{2})?$",
        description="Language of answers, as a code such as de. Empty: that of the question, or what a channel sets.",
    )
    correct: bool = Field(
        default=True, description="Ask the model once more when a cited page does not support the answer."
    )

    @field_validator("other_models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


class CaptionSettings(Group):
    """Captions for images, written by a model."""

    model: str = Field(
        default="",
        description="Model that describes images: ollama:NAME, openai:NAME, blip:NAME or blip:FOLDER. Empty: none.",
    )
    device: str = Field(default="auto", description="Device for blip models: auto, cpu, cuda, cuda:1, mps.")
    seconds: float = Field(default=120, ge=1, le=3600, description="Time limit for one caption, in seconds.")


class LogSettings(Group):
    """How log lines are written to stderr."""

    format: Literal["text", "json"] = Field(
        default="text", description="text for people, or one JSON object per line, with the id of its question."
    )
