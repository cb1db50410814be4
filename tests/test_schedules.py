"""Learning rates that change on the way, and which kind of rate goes with which method."""

import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import fallline
from fallline.descent._schedules import kind_of
from fallline.descent._settings import BATCHES, FULL_BATCH, METHODS, SPARSE

PAGE = (Path(__file__).parents[1] / "docs" / "methods.md").read_text(encoding="utf-8")
KINDS = {
    "auto": "auto",
    "number": 0.01,
    "schedule": fallline.InverseScaling(0.01),
    "armijo": "armijo",
    "normalised": "normalised",
    "importance-aware": fallline.ImportanceAware(0.1),
}
X, noise = np.random.default_rng(0).normal(size=(2, 20, 3))
y = X @ [1.0, -2.0, 0.5] + noise[:, 0] / 10
rates = st.floats(1e-6, 1e6)


@given(rates, st.floats(0.01, 3.0), st.integers(0, 10**6))
def test_inverse_scaling(initial, power, step):
    assert fallline.InverseScaling(initial, power)(step) == pytest.approx(initial / (1 + step) ** power)


def test_inverse_scaling_by_default_falls_with_the_root_of_the_steps():
    assert [fallline.InverseScaling(6.0)(step) for step in (0, 3, 8)] == [6.0, 3.0, 2.0]


@given(rates, st.floats(0.1, 1.0), st.integers(0, 100))
def test_exponential(initial, factor, step):
    assert fallline.Exponential(initial, factor)(step) == pytest.approx(initial * factor**step)


@given(st.integers(0, 1000), rates)
def test_schedules_fall_and_are_values(step, initial):
    for schedule in (fallline.InverseScaling(initial, 0.5), fallline.Exponential(initial, 0.9)):
        assert 0 < schedule(step + 1) < schedule(step) <= initial
        assert schedule == type(schedule)(*vars(schedule).values())
        assert repr(schedule).startswith(f"{type(schedule).__name__}(initial=")


@pytest.mark.parametrize("bad", [0, 0.0, -1.0, np.nan, np.inf, "1", None, True])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda bad: fallline.InverseScaling(bad), "initial"),
        (lambda bad: fallline.InverseScaling(0.1, bad), "power"),
        (lambda bad: fallline.Exponential(bad, 0.5), "initial"),
        (lambda bad: fallline.Exponential(0.5, bad), "factor"),
        (lambda bad: fallline.Normalised(bad), "rate"),
        (lambda bad: fallline.ImportanceAware(bad), "rate"),
    ],
)
def test_numbers_that_are_no_rate(make, name, bad):
    with pytest.raises(fallline.InputError, match=name) as caught:
        make(bad)
    assert_one_sentence(caught.value)


def test_rates_that_would_diverge_are_refused():
    with pytest.raises(fallline.InputError, match=r"factor is 1\.01.*give 1 at most"):
        fallline.Exponential(0.1, 1.01)
    assert fallline.Exponential(0.1, 1.0)(7) == 0.1
    for rate in (2.0, 2.5):
        with pytest.raises(fallline.InputError, match=f"{rate}: give less than 2"):
            fallline.Normalised(rate)
    assert fallline.ImportanceAware(1e6).rate == 1e6


def assert_one_sentence(error):
    message = str(error)
    assert "\n" not in message
    assert ". " not in message
    assert not message.endswith(".")


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        *((rate, kind) for kind, rate in KINDS.items()),
        (fallline.Normalised(1.5), "normalised"),
        ("importance-aware", "importance-aware"),
        (fallline.Exponential(1.0, 0.5), "schedule"),
        (lambda step: 0.1, "schedule"),
        (1, "number"),
        (np.float32(0.5), "number"),
        (np.int64(2), "number"),
        (Fraction(1, 3), "number"),
    ],
)
def test_kinds(rate, kind):
    assert kind_of(rate) == kind


@pytest.mark.parametrize("batch_size", [None, 1, 4])
@pytest.mark.parametrize("bad", [0, -0.1, np.nan, np.inf, True, None, "fast", [0.1], "Auto"])
def test_what_is_no_learning_rate(bad, batch_size):
    with pytest.raises(fallline.InputError, match="learning_rate must be") as caught:
        fallline.descend(X, y, learning_rate=bad, batch_size=batch_size)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("batch_size", [None, 1, 4])
@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "fast", None])
def test_a_schedule_that_gives_no_rate_is_named_with_its_step(bad, batch_size):
    step = 3 if batch_size is None else 22

    def schedule(t):
        return bad if t == step else 0.01

    with pytest.raises(fallline.InputError, match=f"learning_rate for step {step}") as caught:
        list(islice(fallline.descend(X, y, learning_rate=schedule, batch_size=batch_size), 30))
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("given_rate", [fallline.InverseScaling, fallline.Exponential, fallline.Normalised])
def test_a_class_is_no_schedule(given_rate):
    with pytest.raises((fallline.InputError, TypeError)):
        list(islice(fallline.descend(X, y, learning_rate=given_rate), 3))


@pytest.mark.parametrize("schedule", [fallline.Exponential(0.5, 0.9), lambda t: 0.3 / (1 + t % 3)])
def test_the_plain_rule_goes_by_the_schedule(schedule):
    w = np.ones((3, 1))
    states = fallline.descend(X, y, learning_rate=schedule, initial_weights=w[:, 0])
    for t, state in enumerate(islice(states, 30)):
        np.testing.assert_allclose(state.weights, w[:, 0], rtol=1e-9)
        assert t == 0 or state.learning_rate == schedule(t - 1)
        w, _, _ = reference.epoch(
            X, y[:, None], w, [0.0], lambda h: h, lambda h: 1.0, range(20), 20, schedule(t), 1.0, False, None
        )
        w = np.array(w)


@pytest.mark.parametrize("batch_size", [None, 10])
def test_a_rate_too_small_for_a_float_is_no_reason_to_fail(batch_size):
    """0.5^t is 0 from t = 1075 on: the descent stands still."""
    rate = fallline.Exponential(0.5, 0.5)
    *_, last = islice(fallline.descend(X, y, learning_rate=rate, batch_size=batch_size), 1200)
    assert np.isfinite(last.error)


def asked(method, kind, batch_size):
    return {"method": method, "learning_rate": KINDS[kind], "batch_size": batch_size}


PAIRS = [(method, kind) for method in METHODS if method != "auto" for kind in KINDS]


@pytest.mark.parametrize(("method", "kind"), PAIRS)
def test_pairs_over_all_records(method, kind):
    check_pair(method, kind, None, kind in FULL_BATCH.get(method, ()))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize(("method", "kind"), PAIRS)
def test_pairs_in_batches(method, kind, batch_size):
    record_by_record = kind in ("normalised", "importance-aware")
    allowed = kind in BATCHES.get(method, ()) and (batch_size == 1 or not record_by_record)
    check_pair(method, kind, batch_size, allowed)


ADVICE = (
    r"choose (method|'normalised')|leave (batch_size|learning_rate)|give (a )?batch_size|it needs (all|a)"
)


def check_pair(method, kind, batch_size, allowed):
    if allowed:
        first, *_, last = islice(fallline.descend(X, y, **asked(method, kind, batch_size)), 25)
        assert last.error < first.error
        return
    with pytest.raises(fallline.InputError, match=f"(?=.*({method}|{kind}))(?=.*({ADVICE}))") as caught:
        fallline.descend(X, y, **asked(method, kind, batch_size))
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("batch_size", [None, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_the_advice_of_a_refused_pair_leads_to_one_that_works(kind, batch_size):
    for method in METHODS[:-1]:
        try:
            fallline.descend(X, y, **asked(method, kind, batch_size))
        except fallline.InputError as error:
            named = re.search(r"choose method '([\w-]+)'", str(error))
            if named:
                next(fallline.descend(X, y, **asked(named[1], kind, batch_size)))


@pytest.mark.parametrize("batch_size", [None, 1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_the_automatic_method_is_plain_where_a_rate_is_given(kind, batch_size):
    plain = asked("plain", kind, batch_size)
    try:
        plainly = list(islice(fallline.descend(X, y, **plain), 5))
    except fallline.InputError:
        with pytest.raises(fallline.InputError):
            fallline.descend(X, y, **asked("auto", kind, batch_size))
        return
    states = islice(fallline.descend(X, y, **asked("auto", kind, batch_size)), 5)
    if kind != "auto" or batch_size is not None:
        for one, other in zip(plainly, states, strict=True):
            np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_without_a_guaranteed_rate_these_methods_ask_for_one(method):
    with pytest.raises(fallline.InputError, match=f"{method}.*give learning_rate as a number") as caught:
        fallline.descend(X, np.exp(y), activation="exp", method=method)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("unit", ["sigmoid", "exp"])
def test_rules_say_what_they_need_of_the_activation(unit):
    with pytest.raises(fallline.InputError, match="for the identity: choose 'normalised'"):
        fallline.descend(X, y > 0, activation=unit, batch_size=1, learning_rate="importance-aware")
    if unit == "exp":
        with pytest.raises(fallline.InputError, match=r"exp has no bound.*give learning_rate"):
            fallline.descend(X, np.exp(y), activation=unit, batch_size=1, learning_rate="normalised")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch_size", [None, 4])
def test_which_methods_know_corners(method, batch_size):
    table = FULL_BATCH if batch_size is None else BATCHES
    if method not in (*table, "auto"):
        return
    settings = {"method": method, "alpha": 0.1, "l1_ratio": 0.5, "batch_size": batch_size}
    if method in SPARSE or method == "auto":
        assert len(list(islice(fallline.descend(X, y, **settings), 3))) > 1
    else:
        with pytest.raises(fallline.InputError, match=f"goes with {', '.join(SPARSE)}.*{method}") as caught:
            fallline.descend(X, y, **settings)
        assert_one_sentence(caught.value)


def as_markdown(table):
    """Return the lines that a page shows for a table of methods."""
    kinds = [kind for kind in KINDS if any(kind in row for row in table.values())]
    lines = [["method", *kinds, "ℓ₁ penalty"], ["---"] * (len(kinds) + 2)]
    for method, allowed in table.items():
        marks = [*(kind in allowed for kind in kinds), method in SPARSE]
        lines.append([method, *("yes" if mark else "" for mark in marks)])
    rows = ("".join(f"| {cell} " if cell else "| " for cell in line) + "|" for line in lines)
    return "\n".join(rows)


@pytest.mark.parametrize("table", [FULL_BATCH, BATCHES], ids=["all records", "batches"])
def test_the_page_shows_the_table(table):
    assert as_markdown(table) in PAGE


@pytest.mark.parametrize(
    ("heading", "names"), [("Kinds of learning rate", KINDS), ("Methods", {**FULL_BATCH, **BATCHES})]
)
def test_the_page_tells_of_every_kind_and_method(heading, names):
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    _, *told = re.findall(r"^\| ([a-z-]*[a-z]) \|", section, flags=re.MULTILINE)
    assert sorted(told) == sorted(names)


def test_the_example_of_the_page_prints_what_it_shows(capsys):
    block = re.search(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)[1]
    exec(compile(block, "methods.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"^# (.*)$", block, flags=re.MULTILINE)
