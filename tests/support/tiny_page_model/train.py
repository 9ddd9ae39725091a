"""Train the tiny page model: `python -m tests.support.tiny_page_model.train`. Takes about six minutes on one core.

The training data depends only on the seed. Prints the report of `measure.py` at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from tests.support.tiny_page_model import FOLDER
from tests.support.tiny_page_model.build import TINY, build_model, save_model
from tests.support.tiny_page_model.measure import measure
from tests.support.tiny_page_model.pages import Sheet, draw_sheet, pairs, question_about, random_sheets

PAGES, RATE, SCALE = 48, 2e-3, 20.0
"""Pages of a step, the highest learning rate, and what scores from -1 to 1 are multiplied by."""


def train(steps: int, seed: int) -> tuple[Any, Any]:
    """Return a model that was trained for this many steps, and its processor."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    model, processor = build_model(TINY)
    known = pairs(held_out=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = RATE * min(1.0, (step + 1) / 100) * max(0.02, 1 - step / steps)
        sheets = [sheet for _ in range(PAGES // 2) for sheet in random_sheets(rng, known)]
        asked = [rng.choice(sheet.pairs) for sheet in sheets]
        scores = score(model, processor, [question_about(pair, rng) for pair in asked], sheets, rng)
        right = torch.tensor([[float(pair in sheet.pairs) for sheet in sheets] for pair in asked])
        loss = cross_entropy(SCALE * scores, right / right.sum(1, keepdim=True))
        loss = loss + cross_entropy(SCALE * scores.T, (right / right.sum(0, keepdim=True).clamp(min=1)).T)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            first = right.gather(1, scores.argmax(1, keepdim=True)).mean().item()
            _say(f"step {step} of {steps}, {time.monotonic() - started:.0f} s, loss {loss.item():.2f}, {first:.0%}")
    return model.eval(), processor


def score(
    model: Any, processor: Any, questions: Sequence[str], sheets: Sequence[Sheet], rng: random.Random
) -> torch.Tensor:
    """Return the mean similarity of each question's tokens to the nearest image token of each page."""
    pictures = [draw_sheet(sheet, rng, TINY.side) for sheet in sheets]
    seen = processor(images=pictures, return_tensors="pt")
    asked = processor(text=list(questions), return_tensors="pt", padding=True)
    of_pages = model(**seen).embeddings
    of_questions = model(**asked).embeddings
    near = torch.einsum("qid,pjd->qpij", of_questions, of_pages)
    near = near.masked_fill(seen["input_ids"][None, :, None] != processor.image_token_id, -1.0)
    counted = asked["attention_mask"][:, None].float()
    return (near.max(3).values * counted).sum(2) / counted.sum(2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--into", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, processor = train(options.steps, options.seed)
    save_model(model.half(), processor, options.into)
    for line in measure(options.into):
        _say(line)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
