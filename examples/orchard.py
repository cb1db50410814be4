"""An untidy table of trees, and one of new trees: what people really have when they start.

Written into the working folder: ``orchard.csv`` with a mark at its beginning, labels, dates, a blank line,
missing cells and a decimal comma, and ``new-trees.csv`` with a variety that the first one has not.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

VARIETIES = {"Boskoop": 0.25, "Elstar": 0.0, "Gala": -0.15}
HEADER = "label,planted,variety,height_m,girth_cm,irrigated,kg"


def trees(n: int, rng: np.random.Generator) -> list[list[str]]:
    """Return the cells of some trees whose harvest grows exponentially with height and girth."""
    rows = []
    for number in range(1, n + 1):
        variety, irrigated = rng.choice(list(VARIETIES)), rng.random() < 0.4
        planted = date(2009, 11, 1) + timedelta(days=int(rng.integers(0, 2000)))
        height, girth = rng.normal(3.0, 0.4), rng.normal(38.0, 5.0)
        growth = 1.1 + 0.35 * height + 0.03 * girth + 0.2 * irrigated + VARIETIES[variety]
        kilos = np.exp(growth) + rng.normal(scale=1.5)
        numbers = f"{height:.2f}", f"{girth:.1f}", str(irrigated).lower(), f"{kilos:.1f}"
        rows.append([f"T{number:03d}", f"{planted}", str(variety), *numbers])
    return rows


def main() -> None:
    """Write both tables."""
    rng = np.random.default_rng(7)
    orchard = trees(240, rng)
    orchard[16][3] = '"' + orchard[16][3].replace(".", ",") + '"'
    for row in (39, 40, 118):
        orchard[row][4] = "NA"
    lines = [",".join(row) for row in orchard]
    lines.insert(100, "")
    Path("orchard.csv").write_text("\ufeff" + "\n".join([HEADER, *lines]) + "\n", encoding="utf-8")

    new = [row[:-1] for row in trees(5, rng)]
    new[2][2] = "Topaz"
    lines = [",".join(row) for row in new]
    header = HEADER.removesuffix(",kg")
    Path("new-trees.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    print("orchard.csv: 240 trees with their harvest; new-trees.csv: 5 without")


if __name__ == "__main__":
    main()
