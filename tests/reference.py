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
