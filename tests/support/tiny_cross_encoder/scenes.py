"""Descriptions of scenes, the training data of the tiny cross-encoder.

Two scenes can have the same words and differ only in which color belongs to which shape: a search by words cannot tell
"a red circle beside a blue square" from "a blue circle beside a red square".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.tiny_clip.shapes import COLORS, SHAPES

HELD_OUT = frozenset(
    {("green", "triangle"), ("purple", "star"), ("orange", "ring"), ("blue", "cross"), ("red", "moon")}
)
"""Left out of training. Finding them shows that the model compares words, and does not know pairs by heart."""

QUESTIONS = (
    "a {} {} and a {} {}",
    "which page shows a {} {} and a {} {}?",
    "{} {} with {} {}",
    "where is the {} {} beside the {} {}?",
    "the sheet that has a {} {} and also a {} {}",
)
PASSAGES = (
    "A {} {} is beside a {} {}.",
    "It shows a {} {} and a {} {}.",
    "The {} {} was drawn first, then the {} {}.",
    "On this sheet, a {} {} stands above a {} {}.",
)
FILLERS = (
    "The sheet was drawn in March.",
    "The paper is thin and has a border.",
    "Two copies are kept in the office.",
    "The lines are a little uneven.",
    "It belongs to the first folder.",
    "Nobody has signed it.",
)


@dataclass(frozen=True)
class Scene:
    """Two objects, each with a color and a shape."""

    first: tuple[str, str]
    second: tuple[str, str]

    def swapped(self) -> Scene:
        """Return the scene with the same words, in which each object has the color of the other one."""
        return Scene((self.second[0], self.first[1]), (self.first[0], self.second[1]))


def objects(*, held_out: bool) -> list[tuple[str, str]]:
    """Return the pairs of color and shape that are held out, or those that are not."""
    return [(color, shape) for color in COLORS for shape in SHAPES if ((color, shape) in HELD_OUT) is held_out]


def random_scene(rng: random.Random, firsts: Sequence[tuple[str, str]], seconds: Sequence[tuple[str, str]]) -> Scene:
    """Return a scene of two objects that differ in color and shape."""
    while True:
        scene = Scene(rng.choice(firsts), rng.choice(seconds))
        if scene.first[0] != scene.second[0] and scene.first[1] != scene.second[1]:
            return scene if rng.random() < 0.5 else Scene(scene.second, scene.first)


def question_about(scene: Scene, rng: random.Random) -> str:
    return rng.choice(QUESTIONS).format(*scene.first, *scene.second)


def passage_about(scene: Scene, rng: random.Random) -> str:
    """Return a description of a scene among other sentences, with its objects in any order."""
    one, other = (scene.first, scene.second) if rng.random() < 0.5 else (scene.second, scene.first)
    sentences = [rng.choice(PASSAGES).format(*one, *other), *rng.sample(FILLERS, rng.randint(0, 2))]
    rng.shuffle(sentences)
    return " ".join(sentences)
