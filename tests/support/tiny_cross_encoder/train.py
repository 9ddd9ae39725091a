"""Train the tiny cross-encoder: `python -m tests.support.tiny_cross_encoder.train`. Takes two minutes on one core.

The training data depends only on the seed. Prints the report of `measure.py` at the end.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, normalizers
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, PreTrainedTokenizerFast

from tests.support.tiny_clip.shapes import COLORS, SHAPES
from tests.support.tiny_cross_encoder import FOLDER
from tests.support.tiny_cross_encoder.measure import measure
from tests.support.tiny_cross_encoder.scenes import (
    Scene,
    objects,
    passage_about,
    question_about,
    random_scene,
)

BATCH, RATE = 100, 2e-3
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENS = 96


def train(steps: int, seed: int) -> tuple[Any, Any]:
    """Return a model that was trained for this many steps, and its tokenizer."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = word_tokenizer()
    # The convolution joins a color to the shape after it, so that attention can compare both at once.
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=64,
        relative_attention=True,
        pos_att_type=["c2p", "p2c"],
        max_relative_positions=16,
        conv_kernel_size=3,
        conv_act="gelu",
        type_vocab_size=2,
        initializer_range=0.125,  # the default is for wide models; with it, a narrow one attends to all words alike
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pooler_dropout=0.0,
        pooler_hidden_size=64,
        num_labels=1,
    )
    model = DebertaV2ForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = RATE * min(1.0, (step + 1) / 100) * max(0.02, 1 - step / steps)
        pairs, labels = batch(rng)
        encoded = tokenizer(*map(list, zip(*pairs, strict=True)), padding=True, truncation=True, return_tensors="pt")
        logits = model(**encoded).logits[:, 0]
        loss = binary_cross_entropy_with_logits(logits, torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 200 == 0:
            _say(f"step {step} of {steps}, {time.monotonic() - started:.0f} s, loss {loss.item():.3f}")
    return model.eval(), tokenizer


def batch(rng: random.Random) -> tuple[list[tuple[str, str]], list[float]]:
    """Return pairs of questions and passages: of ten, four match, and three have swapped colors."""
    known = objects(held_out=False)
    pairs, labels = [], []
    for number in range(BATCH):
        scene = random_scene(rng, known, known)
        kind = number % 10
        shown = scene if kind < 4 else scene.swapped() if kind < 7 else another(scene, rng, known)
        pairs.append((question_about(scene, rng), passage_about(shown, rng)))
        labels.append(float(kind < 4))
    return pairs, labels


def another(scene: Scene, rng: random.Random, known: list[tuple[str, str]]) -> Scene:
    """Return a scene with at most one object of this one."""
    firsts = [scene.first] if rng.random() < 0.5 else [pair for pair in known if pair != scene.first]
    return random_scene(rng, firsts, [pair for pair in known if pair not in (scene.first, scene.second)])


def word_tokenizer() -> Any:
    """Return a tokenizer of the colors and shapes. It leaves out all other words, so that a model can be this small."""
    words = [*COLORS, *SHAPES]
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = Split(Regex(rf"\b(?:{'|'.join(words)})\b"), behavior="removed", invert=True)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")],
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=TOKENS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **names,
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--into", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = train(chosen.steps, chosen.seed)
    model.save_pretrained(chosen.into)
    tokenizer.save_pretrained(chosen.into)
    for line in measure(chosen.into):
        _say(line)


if __name__ == "__main__":
    main()
