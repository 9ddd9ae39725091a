"""Build a ColQwen2 of any size with random weights, as a folder that sentence-transformers loads.

The tiny one is trained by `train.py`; `tests.bench.gpu` measures a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, normalizers
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from tests.support.tiny_clip.shapes import COLORS, SHAPES

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


@dataclass(frozen=True)
class Sizes:
    """The dimensions of a ColQwen2. `side`: of a square page image, in pixels; a token covers `2 * patch` of them."""

    hidden: int
    layers: int
    heads: int
    key_heads: int
    feed_forward: int
    vision: int
    vision_layers: int
    vision_heads: int
    patch: int
    side: int
    dim: int


TINY = Sizes(64, 1, 4, 4, 128, 64, 2, 4, 8, 96, 48)
COLQWEN2 = Sizes(1536, 28, 12, 2, 8960, 1280, 32, 16, 14, 756, 128)
"""The dimensions of vidore/colqwen2-v1.0, whose pages have at most 768 tokens; here they have 729."""


def build_model(sizes: Sizes) -> tuple[Any, Any]:
    """Return a model with random weights, and its processor."""
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, Qwen2VLConfig

    processor = build_processor(sizes)
    ids = {token: processor.tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    head = sizes.hidden // sizes.heads
    text = {
        "vocab_size": len(processor.tokenizer),
        "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_heads,
        "intermediate_size": sizes.feed_forward,
        "max_position_embeddings": 2048,
        # Positions in time, height and width share the pairs of each head's dimensions.
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1_000_000.0,
            "mrope_section": [head // 2 - 2 * (head * 3 // 16), head * 3 // 16, head * 3 // 16],
        },
        "bos_token_id": None,
        "eos_token_id": ids["<|endoftext|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    vision = {
        "depth": sizes.vision_layers,
        "embed_dim": sizes.vision,
        "hidden_size": sizes.hidden,
        "num_heads": sizes.vision_heads,
        "mlp_ratio": 4 if sizes.vision > 256 else 2,
        "patch_size": sizes.patch,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    config = Qwen2VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|im_end|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    model = ColQwen2ForRetrieval(ColQwen2Config(vlm_config=config, embedding_dim=sizes.dim))
    return model, processor


def build_processor(sizes: Sizes) -> Any:
    """Return a processor that gives every page the same number of pixels, and reads colors and shapes only."""
    from transformers import ColQwen2Processor, PreTrainedTokenizerFast, Qwen2VLImageProcessor

    words = [*COLORS, *SHAPES]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, "[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = Split(Regex(rf"\b(?:{'|'.join(words)})\b"), behavior="removed", invert=True)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[0],
        unk_token="[UNK]",
        additional_special_tokens=list(SPECIAL[1:]),
        model_input_names=["input_ids", "attention_mask"],
        padding_side="left",
    )
    pixels = sizes.side**2
    images = Qwen2VLImageProcessor(
        min_pixels=pixels, max_pixels=pixels, patch_size=sizes.patch, merge_size=2, temporal_patch_size=2
    )
    return ColQwen2Processor(images, fast)


def save_model(model: Any, processor: Any, folder: Path) -> None:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
