"""The rule written as plain loops over lists: the oracle of the tests. y and weights are lists of lists."""


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


def epoch(
    X, y, weights, intercept, f, slope, order, batch_size, rate, mean_weight, fit_intercept, sample_weight
):
    weights, intercept, met = [list(row) for row in weights], list(intercept), 0.0
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        rows, targets = [X[m] for m in batch], [y[m] for m in batch]
        s = None if sample_weight is None else [sample_weight[m] for m in batch]
        e, gradient, gradient_b = error_and_gradient(rows, targets, weights, intercept, f, slope, s)
        step = rate if mean_weight is None else rate / (len(batch) * mean_weight)
        met += e
        for j in range(len(intercept)):
            for i in range(len(weights)):
                weights[i][j] -= step * gradient[i][j]
            if fit_intercept:
                intercept[j] -= step * gradient_b[j]
    return weights, intercept, met
