"""Errors become sentences: the one way in which the app's handlers tell what went wrong."""

import functools
import logging
from collections.abc import Callable

from mat_core import UserError

from .text import note

log = logging.getLogger(__name__)

# for the failure of a component's question: it is told to it, as no answer comes (assets/shared/asking.js)
UNANSWERED = "() => {{ dispatchEvent(new CustomEvent('mat-unanswered', {{detail: '#{id}'}})); }}"

BROKEN = "Something went wrong inside the app; the case is unchanged. Please try again."


def safely(
    handler: Callable, tell: Callable[[UserError], object] = lambda error: note(str(error)), broken: str = BROKEN
) -> Callable:
    """`handler` with every error told by `tell`, in whose answer's place that stands: no traceback reaches a visitor.

    A UserError speaks for itself; anything else is logged, without what was given, and told as `broken`.
    """

    @functools.wraps(handler)
    def told(*inputs):
        try:
            return handler(*inputs)
        except UserError as error:
            return tell(error)
        except Exception:
            log.exception("in %s", getattr(handler, "__name__", handler))
            return tell(UserError(broken))

    return told
