"""The lesson panel as the other views use it: its component, the target class, and what a step does to the case."""

import json
from dataclasses import dataclass

import gradio as gr

from mat_core import UserError

from ..components.error_handling import with_error_messages
from ..state.session import Session
from .service import LessonService


@dataclass(frozen=True, eq=False)
class LessonPanel:
    """panel: the component that runs a lesson beside the page; label: the target class."""

    service: LessonService
    panel: gr.HTML
    label: gr.Dropdown

    def open_step(self, data: object, current: Session | None) -> tuple[Session | None, dict]:
        """The session that a step shows, if any, and the updates of panel and target class."""
        request = data if isinstance(data, dict) else {}

        def opened() -> tuple[Session | None, dict]:
            opening = self.service.opening(request, current)
            reply = _reply(request, "open", opening.settings)
            return opening.session, {self.panel: reply, self.label: opening.code}

        def failed(error: UserError) -> tuple[None, dict]:
            return None, {self.panel: _reply(request, "open", {"error": str(error)})}

        return with_error_messages(opened, failed)()

    def answer(self, data: object) -> str:
        """Answer {'ask': 'step', 'truth' or 'paper', 'lesson', 'at', 'language', 'ticket'} as JSON."""
        request = data if isinstance(data, dict) else {}
        handlers = {"step": self.service.step, "truth": self.service.truth, "paper": self.service.paper}
        kind = request.get("ask") if isinstance(request.get("ask"), str) else ""

        def handled() -> dict:
            if kind not in handlers:
                raise UserError(f"`ask` must be one of {', '.join(handlers)}.")
            return handlers[kind](request)

        return _reply(request, kind, with_error_messages(handled, lambda error: {"error": str(error)})())


def _reply(request: dict, kind: str, content: dict) -> str:
    """JSON for the panel, with the ticket of its request."""
    ticket = request.get("ticket")
    return json.dumps(content | {"ask": kind[:10], "ticket": ticket if type(ticket) is int else 0})
