"""The callbacks of scikit-learn, which it has from 1.9 on: a fit is a task, its steps are tasks within."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fallline.descent._carry import State

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:
    CallbackSupportMixin, with_callbacks = object, None

HAS_CALLBACKS = with_callbacks is not None
Fit = TypeVar("Fit", bound=Callable[..., Any])


class CallbackSupport(CallbackSupportMixin):  # type: ignore[misc]
    """An estimator that takes callbacks, where there are any."""


def ending_callbacks(fit: Fit) -> Fit:
    """Return a method that tears callbacks down at its end, however it ends."""
    return with_callbacks(fit) if HAS_CALLBACKS else fit


class FitTask:
    """A fit that tells the callbacks of its estimator how far it is; called with every state.

    ``data`` are X, y and metadata as the caller gave them; ``fitted`` turns a state into the attributes of
    an estimator whose fit had stopped there, for callbacks that ask for one.
    """

    def __init__(
        self,
        estimator: Any,
        most_steps: int | None,
        data: dict[str, Any],
        fitted: Callable[[State], dict[str, Any]],
    ) -> None:
        self.known = {"estimator": estimator, **data}
        self.fitted = fitted
        self.last: State | None = None
        self.task = estimator._init_callback_context(max_subtasks=most_steps)
        self.task.call_on_fit_task_begin(**self.known)

    def __call__(self, state: State) -> bool:
        """Tell of the step that led to a state, if one did; return whether a callback wants no more."""
        is_step = self.last is not None and state.step > self.last.step
        self.last = state
        if not is_step:
            return False
        step = self.task.subcontext(task_name="step")
        step.call_on_fit_task_begin(**self.known)
        return bool(
            step.call_on_fit_task_end(**self.known, reconstruction_attributes=lambda: self.fitted(state))
        )

    def end(self, fitted: dict[str, Any]) -> None:
        """Tell of the end of the fit."""
        self.task.call_on_fit_task_end(**self.known, reconstruction_attributes=fitted)
