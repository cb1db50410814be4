"""What a person sees while a training runs."""

import inspect
import io
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fallline import State, train
from fallline.descent._drain import Limits
from fallline.descent._progress import (
    MOST_POINTS,
    Pace,
    Progress,
    Trail,
    duration,
    error_of,
    numbers_of,
    steps_left,
)
from fallline.faces.cli.screen._curve import DOTS, EMPTY, curve, graph
from fallline.faces.cli.screen._live import Watch, live

WIDTH, HEIGHT = 20, 4
positive = st.floats(1e-300, 1e300)


def dots(lines):
    """Return, for every column of dots, the rows that are lit, from the top."""
    return [
        [
            4 * row + place
            for row, line in enumerate(lines)
            for place in range(4)
            if (ord(line[column // 2]) - EMPTY) & DOTS[column % 2][place]
        ]
        for column in range(2 * len(lines[0]))
    ]


def state(step=3, error=0.5, gradient_norm=0.1, learning_rate=0.25, progressive_error=math.nan):
    return State(step, step + 2, None, None, error, gradient_norm, learning_rate, progressive_error)


class TestCurve:
    @given(st.lists(positive, min_size=2 * WIDTH, max_size=2 * WIDTH))
    def test_every_error_has_its_dot_on_the_log_scale(self, errors):
        low, high = math.log(min(errors)), math.log(max(errors))
        lit = dots(curve(errors, WIDTH, HEIGHT))
        before = None
        for column, error in enumerate(errors):
            share = (high - math.log(error)) / (high - low) if high > low else 0.5
            rows = lit[column]
            assert rows == list(range(rows[0], rows[-1] + 1)), "a gap"
            exact = share * (4 * HEIGHT - 1)
            end = rows[0] if before is None or rows[-1] == before else rows[-1]
            assert abs(end - exact) <= 0.5 + 1e-6
            assert before is None or before in rows, "not joined to the column before"
            before = end

    @given(st.lists(positive, min_size=2, max_size=200), st.integers(1, 200), st.integers(1, 12))
    def test_it_has_the_size_asked_for_and_a_dot_in_every_column(self, errors, width, height):
        lines = curve(errors, width, height)
        assert [len(line) for line in lines] == [width] * height
        assert all(dots(lines))

    def test_a_geometric_descent_is_a_straight_line_from_corner_to_corner(self):
        lit = dots(curve([10.0**-step for step in range(50)], 2 * HEIGHT, HEIGHT))
        assert lit == [[0], *([row - 1, row] for row in range(1, 4 * HEIGHT))]

    @pytest.mark.parametrize("errors", [[], [0.0], [math.nan, math.inf, -1.0]])
    def test_without_positive_errors_nothing_is_drawn(self, errors):
        assert curve(errors, 5, 2) == [chr(EMPTY) * 5] * 2

    def test_what_is_no_positive_number_is_passed_over(self):
        whole, holes = [8.0, 4.0, 2.0, 1.0], [8.0, math.nan, 2.0, 1.0]
        assert curve(holes, 10, 3) == curve(whole, 10, 3)


class TestGraph:
    @pytest.mark.parametrize("width", [-3, 0, 8, 31])
    def test_where_there_is_no_room_there_is_none(self, width):
        assert graph([4.0, 2.0, 1.0], 0, 2, width, 6) == []

    def test_it_is_labelled_with_its_ends(self):
        lines = graph([1234.5, 80.0, 0.0625], 0, 417, 40, 5)
        assert lines[0].startswith("E 1.23e+03 ┤")
        assert lines[4].startswith("    0.0625 ┤")
        assert lines[5].split() == ["0", "step", "417"]
        assert [len(line) for line in lines] == [40] * 6

    @pytest.mark.parametrize("errors", [[], [1.0], [1.0, math.nan]])
    def test_there_is_no_curve_of_a_single_point(self, errors):
        assert graph(errors, 0, 1, 40, 5) == []


class TestTrail:
    @pytest.mark.parametrize("turns", [1, MOST_POINTS, MOST_POINTS + 1, 5000, 100_000])
    def test_it_keeps_errors_equally_far_apart_and_never_too_many(self, turns):
        trail = Trail()
        for turn in range(turns):
            trail.add(turn, float(turn))
        assert trail.numbers == list(map(float, range(0, turns, trail.stride)))
        assert min(turns, MOST_POINTS / 2) <= len(trail.numbers) <= MOST_POINTS


def geometric(bottom, height, ratio, steps):
    return [bottom + height * ratio**step for step in range(steps)]


def counted(bottom, height, ratio, steps, tol):
    """Count the steps, beyond those made, until all that follow lower E by no more than tol of it."""
    step = steps - 1
    while height * ratio**step > tol * (bottom + height * ratio**step):
        step += 1
    return step - (steps - 1)


class TestStepsLeft:
    @pytest.mark.parametrize("ratio", [0.5, 0.9, 0.99])
    @pytest.mark.parametrize("tol", [1e-4, 1e-8])
    def test_of_a_geometric_descent_it_is_the_count(self, ratio, tol):
        problem = 3.0, 1e-2, ratio, 12
        steps, is_bound = steps_left(geometric(*problem), tol, 10**6)
        assert not is_bound
        assert steps == pytest.approx(counted(*problem, tol), rel=0.01, abs=1)

    def test_the_same_comes_out_of_every_fourth_error(self):
        errors, tol = geometric(3.0, 1.0, 0.98, 201), 1e-8
        dense, _ = steps_left(errors, tol, 10**6)
        thin, _ = steps_left(errors[::4], tol, 10**6 / 4)
        assert 4 * thin == pytest.approx(dense, rel=0.05)

    def test_max_iter_may_come_first(self):
        assert steps_left(geometric(3.0, 1.0, 0.99, 20), 1e-8, 30) == (11, True)

    @pytest.mark.parametrize(
        "errors",
        [
            [1.0],
            [4.0, 2.0, 1.0],
            [1.0] * 9,
            [1.0, 2.0, 3.0, 4.0],
            [0.0] * 9,
            [math.nan] * 9,
            [math.inf, 1e300, 1e-300, 5e-301, 0.0],
        ],
    )
    def test_where_nothing_points_to_an_end_only_max_iter_tells(self, errors):
        assert steps_left(errors, 1e-8, 100) == (100 - (len(errors) - 1), True)

    def test_with_tol_0_only_max_iter_tells(self):
        assert steps_left(geometric(3.0, 1.0, 0.5, 10), 0.0, 100) == (91, True)

    @given(st.lists(st.floats(), max_size=40), st.floats(0.0, 1.0), st.integers(0, 10**6))
    def test_it_lies_between_0_and_what_max_iter_leaves(self, errors, tol, max_iter):
        steps, _ = steps_left(errors, tol, max_iter)
        assert 0.0 <= steps <= max(max_iter - (len(errors) - 1), 0)


def pace_of(max_iter=1000, max_passes=None, max_time=None, tol=1e-8, n_init=1):
    return Pace(Limits(max_iter, max_passes, max_time, tol, 0.0), n_init)


class TestPace:
    """A clock that a test sets: the states come a tenth of a second apart."""

    @staticmethod
    def left(states, **limits):
        pace = pace_of(**limits)
        for each in states:
            pace.see(each)
        pace.started = pace.first_at = 0.0
        pace.last_at = 0.1 * pace.turns
        return pace.time_left(pace.last_at)

    def test_the_time_is_that_of_the_steps_to_come(self):
        states = [state(step, 1.0 + 0.98**step) for step in range(30)]
        steps = counted(1.0, 1.0, 0.98, 30, 1e-8)
        assert self.left(states, max_iter=10**6) == f"about {duration(0.1 * steps)} left"

    def test_the_penalty_counts(self):
        states = [replace(state(step, 1.0), penalty=0.5 + 0.98**step) for step in range(30)]
        steps = counted(1.5, 1.0, 0.98, 30, 1e-8)
        assert self.left(states, max_iter=10**6) == f"about {duration(0.1 * steps)} left"

    @pytest.mark.parametrize(
        ("limits", "seconds"),
        [({"max_iter": 129}, 10), ({"max_time": 22.9}, 20), ({"max_passes": 331}, 30)],
    )
    def test_a_limit_that_comes_first_is_all_that_it_tells(self, limits, seconds):
        states = [state(step, 1.0 + 0.999**step) for step in range(30)]
        asked = {"max_iter": 10**6} | limits
        assert self.left(states, **asked) == f"at most {seconds} s left"


class TestProgress:
    """The line of ``train(progress=True)``."""

    X, y = [[0.0], [1.0], [2.0], [4.0]], [0.1, 0.3, 0.4, 0.9]

    def test_where_nobody_is_watching_its_last_line_is_all_that_is_written(self, capsys):
        with Progress(Limits(1000, None, None, 1e-8, 0.0)) as line:
            run = train(self.X, self.y, activation="sigmoid", callbacks=[line])
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith(f"step {run.state.step}  E {run.state.error:.6g}  gradient ")
        assert "left" not in err

    def test_in_a_terminal_it_moves_in_its_line_and_gives_the_cursor_back(self, monkeypatch):
        for name in ("NO_COLOR", "TTY_COMPATIBLE", "TERM"):
            monkeypatch.delenv(name, raising=False)
        screen = io.StringIO()
        line = Progress(Limits(1000, None, None, 1e-8, 0.0))
        line.live.console = Console(file=screen, force_terminal=True, width=80)
        with line:
            for step in range(9):
                line(state(step, 1.0 + 0.5**step))
                line.live.refresh()
            assert screen.getvalue().count("\x1b[?25h") == 0
        shown = screen.getvalue()
        assert re.search(r"step 8 .* s, about 1 s left", shown)
        assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1
        assert shown.count("\n") == 1
        assert "left" not in shown.rsplit("step 8", 1)[1]

    def test_it_ends_where_the_training_is_interrupted(self, capsys):
        def interrupt(state):
            raise KeyboardInterrupt

        line = Progress(Limits(1000, None, None, 1e-8, 0.0))
        with pytest.raises(KeyboardInterrupt), line:
            train(self.X, self.y, callbacks=[line, interrupt])
        assert not line.live.is_started
        assert capsys.readouterr().err.startswith("step 0  E ")

    def test_train_shows_it_and_ends_it(self, capsys):
        run = train(self.X, self.y, activation="sigmoid", progress=True)
        assert capsys.readouterr().err.startswith(f"step {run.state.step}  E {run.state.error:.6g}  ")

    @pytest.mark.parametrize("width", [40, 80])
    def test_it_is_one_line(self, width):
        line = Progress(Limits(1000, None, None, 1e-8, 0.0), n_init=3)
        line(state(123456, 1234567.0))
        console = Console(width=width)
        assert len(console.render_lines(line.line(), pad=False)) == 1


class TestWatch:
    @staticmethod
    def seen(console, states, **limits):
        watch = Watch("beans.csv", pace_of(**limits))
        for each in states:
            assert watch(each) is None
        return watch.frame(console).plain.splitlines()

    @pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
    def test_a_frame_fits_its_terminal(self, width):
        states = [state(step, 0.9**step + 1e-6) for step in range(30)]
        lines = self.seen(Console(file=io.StringIO(), width=width, height=24), states)
        assert max(map(len, lines)) <= min(width, 96)
        assert len(lines) <= 13
        words = " ".join(lines[-3:])
        for number in (
            "step 29",
            "gradient 1.00e-01",
            "rate 0.25",
            "passes 31",
            "s so far",
            "s left",
        ):
            assert number in words
        assert f"E {0.9**29 + 1e-6:.6g}" in words

    def test_at_first_there_is_only_a_clock(self):
        (line,) = self.seen(Console(file=io.StringIO(), width=80), [])
        assert line.startswith("beans.csv: preparing, ")

    def test_after_one_state_there_is_no_curve_and_no_guess(self):
        title, numbers = self.seen(Console(file=io.StringIO(), width=80, height=24), [state(0)])
        assert title == "beans.csv"
        assert "left" not in numbers

    @pytest.mark.parametrize(("max_iter", "word"), [(10**9, "about"), (40, "at most")])
    def test_it_says_whether_the_time_is_a_guess_or_a_bound(self, max_iter, word):
        states = [state(step, 1.0 + 0.9**step) for step in range(30)]
        assert f", {word} " in self.seen(Console(file=io.StringIO(), width=96), states, max_iter=max_iter)[-1]

    def test_of_several_starts_it_tells_which_and_the_curve_begins_anew(self):
        states = [state(step, 1.0 + 0.9**step) for step in (*range(9), *range(3))]
        watch = Watch("beans.csv", pace_of(n_init=4))
        for each in states:
            watch(each)
        assert watch.trail.numbers == [1.0 + 0.9**step for step in range(3)]
        words = " ".join(watch.frame(Console(file=io.StringIO(), width=80)).plain.split())
        assert "start 2 of 4 step 2" in words
        assert words.endswith("left in this start")

    def test_a_low_terminal_gets_no_curve(self):
        states = [state(step, 0.9**step) for step in range(30)]
        lines = self.seen(Console(file=io.StringIO(), width=80, height=10), states)
        assert len(lines) == 3

    def test_a_terminal_without_these_signs_gets_no_curve(self):
        states = [state(step, 0.9**step) for step in range(30)]
        file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        lines = self.seen(Console(file=file, width=80, height=24), states)
        assert "\n".join(lines).isascii()

    def test_numbers_that_were_not_measured_are_left_out(self):
        epoch = state(7, math.nan, math.nan, 0.5, progressive_error=2.5)
        assert error_of(epoch) == 2.5
        assert numbers_of(epoch) == ["step 7", "E 2.5", "rate 0.5", "passes 9"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (12.4, "12 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7380, "2 h 3 min")],
)
def test_a_time_is_said_in_the_units_that_people_use(seconds, words):
    assert duration(seconds) == words


def test_where_nobody_is_watching_nothing_is_shown(capsys):
    with live("beans.csv") as show_state:
        run = train([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.5], callbacks=[show_state])
    assert run.stop.is_converged
    assert capsys.readouterr() == ("", "")


def test_it_guesses_for_the_defaults_of_train():
    ours, theirs = inspect.signature(live).parameters, inspect.signature(train).parameters
    for name in ("max_iter", "max_passes", "max_time", "tol", "gtol", "n_init"):
        assert ours[name].default == theirs[name].default
