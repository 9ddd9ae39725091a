"""Train the tiny CLIP: `python -m tests.tiny_clip.train [--seconds 100]`. Two cores, about two minutes, under 3 MB.

The same seed gives the same pictures and captions; how many steps fit into the time depends on the machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from tests.tiny_clip.shapes import COLOURS, HELD_OUT, SHAPES, Drawn, caption, draw

HERE = Path(__file__).parent
NAME = "magpie-tiny"
WEIGHTS = HERE / f"{NAME}.safetensors"

PICTURES, BATCH = 9000, 128


def train(seconds: float, seed: int) -> torch.nn.Module:
    """A model that learnt for so many seconds. Pictures of one colour and shape all count as right for a caption."""
    torch.manual_seed(seed)
    chance = random.Random(seed)
    open_clip.add_model_config(HERE / f"{NAME}.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _, prepare = open_clip.create_model_and_transforms(NAME)
    tokenizer = open_clip.get_tokenizer(NAME)
    pairs: list[tuple[str | None, str | None]] = [
        (colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in HELD_OUT
    ]
    kinds = [*pairs, *[(None, None)] * 3]
    drawn = [draw(chance, *chance.choice(kinds)) for _ in range(PICTURES)]
    pictures = torch.stack([prepare(one.picture) for one in drawn])
    group = torch.tensor([hash_of(one) for one in drawn])
    _say(f"{PICTURES} pictures drawn")
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    started, step = time.monotonic(), 0
    model.train()
    while (spent := (time.monotonic() - started) / seconds) < 1:
        for parameters in optimizer.param_groups:
            parameters["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * max(0.02, 1 - spent)
        rows = torch.randint(PICTURES, (BATCH,))
        texts = tokenizer([caption(drawn[row], chance) for row in rows.tolist()])
        seen = model.encode_image(pictures[rows], normalize=True)
        said = model.encode_text(texts, normalize=True)
        same = (group[rows][:, None] == group[rows][None, :]).float()
        wanted = same / same.sum(1, keepdim=True)
        logits = model.logit_scale.exp() * seen @ said.T
        loss = torch.nn.functional.cross_entropy(logits, wanted) + torch.nn.functional.cross_entropy(logits.T, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.0)
        if step % 100 == 0:
            _say(f"step {step}, {spent:.0%}, loss {loss.item():.3f}")
        step += 1
    model.eval()
    return model


def hash_of(drawn: Drawn) -> int:
    """A number for its colour and shape."""
    if drawn.colour is None or drawn.shape is None:
        return -1
    return list(COLOURS).index(drawn.colour) * len(SHAPES) + SHAPES.index(drawn.shape)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    model = train(options.seconds, options.seed)
    save_file({name: value.half().contiguous() for name, value in model.state_dict().items()}, options.out)
    _say(f"{options.out} ({options.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
