"""Train the tiny CLIP: `python -m tests.support.tiny_clip.train`. Takes about six minutes on one core.

The training data depends only on the seed. Prints the report of `measure.py` at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, normalize

from tests.support.tiny_clip.measure import measure
from tests.support.tiny_clip.shapes import COLORS, HELD_OUT, PARTS, PLAIN, SHAPES, TEMPLATES, draw

HERE = Path(__file__).parent
NAME = "magpie-tiny"
WEIGHTS = HERE / f"{NAME}.safetensors"

PICTURES, BATCH, STRANGE = 9000, 128, 64
"""Pictures in all, pictures per step, and captions per step that do not match a picture."""

RATE = 3e-3
LARGEST_SCALE = 3.0
"""The logarithm of the largest logit scale. It keeps matching pairs near a cosine of 0.65 and others below 0.4."""

TILE = 8
"""Pixels per side of the tiles that are shuffled."""

TOKENS = 24
"""Tokens of a caption. The model's 77 would take four times as long."""

NONE, ANY, REMOVED = -1, -2, -3
"""Special colors and shapes: not in the picture, not in the caption, and removed from the picture."""

COLOR_NAMES = list(COLORS)
SMALL = ("the", "of", "a", "in", "is", "on", "and", "what", "which")


@dataclass(frozen=True)
class Drawings:
    """Preprocessed pictures with the indexes of their colors and shapes, or NONE for a page without a shape."""

    pictures: torch.Tensor
    colors: torch.Tensor
    shapes: torch.Tensor

    def some(self, rows: torch.Tensor) -> Drawings:
        return Drawings(self.pictures[rows], self.colors[rows], self.shapes[rows])


def train(steps: int, seed: int) -> Any:
    """Return a model that was trained for this many steps."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    open_clip.add_model_config(HERE / f"{NAME}.json")
    model, _, prepare = open_clip.create_model_and_transforms(NAME)
    tokenizer = open_clip.get_tokenizer(NAME)
    drawings = draw_all(rng, prepare)
    words = foreign_words(tokenizer)
    _say(f"{PICTURES} pictures drawn")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = RATE * min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
        batch = with_features_removed(drawings.some(torch.randint(PICTURES, (BATCH,))))
        captions = [
            caption(int(color), int(shape), rng) for color, shape in zip(batch.colors, batch.shapes, strict=True)
        ]
        strange = [foreign(words, rng) for _ in range(STRANGE)]
        tokens = tokenizer([text for text, _, _ in captions] + strange, context_length=TOKENS)
        picture_vectors = model.encode_image(augment(batch.pictures, rng), normalize=True)
        text_vectors = encode_short(model, tokens)
        loss = loss_of(model.logit_scale.exp(), picture_vectors, text_vectors, matches(batch, captions))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, LARGEST_SCALE)
        if step % 50 == 0:
            _say(f"step {step} of {steps}, {time.monotonic() - started:.0f} s, loss {loss.item():.2f}")
    return model.eval()


def draw_all(rng: random.Random, prepare: Any) -> Drawings:
    pairs = [(color, shape) for color in COLORS for shape in SHAPES if (color, shape) not in HELD_OUT]
    kinds: list[tuple[str | None, str | None]] = [*pairs, *[(None, None)] * 5]
    drawn = [draw(rng, *rng.choice(kinds)) for _ in range(PICTURES)]
    return Drawings(
        torch.stack([prepare(one.picture) for one in drawn]),
        torch.tensor([COLOR_NAMES.index(one.color) if one.color else NONE for one in drawn]),
        torch.tensor([SHAPES.index(one.shape) if one.shape else NONE for one in drawn]),
    )


def caption(color: int, shape: int, rng: random.Random) -> tuple[str, int, int]:
    """Return a caption with its color and shape. About a third of the captions name only one of them."""
    if color == NONE:
        return rng.choice(PLAIN), NONE, NONE
    part = rng.random()
    if shape == REMOVED or (color != REMOVED and part < 0.15):
        return rng.choice(PARTS).format(COLOR_NAMES[color]), color, ANY
    if color == REMOVED or part < 0.3:
        return rng.choice(PARTS).format(SHAPES[shape]), ANY, shape
    return rng.choice(TEMPLATES).format(COLOR_NAMES[color], SHAPES[shape]), color, shape


def foreign_words(tokenizer: Any) -> list[str]:
    """Return the words of the tokenizer's vocabulary that are not colors or shapes."""
    whole = (piece.removesuffix("</w>") for piece in tokenizer.encoder if piece.endswith("</w>"))
    known = {*COLORS, *SHAPES}
    return [word for word in whole if len(word) > 2 and word.isascii() and word.isalpha() and word not in known]


def foreign(words: list[str], rng: random.Random) -> str:
    """Return a caption that does not match a picture: random words, some with a color among them ("green energy")."""
    chosen = [rng.choice(words) for _ in range(rng.randint(1, 7))]
    look = rng.random()
    if look < 0.25:
        chosen = chosen[:4]
        chosen.insert(rng.randint(0, len(chosen)), rng.choice(COLOR_NAMES))
    elif look < 0.5:
        chosen = [f"{rng.choice(SMALL)} {word}" for word in chosen]
    return " ".join(chosen)


def augment(pictures: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """Return the pictures shifted, mirrored and with noise, so that a picture rarely occurs twice."""
    moved = torch.roll(pictures, (rng.randint(-6, 6), rng.randint(-6, 6)), (2, 3))
    mirrored = torch.where(torch.rand(len(moved), 1, 1, 1) < 0.5, moved.flip(3), moved)
    return mirrored + 0.08 * torch.randn(len(moved), 3, 1, 1)


def with_features_removed(batch: Drawings) -> Drawings:
    """Return a batch with some pictures in gray (shape without color) and some in shuffled tiles (color without shape).

    Without these, the model learns each pair separately and does not generalize to the pairs of HELD_OUT.
    """
    part = torch.rand(BATCH)
    has_shape = batch.shapes != NONE
    gray, cut = (part < 0.2) & has_shape, (part > 0.8) & has_shape
    pictures = batch.pictures.clone()
    pictures[gray] = pictures[gray].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    squares = pictures[cut].unfold(2, TILE, TILE).unfold(3, TILE, TILE)
    across = squares.shape[2]
    flat = squares.reshape(len(squares), 3, across * across, TILE, TILE)[:, :, torch.randperm(across * across)]
    shuffled = flat.reshape(len(squares), 3, across, across, TILE, TILE).transpose(3, 4)
    pictures[cut] = shuffled.reshape(pictures[cut].shape)
    return Drawings(pictures, torch.where(gray, REMOVED, batch.colors), torch.where(cut, REMOVED, batch.shapes))


def encode_short(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Return what `model.encode_text` returns, for rows shorter than its 77 tokens."""
    length = tokens.shape[1]
    inner = model.token_embedding(tokens) + model.positional_embedding[:length]
    inner = model.ln_final(model.transformer(inner, attn_mask=model.attn_mask[:length, :length]))
    return normalize(inner[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection, dim=-1)


def matches(batch: Drawings, captions: list[tuple[str, int, int]]) -> torch.Tensor:
    """Return a matrix of pictures (rows) and captions (columns) that is 1 where color and shape match."""

    def agree(shown: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
        return (shown[:, None] == named[None]) | ((named == ANY)[None] & (shown != NONE)[:, None])

    colors = torch.tensor([color for _, color, _ in captions])
    shapes = torch.tensor([shape for _, _, shape in captions])
    return (agree(batch.colors, colors) & agree(batch.shapes, shapes)).float()


def loss_of(
    scale: torch.Tensor, picture_vectors: torch.Tensor, text_vectors: torch.Tensor, right: torch.Tensor
) -> torch.Tensor:
    """Return the contrastive loss in both directions. Captions beyond `right` match no picture and are pushed away."""
    logits = scale * picture_vectors @ text_vectors.T
    own = right.shape[1]
    targets = torch.cat([right / right.sum(1, keepdim=True), torch.zeros(len(right), len(text_vectors) - own)], 1)
    near = torch.relu(picture_vectors @ text_vectors[own:].T - 0.2).pow(2).sum(0).mean()
    return (
        cross_entropy(logits, targets)
        + cross_entropy(logits[:, :own].T, (right / right.sum(0, keepdim=True)).T)
        + 0.2 * near
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    model = train(options.steps, options.seed)
    save_file({name: value.half().contiguous() for name, value in model.state_dict().items()}, options.out)
    _say(f"{options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")
    for line in measure(options.out):
        _say(line)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
