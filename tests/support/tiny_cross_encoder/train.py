"""Train the tiny cross-encoder: `python -m tests.support.tiny_cross_encoder.train`. Takes a few minutes on one core.

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
from tokenizers import Tokenizer, normalizers
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from tests.support.tiny_clip.shapes import COLORS, SHAPES
from tests.support.tiny_cross_encoder import FOLDER
from tests.support.tiny_cross_encoder.measure import measure
from tests.support.tiny_cross_encoder.scenes import (
    FILLERS,
    PASSAGES,
    QUESTIONS,
    Scene,
    objects,
    passage_about,
    question_about,
    random_scene,
)

BATCH, RATE = 48, 2e-3
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENS = 96


def train(steps: int, seed: int) -> tuple[Any, Any]:
    """Return a model that was trained for this many steps, and its tokenizer."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = word_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=1,
    )
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    started = time.monotonic()
    model.train()
    for step in range(steps):
        for parameters in optimizer.param_groups:
            parameters["lr"] = RATE * min(1.0, (step + 1) / 200) * max(0.02, 1 - step / steps)
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
    """Return pairs of questions and passages; a third of them match, a third have swapped colors."""
    known = objects(held_out=False)
    pairs, labels = [], []
    for number in range(BATCH):
        scene = random_scene(rng, known, known)
        kind = number % 3
        shown = scene if kind == 0 else scene.swapped() if kind == 1 else another(scene, rng, known)
        pairs.append((question_about(scene, rng), passage_about(shown, rng)))
        labels.append(float(kind == 0))
    return pairs, labels


def another(scene: Scene, rng: random.Random, known: list[tuple[str, str]]) -> Scene:
    """Return a scene that shares at most one object with this one, or has one color or shape changed."""
    if rng.random() < 0.3:
        return random_scene(rng, known, known)
    return random_scene(rng, [scene.first], [pair for pair in known if pair not in (scene.first, scene.second)])


def word_tokenizer() -> Any:
    """Return a tokenizer whose vocabulary is the words of the scenes; all other words are one unknown token."""
    texts = " ".join([*QUESTIONS, *PASSAGES, *FILLERS, *COLORS, *SHAPES]).replace("{}", " ").lower()
    pieces = [piece for piece, _ in BertPreTokenizer().pre_tokenize_str(texts)]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*SPECIAL, *pieces]))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = BertPreTokenizer()
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
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--into", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = train(chosen.steps, chosen.seed)
    model.half().save_pretrained(chosen.into)
    tokenizer.save_pretrained(chosen.into)
    for line in measure(chosen.into):
        _say(line)


if __name__ == "__main__":
    main()
