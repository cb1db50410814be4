"""docs/seed.md: each formula against plain loops, each claim with numbers that bear it out."""

import inspect
import math
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import reference
from sklearn.metrics import r2_score

import fallline

PAGE = (Path(__file__).parents[1] / "docs" / "seed.md").read_text(encoding="utf-8")

rng = np.random.default_rng(0)
X, Y, W = rng.normal(size=(6, 3)), rng.random((6, 2)), rng.normal(size=(3, 2))
H = [[reference.net_input(row, W, [0.0, 0.0], j) for j in range(2)] for row in X]
x, y, w, h = X[0], Y[0, 0], W[:, 0], H[0][0]
UNITS = 1e-6 * np.eye(3)
RATE = 0.5


def f(h):
    return 1 / (1 + math.exp(-h))


def slope(h):
    return f(h) * (1 - f(h))


def step(X, Y, W, **options):
    return fallline.one_step(
        X, Y, W, **{"activation": "sigmoid", "learning_rate": RATE, "reduction": "sum", **options}
    )


def one_record(**options):
    return step([x], [y], w, **options)


def error_at(weights, X=X, Y=Y, activation="sigmoid"):
    return fallline.error_and_gradient(X, Y, weights, activation=activation)[0]


def gradient_at(weights, X=X, Y=Y, activation="sigmoid"):
    return fallline.error_and_gradient(X, Y, weights, activation=activation)[1]


def descend(X, Y, steps, **options):
    """The state after so many steps to the letter of the seed."""
    states = fallline.descend(X, Y, **{"reduction": "sum", **options})
    return next(islice(states, steps, None))


def by_loops():
    """E, gradient and bias gradient of the example, from plain loops."""
    return reference.error_and_gradient(X.tolist(), Y.tolist(), W.tolist(), [0.0, 0.0], f, slope)


def each(formula):
    """A formula in y and h, for every record and output."""
    return [[formula(Y[m, j], H[m][j]) for j in range(2)] for m in range(6)]


def close(found, expected, rtol=1e-11):
    np.testing.assert_allclose(found, expected, rtol=rtol)


def test_net_input():
    close(fallline.SingleLayer(W).net_input(X), H)
    close(step(X, Y, W).h, H)


def test_prediction():
    expected = each(lambda y, h: f(h))
    close(fallline.SingleLayer(W, activation="sigmoid").predict(X), expected)
    close(fallline.Activation("sigmoid").value(np.array(H)), expected)
    close(step(X, Y, W).y_hat, expected)


def test_residuals_can_cancel():
    close(step(X, Y, W).residual, each(lambda y, h: y - f(h)))
    ledger = step([[1.0], [1.0]], [1.0, 3.0], [2.0], activation="identity")
    assert ledger.residual.tolist() == [-1.0, 1.0]
    assert ledger.residual.sum() == 0.0
    assert ledger.error == 1.0
    assert step([[1.0]], [1.0], [1e9], activation="identity").residual < -1e8


def test_squared_error():
    close(step(X, Y, W).squared_error, each(lambda y, h: (y - f(h)) ** 2))


def test_twice_the_residual_has_four_times_the_share():
    ledger = step(np.eye(3), [1.0, 2.0, 10.0], np.zeros(3), activation="identity")
    assert ledger.residual.tolist() == [1.0, 2.0, 10.0]
    assert (ledger.error_share / ledger.error_share[0]).tolist() == [1.0, 4.0, 100.0]


def test_the_two_cancels_the_half():
    q, s = one_record().residual[0], 1e-6
    close((0.5 * (q + s) ** 2 - 0.5 * (q - s) ** 2) / (2 * s), q, rtol=1e-8)
    assert f"∂p/∂q = q = {q:.8g}" in str(one_record().derivation())


def test_error_of_the_data_set():
    squares = sum(map(sum, each(lambda y, h: (y - f(h)) ** 2)))
    state = descend(X, Y, 0, activation="sigmoid", initial_weights=W)
    close([error_at(W), step(X, Y, W).error, state.error], [squares / 2] * 3)


def test_error_depends_on_weights_and_inputs():
    close(error_at(W), by_loops()[0])
    for array in (W, X):
        for place in np.ndindex(array.shape):
            moved = array.copy()
            moved[place] += 0.1
            arguments = (moved, X) if array is W else (W, moved)
            assert abs(error_at(*arguments) - error_at(W)) > 1e-5


def test_high_and_low_error():
    run = fallline.train(X, Y[:, 0], activation="sigmoid")
    score = 1 - run.state.error / run.baseline_error
    close(score, r2_score(Y[:, 0], run.network.predict(X)), rtol=1e-9)
    errors = [error_at(run.network.weights + t, X, Y[:, 0]) for t in (1.0, 2.0, 3.0)]
    assert run.state.error < errors[0]
    close(error_at(W, np.tile(X, (2, 1)), np.tile(Y, (2, 1))), 2 * error_at(W))


def test_one_record_and_one_output():
    expected = 0.5 * (y - f(sum(w[i] * x[i] for i in range(3)))) ** 2
    close([one_record().error, *one_record().error_share], [expected] * 2)


def test_weights_change_prediction_and_error():
    turned = W.copy()
    turned[0, 0] += 0.3
    before, after = (fallline.SingleLayer(v, activation="sigmoid").predict(X) for v in (W, turned))
    assert (before[:, 0] != after[:, 0]).all()
    assert (before[:, 1] == after[:, 1]).all()
    close(error_at(turned), 0.5 * ((Y - after) ** 2).sum())
    assert error_at(turned) != error_at(W)


def test_training_finds_the_least_error():
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    close(fallline.train(X, Y, fit_intercept=False).network.weights, best, rtol=1e-6)
    model = fallline.SingleLayerRegressor(fit_intercept=False).fit(X, Y)
    close(model.coef_.T, best, rtol=1e-6)


def test_random_start():
    d = 4000
    starts = [
        descend(np.ones((2, d)), [0.0, 1.0], 0, initial_weights="random", random_state=seed).weights
        for seed in (1, 1, 2)
    ]
    assert (starts[0] == starts[1]).all()
    assert (starts[0] != starts[2]).all()
    close(starts[0].std() * math.sqrt(d), 1.0, rtol=0.05)


def test_step_goes_downhill():
    ledger = step(X, Y, W, learning_rate=0.01)
    assert ledger.new_error < ledger.error
    close(ledger.new_error - ledger.error, -0.01 * (ledger.gradient**2).sum(), rtol=0.02)
    assert step(X, Y, W + 0.01 * ledger.gradient).error > ledger.error


def test_step_without_a_rate():
    close(step(X, Y, W, learning_rate=1.0).delta_w, -gradient_at(W))
    ledger = step([[1.0], [2.0]], [2.0, 4.0], [0.0], activation="identity", learning_rate=1.0)
    assert (ledger.error, ledger.new_error) == (10.0, 160.0)


def test_many_steps_reach_the_bottom():
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    rate = 1 / np.linalg.eigvalsh(X.T @ X)[-1]
    state = descend(X, Y, 1500, learning_rate=rate, initial_weights=W)
    close(state.weights, best, rtol=1e-6)
    close(state.error, error_at(best, activation="identity"), rtol=1e-9)


def test_update_adds_the_step():
    ledger = step(X, Y, W)
    assert (ledger.new_weights == W + ledger.delta_w).all()
    state = descend(X, Y, 1, activation="sigmoid", learning_rate=RATE, initial_weights=W)
    close(state.weights, ledger.new_weights)


def test_step_is_proportional_to_the_gradient():
    ledger = step(X, Y, W)
    close(ledger.delta_w / ledger.gradient, np.full((3, 2), -RATE))


def test_learning_rate_scales_the_step():
    close(step(X, Y, W, learning_rate=2 * RATE).delta_w, 2 * step(X, Y, W).delta_w)
    state = descend(X, Y, 1, activation="sigmoid", learning_rate=0.1, initial_weights=W)
    close(state.weights, W - 0.1 * np.array(by_loops()[1]))


def test_gradient_is_the_slope_of_the_error():
    close(step(X, Y, W).finite_difference, gradient_at(W), rtol=1e-6)
    for i, unit in enumerate(UNITS):
        slope_of_error = (error_at(w + unit, [x], [y]) - error_at(w - unit, [x], [y])) / 2e-6
        close(one_record().gradient[i], slope_of_error, rtol=1e-6)


def test_chain_rule():
    def q(weights):
        return step([x], [y], weights).residual[0]

    outer = q(w)
    inner = [(q(w + unit) - q(w - unit)) / 2e-6 for unit in UNITS]
    close(one_record().gradient, np.multiply(outer, inner), rtol=1e-6)
    text = str(one_record().derivation())
    for formula in ("q = y − ŷ(w)", "p(q) = ½ q²", "∂E/∂w_i = ∂p/∂q · ∂q/∂w_i"):
        assert formula in " ".join(text.split())


def test_outer_times_inner_slope():
    def y_hat(weights):
        return fallline.SingleLayer(weights, activation="sigmoid").predict([x])[0]

    inner = [(y_hat(w + unit) - y_hat(w - unit)) / 2e-6 for unit in UNITS]
    close(one_record().gradient, -one_record().residual[0] * np.array(inner), rtol=1e-6)


def test_slope_of_the_prediction():
    s = 1e-6
    close(one_record().slope, [slope(h)])
    close(fallline.Activation("sigmoid").slope(h), slope(h))
    close((f(h + x[1] * s) - f(h - x[1] * s)) / (2 * s), slope(h) * x[1], rtol=1e-6)


def test_gradient():
    close(one_record().gradient, [-(y - f(h)) * slope(h) * x[i] for i in range(3)])
    _, gradient, intercept_gradient = by_loops()
    close(gradient_at(W), gradient)
    close(step(X, Y, W).gradient, gradient)
    close(step(X, Y, W).intercept_gradient, intercept_gradient)


def test_step_of_one_record():
    close(one_record().delta_w, [RATE * (y - f(h)) * slope(h) * x[i] for i in range(3)])


def test_error_term():
    close(one_record().delta, [(y - f(h)) * slope(h)])


def test_delta_rule():
    delta = one_record().delta[0]
    close(one_record().new_weights, [w[i] + RATE * delta * x[i] for i in range(3)])
    options = {"activation": "sigmoid", "learning_rate": RATE, "batch_size": 1, "shuffle": False}
    epoch, weights = descend(X, Y[:, 0], 1, initial_weights=w, **options), w
    for row, target in zip(X, Y[:, 0], strict=True):
        weights = weights + RATE * step([row], [target], weights).delta[0] * row
    close(epoch.weights, weights, rtol=1e-9)


def test_error_terms_of_many_outputs():
    close(step(X, Y, W).delta, each(lambda y, h: (y - f(h)) * slope(h)))
    columns = [step(X, Y[:, j], W[:, j]) for j in range(2)]
    close(step(X, Y, W).error, columns[0].error + columns[1].error)
    close(step(X, Y, W).delta, np.stack([column.delta for column in columns], axis=1))


def test_delta_rule_of_many_outputs():
    ledger, expected = step(X, Y, W), W.copy()
    for m, i, j in np.ndindex(6, 3, 2):
        expected[i, j] += RATE * ledger.delta[m, j] * X[m, i]
    close(ledger.new_weights, expected)
    state = descend(X, Y, 1, activation="sigmoid", learning_rate=RATE, initial_weights=W)
    close(state.weights, expected)
    assert np.abs(ledger.delta_w - expected).max() > 0.1


def test_numbers_of_the_network():
    ledger = step([[1, 2, 3, 4]], [0.5], [0.5, -0.5, 0.3, 0.1])
    close(ledger.h, [1 * 0.5 - 2 * 0.5 + 3 * 0.3 + 4 * 0.1])
    close(ledger.y_hat, [0.689974481128], rtol=1e-11)


def test_numbers_of_the_bowl():
    bowl = {"X": [[1.0], [2.0]], "Y": [2.0, 4.0], "activation": "identity"}
    for weight in np.linspace(-1, 5, 25):
        close(error_at([weight], **bowl), 2.5 * (weight - 2) ** 2)
        tangent = error_at([weight + 0.5], **bowl) - error_at([weight - 0.5], **bowl)
        np.testing.assert_allclose(gradient_at([weight], **bowl), [tangent], atol=1e-12)


def test_bias():
    celsius, fahrenheit = np.array([[0.0], [37.0], [100.0]]), np.array([32.0, 98.6, 212.0])
    without = fallline.train(celsius, fahrenheit, fit_intercept=False)
    assert without.network.predict([[0.0]]) == 0.0
    assert without.state.error > 690
    learned = fallline.train(celsius, fahrenheit).network
    close([learned.weights[0], learned.intercept], [1.8, 32.0], rtol=1e-9)
    ledger = step([x], [y], w, intercept=0.2, fit_intercept=True)
    close(ledger.new_intercept, 0.2 + RATE * ledger.delta[0])


@pytest.mark.parametrize(
    ("start", "rate", "bottom", "error"), [(0.0, 1.0, 0.187184, 0.128147), (-30.0, 1e4, -21.972246, 0.53)]
)
def test_two_bowls(start, rate, bottom, error):
    bowls = {"X": np.array([[3.7], [-0.1], [4.4]]), "Y": np.array([0.9, 0.9, 0.5])}
    state = descend(**bowls, steps=200, activation="sigmoid", learning_rate=rate, initial_weights=[start])
    weight = state.weights[0]
    close([weight, state.error], [bottom, error], rtol=1e-5)
    assert abs(gradient_at([weight], **bowls)[0]) < 1e-12
    curvature = (gradient_at([weight + 0.01], **bowls) - gradient_at([weight - 0.01], **bowls)) / 0.02
    assert curvature > 5e-5
    assert gradient_at([-1.66], **bowls) > 0 > gradient_at([-1.64], **bowls)  # the ridge
    assert 0.5 * math.erfc(1.65 / math.sqrt(2)) == pytest.approx(1 / 20, rel=0.02)


def test_limit_of_the_learning_rate():
    X, y = np.array([[1.0], [2.0]]), [2.0, 4.0]
    limit = 2 / np.linalg.eigvalsh(X.T @ X)[-1]
    close(limit, 0.4)
    assert descend(X, y, 999, learning_rate=0.39, initial_weights=[0.0]).error < 1e-20
    close(descend(X, y, 999, learning_rate=0.4, initial_weights=[0.0]).error, 10.0, rtol=1e-9)
    with pytest.raises(fallline.DivergenceError, match=r"at step 5: .*below 0\.4 the error is sure to fall"):
        descend(X, y, 999, learning_rate=0.41, initial_weights=[0.0])


def test_sum_or_mean():
    close(step(X, Y, W, reduction="mean", learning_rate=6 * RATE).new_weights, step(X, Y, W).new_weights)
    assert step(X, Y, W, reduction="mean").error == step(X, Y, W).error
    assert (one_record(reduction="mean").new_weights == one_record().new_weights).all()


def test_minimum_at_infinity():
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0.0, 0.0, 1.0, 1.0])
    errors = [error_at([weight], X, y) for weight in (1.0, 10.0, 20.0, 30.0)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] > 0
    assert fallline.train(X, y, activation="sigmoid").stop is fallline.StopReason.AT_INFINITY


def test_steepest_is_not_straight():
    ledger = step([[1.0, 0.0], [0.0, 10.0]], [0.0, 0.0], [10.0, 1.0], activation="identity")
    steepest, straight = -ledger.gradient, -ledger.weights
    cosine = steepest @ straight / np.linalg.norm(steepest) / np.linalg.norm(straight)
    assert 78 < math.degrees(math.acos(cosine)) < 90


def rows():
    """The cells of the page's table, without its head."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def resolves(name):
    """Whether fallline has a name such as train, Ledger.h or descend(batch_size)."""
    dotted, _, argument = name.rstrip(")").partition("(")
    owner = fallline
    for part in dotted.split("."):
        if part in getattr(owner, "__dataclass_fields__", ()):
            return True
        if not hasattr(owner, part):
            return False
        owner = getattr(owner, part)
    return not argument or argument in inspect.signature(owner).parameters


def test_names_and_tests_of_the_page_exist():
    assert len(rows()) > 30
    for _, names, tests in rows():
        found = re.findall("`(.+?)`", names)
        assert found
        assert [name for name in found if not resolves(name)] == []
        assert re.fullmatch(r"`test_\w+`", tests)
    assert [name for name in re.findall(r"`(test_\w+)`", PAGE) if name not in globals()] == []
    assert not resolves("Ledger.nothing")
    assert not resolves("descend(nothing)")


def test_blocks_of_the_page_print_what_they_say(capsys):
    namespace = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, namespace)
        printed = capsys.readouterr().out.splitlines()
        assert printed == [line[2:] for line in block.splitlines() if line.startswith("# ")]
