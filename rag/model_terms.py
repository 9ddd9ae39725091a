"""The licenses of models that Magpie recommends or downloads, by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """A license, and what it forbids that a company may want to do; an empty `restriction`: nothing that is known."""

    license: str
    restriction: str = ""

    @property
    def needs_consent(self) -> bool:
        """Whether a person has to confirm before a download: the license restricts the use, or is not known."""
        return bool(self.restriction) or self == UNKNOWN


UNKNOWN = ModelTerms("not known to Magpie: see the model's page")

_APPLE = ModelTerms(
    "Apple Machine Learning Research Model License",
    "for non-commercial scientific research only; not in any commercial product or service",
)
_GEMMA = ModelTerms(
    "Gemma Terms of Use", "uses in Google's Prohibited Use Policy are forbidden, and its terms go along with copies"
)
_LLAMA_VISION = (
    "not licensed to people who live in the European Union, or to companies with their principal place of business "
    "there"
)

_TERMS: tuple[tuple[re.Pattern[str], ModelTerms], ...] = (
    (re.compile(r"mobileclip|dfndr|datacompdr|\bdfn\d"), _APPLE),
    (re.compile(r"llama-?4"), ModelTerms("Llama 4 Community License", _LLAMA_VISION)),
    (
        re.compile(r"llama-?3\.2-vision|llama-?3\.2-(11|90)b-vision"),
        ModelTerms("Llama 3.2 Community License", _LLAMA_VISION),
    ),
    (re.compile(r"gemma-?4"), ModelTerms("Apache-2.0")),
    (re.compile(r"gemma|colpali"), _GEMMA),
    (
        re.compile(r"qwen2\.5-?(vl)?:?-?3b"),
        ModelTerms("Qwen Research License", "for non-commercial research and evaluation only"),
    ),
    (
        re.compile(r"qwen2\.5-?(vl)?:?-?72b"),
        ModelTerms("Qwen License", "products with more than 100 million users a month need a license of their own"),
    ),
    (re.compile(r"qwen"), ModelTerms("Apache-2.0")),
    (re.compile(r"laion|openai"), ModelTerms("MIT")),
    (re.compile(r"siglip2|granite|nomic-embed-text-v2|paraphrase-multilingual-minilm"), ModelTerms("Apache-2.0")),
    (re.compile(r"llava:34b"), ModelTerms("Apache-2.0; its base model has Yi's license")),
    (re.compile(r"bge-reranker-v2-m3|ms-marco-minilm"), ModelTerms("Apache-2.0")),
    (re.compile(r"salesforce/blip-image-captioning"), ModelTerms("BSD-3-Clause")),
    (re.compile(r"colsmol"), ModelTerms("Apache-2.0")),
    (re.compile(r"multilingual-e5|bge-m3|colmodernvbert"), ModelTerms("MIT")),
)
"""Patterns in lower case, of which the first that is found counts, and the terms as their owners published them by
November 2026; docs/licenses.md says where we read each."""


def terms_of_model(*names: str) -> ModelTerms:
    """Return the terms of a model that has these names, such as those of its architecture and of its weights."""
    name = " ".join(names).lower()
    return next((terms for pattern, terms in _TERMS if pattern.search(name)), UNKNOWN)
