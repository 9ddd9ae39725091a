"""Confidence models: how they use signals, where they are stored, and how they are fitted."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import OperatorMustAct, UserCanFix
from rag.evaluation.calibration import MIN_SEARCHES, Sample, fit, train_decision
from rag.evaluation.metrics import best_within
from rag.model.search import Scope
from rag.search.confidence import BUILT_IN, FILE_NAME, MADE, ConfidenceModel, Weight, load, save
from rag.search.confidence_signals import RERANKED, SEEN, SIGNALS
from tests.support.searched import FakeSearched

SOME = ConfidenceModel(0.2, {"score": Weight(0.3, 0.2, 1.4), "pairs": Weight(0.2, 0.3, -0.8)}, 0.2)

shares = st.floats(0, 1)


# ---------------------------------------------------------------- using signals


@given(signals=st.dictionaries(st.sampled_from(["score", "pairs", "unheard of"]), shares))
def test_confidence_is_a_probability_for_any_signals(signals: dict[str, float]) -> None:
    assert 0 <= SOME.confidence(signals) <= 1


@given(low=shares, high=shares, pairs=shares)
def test_signal_counts_in_the_direction_of_its_weight(low: float, high: float, pairs: float) -> None:
    low, high = sorted((low, high))
    assert SOME.confidence({"score": low, "pairs": pairs}) <= SOME.confidence({"score": high, "pairs": pairs})
    assert SOME.confidence({"score": pairs, "pairs": low}) >= SOME.confidence({"score": pairs, "pairs": high})


def test_missing_signal_counts_as_average() -> None:
    assert SOME.confidence({"score": 0.9}) == pytest.approx(SOME.confidence({"score": 0.9, "pairs": 0.2}))
    assert SOME.confidence({}) == pytest.approx(1 / (1 + math.exp(-0.2)))


# ---------------------------------------------------------------- loading and saving


def test_built_in_models_cover_questions_and_pictures(tmp_path: Path) -> None:
    built_in = load(tmp_path)
    assert set(built_in) == {"question", "few", "picture"}
    assert all(0 < model.threshold < 1 and model.asked and model.weights for model in built_in.values())


def test_built_in_models_say_how_they_were_made() -> None:
    made = json.loads(BUILT_IN.read_text())[MADE]
    assert "tests.bench.confidence" in made["command"]
    assert sum(made["searches"].values()) == json.loads(BUILT_IN.read_text())["question"]["asked"]


@given(data=st.data(), kind=st.sampled_from(sorted(SIGNALS)))
def test_built_in_confidence_never_falls_with_a_signal(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    model = load(tmp_path_factory.getbasetemp())[kind]
    signals = data.draw(st.dictionaries(st.sampled_from(SIGNALS[kind]), shares, min_size=1))
    name = data.draw(st.sampled_from(sorted(signals)))
    low, high = sorted((signals[name], data.draw(shares)))
    assert model.confidence({**signals, name: low}) <= model.confidence({**signals, name: high})


@pytest.mark.parametrize(
    ("kind", "signal"),
    [(kind, signal) for kind in SIGNALS for signal in SIGNALS[kind] if signal not in (RERANKED, SEEN)],
)
def test_built_in_confidence_depends_on_each_signal(tmp_path: Path, kind: str, signal: str) -> None:
    model = load(tmp_path)[kind]
    assert model.confidence({signal: 0.0}) < model.confidence({signal: 1.0})


def test_built_in_confidence_does_not_depend_on_models_that_were_not_measured(tmp_path: Path) -> None:
    for model in load(tmp_path).values():
        assert not {RERANKED, SEEN} & model.weights.keys()


@pytest.mark.parametrize(
    ("signals", "found"),
    [
        ({"agreement": 0.9}, True),  # a proof needs no words
        ({"agreement": 0.9, "held": 0.0}, True),
        ({"held": 0.8}, True),  # words need no proof if pixels were not compared
        ({"held": 0.2}, False),
        ({"agreement": 0.0, "held": 0.7}, False),  # half of a page's words are on many others
        ({"agreement": 0.0}, False),
    ],
)
def test_pixels_outweigh_words(tmp_path: Path, signals: dict[str, float], found: bool) -> None:
    decision = load(tmp_path)["picture"]
    assert (decision.confidence(signals) >= decision.threshold) is found


def test_saved_model_replaces_the_built_in_one_and_keeps_others(tmp_path: Path) -> None:
    built_in = load(tmp_path)
    save(tmp_path, {"picture": SOME})
    save(tmp_path, {"question": SOME})
    assert load(tmp_path) == {**built_in, "question": SOME, "picture": SOME}
    save(tmp_path, {"question": built_in["question"]})
    assert load(tmp_path) == {**built_in, "picture": SOME}


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        '{"question": 3}',
        '{"question": {"bias": 0}}',
        '{"question": {"bias": 0, "weights": {"score": {"mean": 0, "scale": 0, "weight": 1}}, "threshold": 0.5}}',
        '{"question": {"bias": 0, "weights": {"score": {"mean": NaN, "scale": 1, "weight": 1}}, "threshold": 0.5}}',
    ],
)
def test_broken_file_is_named_with_its_remedy(tmp_path: Path, broken: str) -> None:
    (tmp_path / FILE_NAME).write_text(broken)
    with pytest.raises(OperatorMustAct, match=FILE_NAME) as error:
        load(tmp_path)
    assert "train-decision" in error.value.hint


# ---------------------------------------------------------------- fitting


def draw_samples(seed: int, apart: float, count: int = 400) -> list[Sample]:
    """Return searches of ten files, whose `score` differs by `apart` standard deviations, with a signal of noise."""
    dice = random.Random(seed)
    return [
        Sample(
            {"score": dice.gauss(apart * (number % 2), 1), "noise": dice.gauss(0, 1)},
            bool(number % 2),
            f"{number % 10}",
        )
        for number in range(count)
    ]


def test_fit_learns_an_informative_signal_and_ignores_noise() -> None:
    decision, _ = fit(draw_samples(1, 2.0), 0.05)
    # Two normal distributions two standard deviations apart: the AUROC is the normal distribution at 2 / sqrt(2).
    assert decision.auroc == pytest.approx(0.921, abs=0.03)
    assert decision.weights["score"].weight > 10 * abs(decision.weights["noise"].weight)


def test_auroc_of_noise_is_not_inflated_by_the_fitted_examples() -> None:
    rows = [Sample({"noise": random.Random(n).random()}, bool(n % 3), f"{n % 7}") for n in range(300)]
    decision, _ = fit(rows, 0.05)
    assert 0.4 < decision.auroc < 0.6


def test_confidence_is_calibrated() -> None:
    """Check that of the searches with confidence 0.2, a fifth have an answer, and so on."""
    decision, _ = fit(draw_samples(2, 1.5, 6000), 0.05)
    results = [(decision.confidence(row.signals), row.present) for row in draw_samples(3, 1.5, 6000)]
    for low in (0.1, 0.3, 0.5, 0.7):
        inside = [present for confidence, present in results if low <= confidence < low + 0.2]
        assert sum(inside) / len(inside) == pytest.approx(low + 0.1, abs=0.06)


@given(seed=st.integers(0, 1000), wrongly=st.sampled_from([0.0, 0.03, 0.2]))
def test_threshold_wrongly_declines_at_most_the_given_share(seed: int, wrongly: float) -> None:
    decision, curve = fit(draw_samples(seed, 1.0, 80), wrongly)
    assert decision.present <= wrongly
    assert (decision.threshold, decision.absent, decision.present) == best_within(curve, wrongly)


def test_signal_of_some_searches_is_used_for_them() -> None:
    rows = draw_samples(4, 2.0)
    rows = [
        Sample({"score": row.signals["score"]} if n % 4 < 2 else {}, row.present, row.file)
        for n, row in enumerate(rows)
    ]
    decision, _ = fit(rows, 0.05)
    assert decision.confidence({"score": 3}) > decision.confidence({}) > decision.confidence({"score": -1})


def test_signal_that_would_lower_the_confidence_is_not_used() -> None:
    rows = [replace(row, signals={**row.signals, "odd": -row.signals["score"]}) for row in draw_samples(5, 1.0)]
    decision, _ = fit([replace(row, signals={"odd": row.signals["odd"]}) for row in rows], 0.05)
    assert decision.weights["odd"].weight == 0


def test_each_set_counts_the_same() -> None:
    small = [replace(row, set="small") for row in draw_samples(6, 2.0, 400)]
    other = [replace(row, set="other") for row in draw_samples(7, 0.5, 400)]
    once, _ = fit([*small, *other], 0.05)
    often, _ = fit([*small, *other * 5], 0.05)
    for score in (-1.0, 0.5, 2.0):
        assert often.confidence({"score": score}) == pytest.approx(once.confidence({"score": score}), abs=0.03)
    assert often.present <= 0.05
    assert often.threshold == pytest.approx(once.threshold, abs=0.03)


def test_threshold_is_set_on_the_searches_over_all_documents() -> None:
    everything = draw_samples(8, 2.0)
    small = [replace(row, signals={"score": row.signals["score"] - 3}, is_small=True) for row in draw_samples(9, 2.0)]
    decision, curve = fit([*everything, *small], 0.03)
    assert len({point.present for point in curve}) <= sum(row.present for row in everything) + 1
    over_everything = [decision.confidence(row.signals) < decision.threshold for row in everything if row.present]
    assert sum(over_everything) / len(over_everything) <= 0.05


# ---------------------------------------------------------------- from a question file


def signals_of(query: str, scope: Scope) -> dict[str, float]:
    """Return high signals if the scope has the question's own file, as a search would."""
    own = int(query.split()[-1]) % 4 + 1
    inside = own not in scope.without and (scope.documents is None or own in scope.documents)
    return {"score": 0.9 if inside else 0.2, "held": 0.8 if inside else 0.1}


@pytest.fixture
def searched() -> FakeSearched:
    return FakeSearched({n: f"{n}.pdf" for n in range(1, 5)}, {}, signals=signals_of)


def question_file(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "q.jsonl"
    rows = [{"id": n, "query": f"about {n}", "file": f"{n % 4 + 1}.pdf", "pages": [1]} for n in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_each_question_is_searched_with_and_without_its_file(tmp_path: Path, searched: FakeSearched) -> None:
    progress: list[tuple[int, int]] = []
    fitted = train_decision(searched, question_file(tmp_path, 12), 0.03, lambda *at: progress.append(at))
    assert progress[0][0] == 0
    assert progress[-1] == (72, 72)
    decision = searched.decisions["question"]
    assert fitted.decisions == searched.decisions
    assert set(searched.decisions) == {"question", "few"}  # not for pictures, because the file has none
    assert decision.asked == 72
    assert (decision.auroc, decision.absent, decision.present) == (1, 1, 0)
    assert decision.confidence({"score": 0.2}) < decision.threshold <= decision.confidence({"score": 0.9})
    scopes = searched.scopes[:6]
    assert Scope.operator() in scopes
    assert [scope for scope in scopes if scope.without == {1}]
    train_decision(searched, question_file(tmp_path, 12), 0.03, lambda *_: None)
    assert searched.scopes[72:78] == scopes  # the same scopes, so that two fits can be compared


def test_refuses_too_few_questions(tmp_path: Path, searched: FakeSearched) -> None:
    with pytest.raises(UserCanFix, match="too few") as error:
        train_decision(searched, question_file(tmp_path, 3), 0.03, lambda *_: None)
    assert str(MIN_SEARCHES) in error.value.hint
    assert not searched.decisions
