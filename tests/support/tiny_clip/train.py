"""Train the tiny CLIP: `python -m tests.support.tiny_clip.train`. A core, five or six minutes, under 3 MB.

Everything is drawn and chosen by one seed. Prints at the end what `measure.py` finds.
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
from tests.support.tiny_clip.shapes import COLOURS, HELD_OUT, PARTS, PLAIN, SHAPES, TEMPLATES, draw

HERE = Path(__file__).parent
NAME = "magpie-tiny"
WEIGHTS = HERE / f"{NAME}.safetensors"

PICTURES, BATCH, STRANGE = 9000, 128, 64
"""Pictures drawn; pictures a step; captions a step that belong to no picture."""

RATE = 3e-3
LARGEST_SCALE = 3.0
"""Of the logits, as a logarithm: what keeps right pairs near a cosine of 0.65, and wrong ones below 0.4."""

SQUARE = 8
"""Pixels of the squares that a picture is cut into."""

TOKENS = 24
"""Tokens of a caption; shorter than the model's 77, which would take four times as long."""

NONE, ANY, LOST = -1, -2, -3
"""As a colour or shape: the picture shows none; the caption leaves it open; the picture was robbed of it."""

COLOUR_NAMES = list(COLOURS)
SMALL = ("the", "of", "a", "in", "is", "on", "and", "what", "which")


@dataclass(frozen=True)
class Drawings:
    """Prepared pictures with the number of their colour and shape, NONE for a page without a shape."""

    pictures: torch.Tensor
    colours: torch.Tensor
    shapes: torch.Tensor

    def some(self, rows: torch.Tensor) -> Drawings:
        return Drawings(self.pictures[rows], self.colours[rows], self.shapes[rows])


def train(steps: int, seed: int) -> Any:
    """A model that learnt for so many steps."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    open_clip.add_model_config(HERE / f"{NAME}.json")
    model, _, prepare = open_clip.create_model_and_transforms(NAME)
    tokenizer = open_clip.get_tokenizer(NAME)
    drawings = draw_all(chance, prepare)
    words = foreign_words(tokenizer)
    _say(f"{PICTURES} pictures drawn")
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = RATE * min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
        batch = robbed(drawings.some(torch.randint(PICTURES, (BATCH,))))
        captions = [
            caption(int(colour), int(shape), chance) for colour, shape in zip(batch.colours, batch.shapes, strict=True)
        ]
        strange = [foreign(words, chance) for _ in range(STRANGE)]
        tokens = tokenizer([text for text, _, _ in captions] + strange, context_length=TOKENS)
        seen = model.encode_image(varied(batch.pictures, chance), normalize=True)
        said = encode_short(model, tokens)
        loss = loss_of(model.logit_scale.exp(), seen, said, matches(batch, captions))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, LARGEST_SCALE)
        if step % 50 == 0:
            _say(f"step {step} of {steps}, {time.monotonic() - started:.0f} s, loss {loss.item():.2f}")
    return model.eval()


def draw_all(chance: random.Random, prepare: Any) -> Drawings:
    pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in HELD_OUT]
    kinds: list[tuple[str | None, str | None]] = [*pairs, *[(None, None)] * 5]
    drawn = [draw(chance, *chance.choice(kinds)) for _ in range(PICTURES)]
    return Drawings(
        torch.stack([prepare(one.picture) for one in drawn]),
        torch.tensor([COLOUR_NAMES.index(one.colour) if one.colour else NONE for one in drawn]),
        torch.tensor([SHAPES.index(one.shape) if one.shape else NONE for one in drawn]),
    )


def caption(colour: int, shape: int, chance: random.Random) -> tuple[str, int, int]:
    """A caption, and the colour and shape that it names; every third or so leaves one of them open."""
    if colour == NONE:
        return chance.choice(PLAIN), NONE, NONE
    part = chance.random()
    if shape == LOST or (colour != LOST and part < 0.15):
        return chance.choice(PARTS).format(COLOUR_NAMES[colour]), colour, ANY
    if colour == LOST or part < 0.3:
        return chance.choice(PARTS).format(SHAPES[shape]), ANY, shape
    return chance.choice(TEMPLATES).format(COLOUR_NAMES[colour], SHAPES[shape]), colour, shape


def foreign_words(tokenizer: Any) -> list[str]:
    """Words of the tokenizer's vocabulary that name nothing in these pictures."""
    whole = (piece.removesuffix("</w>") for piece in tokenizer.encoder if piece.endswith("</w>"))
    known = {*COLOURS, *SHAPES}
    return [word for word in whole if len(word) > 2 and word.isascii() and word.isalpha() and word not in known]


def foreign(words: list[str], chance: random.Random) -> str:
    """A caption of no picture: strange words, in part with a colour among them ("green energy")."""
    said = [chance.choice(words) for _ in range(chance.randint(1, 7))]
    look = chance.random()
    if look < 0.25:
        said = said[:4]
        said.insert(chance.randint(0, len(said)), chance.choice(COLOUR_NAMES))
    elif look < 0.5:
        said = [f"{chance.choice(SMALL)} {word}" for word in said]
    return " ".join(said)


def varied(pictures: torch.Tensor, chance: random.Random) -> torch.Tensor:
    """Moved, mirrored and tinted a little, so that a picture is seldom seen twice."""
    moved = torch.roll(pictures, (chance.randint(-6, 6), chance.randint(-6, 6)), (2, 3))
    mirrored = torch.where(torch.rand(len(moved), 1, 1, 1) < 0.5, moved.flip(3), moved)
    return mirrored + 0.08 * torch.randn(len(moved), 3, 1, 1)


def robbed(batch: Drawings) -> Drawings:
    """Some pictures in grey, some cut into squares and shuffled: shape without colour, colour without shape.

    Without these the model learns each pair by itself, and not the ones held out.
    """
    part = torch.rand(BATCH)
    has_shape = batch.shapes != NONE
    grey, cut = (part < 0.2) & has_shape, (part > 0.8) & has_shape
    pictures = batch.pictures.clone()
    pictures[grey] = pictures[grey].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    squares = pictures[cut].unfold(2, SQUARE, SQUARE).unfold(3, SQUARE, SQUARE)
    across = squares.shape[2]
    flat = squares.reshape(len(squares), 3, across * across, SQUARE, SQUARE)[:, :, torch.randperm(across * across)]
    shuffled = flat.reshape(len(squares), 3, across, across, SQUARE, SQUARE).transpose(3, 4)
    pictures[cut] = shuffled.reshape(pictures[cut].shape)
    return Drawings(pictures, torch.where(grey, LOST, batch.colours), torch.where(cut, LOST, batch.shapes))


def encode_short(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """What `model.encode_text` does, for rows shorter than its 77 tokens."""
    length = tokens.shape[1]
    inner = model.token_embedding(tokens) + model.positional_embedding[:length]
    inner = model.ln_final(model.transformer(inner, attn_mask=model.attn_mask[:length, :length]))
    return normalize(inner[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection, dim=-1)


def matches(batch: Drawings, captions: list[tuple[str, int, int]]) -> torch.Tensor:
    """Which pictures (down) which captions (across) describe; all of one colour and shape count as right."""

    def agree(shown: torch.Tensor, named: torch.Tensor) -> torch.Tensor:
        return (shown[:, None] == named[None]) | ((named == ANY)[None] & (shown != NONE)[:, None])

    colours = torch.tensor([colour for _, colour, _ in captions])
    shapes = torch.tensor([shape for _, _, shape in captions])
    return (agree(batch.colours, colours) & agree(batch.shapes, shapes)).float()


def loss_of(scale: torch.Tensor, seen: torch.Tensor, said: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Contrastive both ways; captions beyond `right` belong to no picture and are kept far from all."""
    logits = scale * seen @ said.T
    own = right.shape[1]
    wanted = torch.cat([right / right.sum(1, keepdim=True), torch.zeros(len(right), len(said) - own)], 1)
    near = torch.relu(seen @ said[own:].T - 0.2).pow(2).sum(0).mean()
    return (
        cross_entropy(logits, wanted)
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
