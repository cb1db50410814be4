"""The rule written as plain loops over lists: the oracle of the tests. y and weights are lists of lists."""

import math


def net_input(x, weights, intercept, j):
    h = intercept[j]
    for i in range(len(x)):
        h += weights[i][j] * x[i]
    return h


def error(X, y, weights, intercept, f, sample_weight=None):
    total = 0.0
    for m in range(len(X)):
        s = 1.0 if sample_weight is None else sample_weight[m]
        for j in range(len(y[m])):
            total += 0.5 * s * (y[m][j] - f(net_input(X[m], weights, intercept, j))) ** 2
    return total


def error_and_gradient(X, y, weights, intercept, f, slope, sample_weight=None):
    gradient = [[0.0] * len(row) for row in weights]
    intercept_gradient = [0.0] * len(intercept)
    for m in range(len(X)):
        s = 1.0 if sample_weight is None else sample_weight[m]
        for j in range(len(y[m])):
            h = net_input(X[m], weights, intercept, j)
            delta = (y[m][j] - f(h)) * slope(h)
            intercept_gradient[j] -= s * delta
            for i in range(len(X[m])):
                gradient[i][j] -= s * delta * X[m][i]
    return error(X, y, weights, intercept, f, sample_weight), gradient, intercept_gradient


def gauss_newton_matrix(Z, h, slope, j, sample_weight=None):
    size = len(Z[0])
    matrix = [[0.0] * size for _ in range(size)]
    for m in range(len(Z)):
        s = 1.0 if sample_weight is None else sample_weight[m]
        for a in range(size):
            for b in range(size):
                matrix[a][b] += s * slope(h[m][j]) ** 2 * Z[m][a] * Z[m][b]
    return matrix


def length_of_step(rule, rate, x, s, n, mean_weight, fit_intercept):
    """What multiplies Σ s δ x of a batch of n records, the first being x with weight s; mean None: sums."""
    square, mean = sum(number * number for number in x) + fit_intercept, mean_weight or 1.0
    if rule == "fixed":
        return rate if mean_weight is None else rate / (n * mean_weight)
    if square == 0.0 or s == 0.0:
        return 0.0
    if rule == "normalised":
        return rate / (square * max(mean, s))
    return (1.0 - math.exp(-rate * s * square / mean)) / (s * square)


def soft_threshold(w, size):
    """The proximal step of size |w|."""
    return math.copysign(max(abs(w) - size, 0.0), w)


def epoch(
    X, y, weights, intercept, f, slope, order, batch_size, rate, mean_weight, fit_intercept, sample_weight,
    *, rule="fixed", l1=(), l2=(), theta=(), theta_slopes=(), theta_pace=(),
):  # fmt: skip
    """Return weights, intercept and error met after an epoch; before the error theta (p, k or 1) if given.

    ``rate`` is a number or one for each update; f, slope and theta_slopes take h, then the parameters.
    """
    weights, intercept, met = [list(row) for row in weights], list(intercept), 0.0
    theta = [list(row) for row in theta]
    for t, start in enumerate(range(0, len(order), batch_size)):
        batch = order[start : start + batch_size]
        s = [1.0 if sample_weight is None else sample_weight[m] for m in batch]
        eta = rate[t] if hasattr(rate, "__len__") else rate
        step = length_of_step(rule, eta, X[batch[0]], s[0], len(batch), mean_weight, fit_intercept)
        penalised = step * len(batch) * (mean_weight or 1.0)
        moves = [[0.0] * len(row) for row in theta]
        for j in range(len(intercept)):
            own = [row[min(j, len(row) - 1)] for row in theta]
            hs = [net_input(X[m], weights, intercept, j) for m in batch]
            residuals = [y[m][j] - f(h, *own) for m, h in zip(batch, hs, strict=True)]
            met += 0.5 * dot(s, [r * r for r in residuals])
            weighted = [a * r for a, r in zip(s, residuals, strict=True)]
            delta = [r * slope(h, *own) for r, h in zip(weighted, hs, strict=True)]
            for i in range(len(weights)):
                w = weights[i][j] + step * dot(delta, [X[m][i] for m in batch])
                w -= penalised * l2[i] * weights[i][j] if len(l2) else 0.0
                weights[i][j] = soft_threshold(w, penalised * l1[i] if len(l1) else 0.0)
            intercept[j] += step * sum(delta) if fit_intercept else 0.0
            for i, by_theta in enumerate(theta_slopes):
                slopes, column = [by_theta(h, *own) for h in hs], min(j, len(moves[i]) - 1)
                moves[i][column] += step * theta_pace[i][column] * dot(weighted, slopes)
        theta = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(theta, moves, strict=True)]
    return (weights, intercept, theta, met) if theta else (weights, intercept, met)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def momentum(gradients, point, rates, share=0.9):
    """Polyak (1964): Δw_t = −η_t ∂E/∂w + β Δw_{t−1}. Yield the start and every point after it.

    Here and below, update t takes the t-th of the gradients, functions of a point.
    """
    velocity = [0.0] * len(point)
    yield point
    for gradient, rate in zip(gradients, rates, strict=False):
        velocity = [share * v - rate * g for v, g in zip(velocity, gradient(point), strict=True)]
        point = [w + v for w, v in zip(point, velocity, strict=True)]
        yield point


def nesterov(gradients, point, rates, shrink=lambda point, rate: point):
    """Beck and Teboulle (2009), eqs. 4.1–4.3, with x_0 = y_1 and t_1 = 1; yield y, where gradients are taken.

    O'Donoghue and Candès (2015), section 3.2: where the step from y goes against that from x_{k−1} to x_k,
    start again from x_k as if it were x_0.
    """
    y, last, t = point, point, 1.0
    yield y
    for gradient, rate in zip(gradients, rates, strict=False):
        x = shrink([w - rate * g for w, g in zip(y, gradient(y), strict=True)], rate)
        moved = [a - b for a, b in zip(x, last, strict=True)]
        if dot([a - b for a, b in zip(y, x, strict=True)], moved) > 0.0:
            t = 1.0
        following = (1.0 + math.sqrt(1.0 + 4.0 * t * t)) / 2.0
        y = [a + (t - 1.0) / following * b for a, b in zip(x, moved, strict=True)]
        last, t = x, following
        yield y


def adam(gradients, point, rates, mean=0.9, square=0.999, small=1e-8):
    """Kingma and Ba (2015), algorithm 1."""
    m, v = [0.0] * len(point), [0.0] * len(point)
    yield point
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=False), start=1):
        g = gradient(point)
        m = [mean * a + (1.0 - mean) * b for a, b in zip(m, g, strict=True)]
        v = [square * a + (1.0 - square) * b * b for a, b in zip(v, g, strict=True)]
        m_hat = [a / (1.0 - mean**t) for a in m]
        v_hat = [a / (1.0 - square**t) for a in v]
        steps = [rate * a / (math.sqrt(b) + small) for a, b in zip(m_hat, v_hat, strict=True)]
        point = [w - step for w, step in zip(point, steps, strict=True)]
        yield point


def parameter_gradient(X, y, weights, intercept, theta, f, slopes, sample_weight=None):
    """∂E/∂θ (p, k), and Σ s (f′)² above Σ s (∂f/∂θ)² (1 + p, k); f(h, θ) and slopes(h, θ) are of one unit."""
    k = len(intercept)
    gradient = [[0.0] * k for _ in theta]
    mass = [[0.0] * k for _ in range(1 + len(theta))]
    for m in range(len(X)):
        s = 1.0 if sample_weight is None else sample_weight[m]
        for j in range(k):
            own = [row[j] for row in theta]
            h = net_input(X[m], weights, intercept, j)
            found = slopes(h, own)
            for i in range(len(mass)):
                mass[i][j] += s * found[i] ** 2
            for i in range(len(theta)):
                gradient[i][j] -= s * (y[m][j] - f(h, own)) * found[1 + i]
    return gradient, mass
