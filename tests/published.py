"""Real data with known optima: certificates of NIST, and sets of scikit-learn.

Norris, Longley, DanWood, Rat42 and those with learned parameters (Rat42 again, Rat43, Misra1a to Misra1d,
BoxBOD, Eckerle4, MGH10) are Statistical Reference Datasets of the National Institute of Standards and
Technology (https://www.itl.nist.gov/div898/strd, public domain), typed in; their answers are certified to 11
or more digits. The optima of the other sets were solved in 50-digit arithmetic.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_diabetes, load_linnerud


class RealSet(NamedTuple):
    """Raw data; the least Σ (y − ŷ)², and the intercept and weights (1 + d,) or (1 + d, k) that reach it."""

    X: Any
    y: Any
    activation: str
    sse: float
    optimum: Any


def table(text):
    """Return inputs and target from rows "y,x1,x2,…"."""
    rows = np.array([row.split(",") for row in text.split()], dtype=float)
    return rows[:, 1:], rows[:, 0]


NORRIS = """
0.1,0.2  338.8,337.4  118.1,118.2  888,884.6  9.2,10.1  228.1,226.5  668.5,666.3  998.5,996.3  449.1,448.6
778.9,777  559.2,558.2  0.3,0.4  0.1,0.6  778.1,775.5  668.8,666.9  339.3,338  448.9,447.5  10.8,11.6
557.7,556  228.3,228.1  998,995.8  888.8,887.6  119.6,120.2  0.3,0.3  0.6,0.3  557.6,556.8  339.3,339.1
888,887.2  998.5,999  778.9,779  10.2,11.1  117.6,118.3  228.9,229.2  668.4,669.1  449.2,448.9  0.2,0.5
"""

LONGLEY = """
60323,83,234289,2356,1590,107608,1947  61122,88.5,259426,2325,1456,108632,1948
60171,88.2,258054,3682,1616,109773,1949  61187,89.5,284599,3351,1650,110929,1950
63221,96.2,328975,2099,3099,112075,1951  63639,98.1,346999,1932,3594,113270,1952
64989,99,365385,1870,3547,115094,1953  63761,100,363112,3578,3350,116219,1954
66019,101.2,397469,2904,3048,117388,1955  67857,104.6,419180,2822,2857,118734,1956
68169,108.4,442769,2936,2798,120445,1957  66513,110.8,444546,4681,2637,121950,1958
68655,112.6,482704,3813,2552,123366,1959  69564,114.2,502601,3931,2514,125368,1960
69331,115.7,518173,4806,2572,127852,1961  70551,116.9,554894,4007,2827,130081,1962
"""

DANWOOD = """
2.138,1.309  3.421,1.471  3.597,1.49  4.34,1.565  4.882,1.611  5.66,1.68
"""

RAT42 = """
8.93,9  10.8,14  18.59,21  22.33,28  39.35,42  56.11,57  61.73,63  64.62,70  67.08,79
"""


DIABETES_IDENTITY = """
-334.5671385187873 -0.036361224223625414 -22.85964809049839 5.602962091923705 1.1168079933181907
-1.089996334063241 0.7464504555142268 0.3720047150891541 6.533831935990339 68.48312496478832
0.28011698932150436
"""

DIABETES_TANH = """
-3.6324921834995756 0.00018901454644225057 -0.13849977097508737 0.03432580160876084 0.006874166151106779
-0.009779040043330618 0.00779751871213934 0.0050326005684151005 0.032844831315732466 0.5326533239443826
0.00163736599443963
"""

DIABETES_SOFTPLUS = """
-6.137846011288292 0.00038134859376224065 -0.2817252999573876 0.07087163009025838 0.014446458486788938
-0.02269686947372757 0.01876235855272537 0.012388269011171071 0.06624020360789033 1.1620226601903965
0.003873491302845799
"""

LINNERUD = """
208.23351880696043 40.597875418664636 52.04362105172439
-0.4750263586638016 -0.13687022987329855 0.0010707884028689093
-0.21771646975131498 -0.040336624010151645 0.04202940787028208
0.09308837062185489 0.02797359713108972 -0.029461170948094625
"""

GAUSSIAN_LOG = """
0.9999643860143145 -0.019989696546540085 -0.00010002723181564826
"""

LONGLEY_CERTIFIED = """
-3482258.63459582 15.0618722713733 -0.358191792925910e-1 -2.02022980381683 -1.03322686717359
-0.511041056535807e-1 1829.15146461355
"""


def numbers(text):
    return np.array(text.split(), dtype=float)


def gaussian_log():
    """100 records of exp(1 − 0.02 x − 0.0001 x²) with noise, made as statsmodels makes them in its tests."""
    x = np.arange(100.0)
    noise = 0.001 * np.random.RandomState(54321).randn(100)
    return np.c_[x, x**2], np.exp(1.0 - 0.02 * x - 0.0001 * x**2) + noise


def real_sets():
    diabetes, target = load_diabetes(return_X_y=True, scaled=False)
    linnerud, body = load_linnerud(return_X_y=True)
    temperature, energy = table(DANWOOD)
    return {
        "norris": RealSet(
            *table(NORRIS), "identity", 26.6173985294224, np.array([-0.262323073774029, 1.00211681802045])
        ),
        "longley": RealSet(*table(LONGLEY), "identity", 836424.055505915, numbers(LONGLEY_CERTIFIED)),
        # certified for b₁ x^b₂, which is exp(log b₁ + b₂ log x)
        "danwood": RealSet(
            np.log(temperature),
            energy,
            "exp",
            4.3173084083e-3,
            np.array([np.log(7.6886226176e-1), 3.8604055871]),
        ),
        # certified for b₁ / (1 + exp(b₂ − b₃ x)), of which b₁ is taken as known
        "rat42": RealSet(
            *table(RAT42), "72.462237576*sigmoid(h)", 8.0565229338, np.array([-2.6180768402, 6.7359200066e-2])
        ),
        "gaussian, log link": RealSet(*gaussian_log(), "exp", 8.688769862885801e-5, numbers(GAUSSIAN_LOG)),
        "diabetes": RealSet(diabetes, target, "identity", 1263985.7856333435643, numbers(DIABETES_IDENTITY)),
        "diabetes, tanh": RealSet(
            diabetes,
            -0.9 + 1.8 * (target - 25) / (346 - 25),
            "tanh",
            39.073142701926967942,
            numbers(DIABETES_TANH),
        ),
        "diabetes, softplus": RealSet(
            diabetes, target / 100, "softplus", 124.06572307889957409, numbers(DIABETES_SOFTPLUS)
        ),
        "linnerud": RealSet(
            linnerud, body, "identity", 9481.4694789345411747, numbers(LINNERUD).reshape(4, 3)
        ),
    }


REAL = real_sets()


class LearnedSet(NamedTuple):
    """Raw data and a formula f(w x + b; θ); least Σ (y − ŷ)², and w, b and θ that reach it.

    ``far`` and ``near`` are the two starts that are published with the set, as w, b and θ. Without an
    intercept b is 0.
    """

    x: Any
    y: Any
    formula: str
    fit_intercept: bool
    sse: float
    optimum: tuple[float, float, dict[str, float]]
    far: tuple[float, float, dict[str, float]]
    near: tuple[float, float, dict[str, float]]


RAT43 = """
16.08,1  33.83,2  65.80,3  97.20,4  191.55,5  326.20,6  386.87,7  520.53,8  590.03,9  651.92,10  724.93,11
699.56,12  689.96,13  637.56,14  717.41,15
"""

MISRA1 = """
10.07,77.6  14.73,114.9  17.94,141.1  23.93,190.8  29.61,239.9  35.18,289.0  40.02,332.8  44.82,378.4
50.76,434.8  55.05,477.3  61.01,536.8  66.40,593.1  75.47,689.1  81.78,760.0
"""

BOXBOD = """
109,1  149,2  149,3  191,5  213,7  224,10
"""

ECKERLE4 = """
0.0001575,400  0.0001699,405  0.0002350,410  0.0003102,415  0.0004917,420  0.0008710,425  0.0017418,430
0.0046400,435  0.0065895,436.5  0.0097302,438  0.0149002,439.5  0.0237310,441  0.0401683,442.5
0.0712559,444  0.1264458,445.5  0.2073413,447  0.2902366,448.5  0.3445623,450  0.3698049,451.5
0.3668534,453  0.3106727,454.5  0.2078154,456  0.1164354,457.5  0.0616764,459  0.0337200,460.5
0.0194023,462  0.0117831,463.5  0.0074357,465  0.0022732,470  0.0008800,475  0.0004579,480  0.0002345,485
0.0001586,490  0.0001143,495  0.0000710,500
"""

MGH10 = """
34780,50  28610,55  23650,60  19630,65  16370,70  13720,75  11540,80  9744,85  8261,90  7030,95  6005,100
5147,105  4427,110  3820,115  3307,120  2872,125
"""


def learned_sets():
    misra, box = table(MISRA1), table(BOXBOD)
    return {
        # b₁ / (1 + exp(b₂ − b₃ x))
        "rat42": LearnedSet(
            *table(RAT42),
            "top*sigmoid(h)",
            True,
            8.0565229338,
            (6.7359200066e-2, -2.6180768402, {"top": 72.462237576}),
            (0.1, -1.0, {"top": 100.0}),
            (0.07, -2.5, {"top": 75.0}),
        ),
        # b₁ / (1 + exp(b₂ − b₃ x))^(1/b₄)
        "rat43": LearnedSet(
            *table(RAT43),
            "top*sigmoid(h)**m",
            True,
            8786.4049080,
            (0.75962938329, -5.2771253025, {"top": 699.6415127, "m": 1 / 1.2792483859}),
            (1.0, -10.0, {"top": 100.0, "m": 1.0}),
            (0.75, -5.0, {"top": 700.0, "m": 1 / 1.3}),
        ),
        # b₁ (1 − exp(−b₂ x))
        "misra1a": LearnedSet(
            *misra,
            "a*(1 - exp(h))",
            False,
            0.12455138894,
            (-5.5015643181e-4, 0.0, {"a": 238.94212918}),
            (-1e-4, 0.0, {"a": 500.0}),
            (-5e-4, 0.0, {"a": 250.0}),
        ),
        # b₁ (1 − (1 + b₂ x / 2)⁻²)
        "misra1b": LearnedSet(
            *misra,
            "a*(1 - (1 + h/2)**-2)",
            False,
            0.075464681533,
            (3.9039091287e-4, 0.0, {"a": 337.99746163}),
            (1e-4, 0.0, {"a": 500.0}),
            (3e-4, 0.0, {"a": 300.0}),
        ),
        # b₁ (1 − (1 + 2 b₂ x)^−½)
        "misra1c": LearnedSet(
            *misra,
            "a*(1 - (1 + 2*h)**-0.5)",
            False,
            0.040966836971,
            (2.0813627256e-4, 0.0, {"a": 636.42725809}),
            (1e-4, 0.0, {"a": 500.0}),
            (2e-4, 0.0, {"a": 600.0}),
        ),
        # b₁ b₂ x / (1 + b₂ x)
        "misra1d": LearnedSet(
            *misra,
            "a*h/(1 + h)",
            False,
            0.056419295283,
            (3.0227324449e-4, 0.0, {"a": 437.36970754}),
            (1e-4, 0.0, {"a": 500.0}),
            (3e-4, 0.0, {"a": 450.0}),
        ),
        # b₁ (1 − exp(−b₂ x))
        "boxbod": LearnedSet(
            *box,
            "a*(1 - exp(h))",
            False,
            1168.0088766,
            (-0.54723748542, 0.0, {"a": 213.80940889}),
            (-1.0, 0.0, {"a": 1.0}),
            (-0.75, 0.0, {"a": 100.0}),
        ),
        # b₁/b₂ exp(−½ ((x − b₃) / b₂)²)
        "eckerle4": LearnedSet(
            *table(ECKERLE4),
            "a*exp(-h**2/2)",
            True,
            1.4635887487e-3,
            (1 / 4.0888321754, -451.54121844 / 4.0888321754, {"a": 1.5543827178 / 4.0888321754}),
            (1 / 10.0, -500.0 / 10.0, {"a": 1.0 / 10.0}),
            (1 / 5.0, -450.0 / 5.0, {"a": 1.5 / 5.0}),
        ),
        # b₁ exp(b₂ / (x + b₃))
        "mgh10": LearnedSet(
            *table(MGH10),
            "a*exp(1/h)",
            True,
            87.945855171,
            (1 / 6181.3463463, 345.22363462 / 6181.3463463, {"a": 5.6096364710e-3}),
            (1 / 400000.0, 25000.0 / 400000.0, {"a": 2.0}),
            (1 / 4000.0, 250.0 / 4000.0, {"a": 0.02}),
        ),
    }


LEARNED = learned_sets()
