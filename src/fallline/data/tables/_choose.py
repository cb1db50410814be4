"""Which columns of a table are read, and as what."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from typing import TypeVar

from fallline._errors import InputError
from fallline.data.tables._wording import listing
from fallline.maths.network._signature import BOOLEANS, Column

T = TypeVar("T", str, str | Column)


def listed(names: Iterable[T] | T | None) -> tuple[T, ...]:
    """Return names, or columns, as a tuple; a lone one is one."""
    return () if names is None else (names,) if isinstance(names, (str, Column)) else tuple(names)


def chosen_inputs(
    table: str,
    names: Sequence[str],
    targets: Sequence[str],
    features: Sequence[str | Column] | None,
    drop: Sequence[str],
    categorical: Sequence[str],
) -> list[str]:
    """Return the names of the input columns: those asked for, or all but targets and dropped ones.

    Raises
    ------
    InputError
        For names that the table has not, that stand twice, or that are asked for in two roles.
    """
    wanted = None if features is None else [name_of(feature) for feature in features]
    counts = Counter(names)
    for name in (*targets, *(wanted or ()), *drop, *categorical):
        if name not in counts:
            raise _unknown(table, names, name)
    left_out = {*targets, *drop}
    inputs = [name for name in (names if wanted is None else wanted) if name not in left_out]
    _check_roles(table, targets, wanted, drop)
    _check_header(table, names, counts, {*targets, *inputs})
    if not inputs:
        raise InputError(f"{table} has no column left to learn from: name some as features, or drop fewer")
    return inputs


def given_columns(features: Sequence[str | Column] | None) -> dict[str, Column]:
    """Return the features that say themselves what they hold, by name."""
    return {feature.name: feature for feature in features or () if isinstance(feature, Column)}


def target_columns(table: str, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the targets; a lone one of true and false has classes.

    Raises
    ------
    InputError
        For one of several targets that is a category, and for a lone one of a single class.
    """
    if len(columns) > 1:
        texts = [column.name for column in columns if column.kind == "category"]
        if texts:
            raise InputError(
                f"{table}: the target {texts[0]!r} holds texts, and classes are learned one target at a "
                "time: give it alone"
            )
        return tuple(columns)
    for column in columns:
        if len(column.categories) == 1:
            raise InputError(
                f"{table}: the target {column.name!r} holds {column.categories[0]!r} alone, and at least two "
                "classes are needed: choose another target"
            )
    return tuple(
        Column(column.name, "category", BOOLEANS) if column.kind == "boolean" else column
        for column in columns
    )


def name_of(feature: str | Column) -> str:
    """Return the name of a column that is given by it, or as it is."""
    return feature if isinstance(feature, str) else feature.name


def _unknown(table: str, names: Sequence[str], name: str) -> InputError:
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    advice = f"did you mean {by_lower[close[0]]!r}?" if close else f"it has {listing(names)}"
    return InputError(f"{table} has no column {name!r}; {advice}")


def _check_roles(
    table: str, targets: Sequence[str], features: Sequence[str] | None, drop: Sequence[str]
) -> None:
    twice = [name for name, count in Counter((*targets, *(features or ()))).items() if count > 1]
    if twice:
        raise InputError(f"{table}: the column {twice[0]!r} is asked for twice: name it once")
    dropped = [name for name in (*targets, *(features or ())) if name in {*drop}]
    if dropped:
        raise InputError(f"{table}: the column {dropped[0]!r} is asked for and dropped: decide for one")


def _check_header(table: str, names: Sequence[str], counts: Counter[str], used: Set[str]) -> None:
    if "" in used:
        place = names.index("") + 1
        raise InputError(f"{table}: column {place} has no name: name it in the header, or drop ''")
    for name in names:
        if counts[name] > 1 and name in used:
            first, second, *_ = (place for place, known in enumerate(names, start=1) if known == name)
            raise InputError(
                f"{table}: columns {first} and {second} are both named {name!r}: rename one in the header"
            )
