"""Lessons as the other views meet them: the panel that asks, the class in question, what a step does to the case."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from mat_core import UserError

from ..parts.safely import safely
from ..session import Session
from .cases import Tell
from .room import LessonRoom


@dataclass(frozen=True, eq=False)
class Guide:
    """panel: the component that runs a lesson beside the page; label: the class in question."""

    room: LessonRoom
    panel: gr.HTML
    label: gr.Dropdown

    def follow(self, data: object, now: Session | None, tell: Tell) -> tuple[Session | None, dict]:
        """What a step puts on the screen, if anything, and what panel and class become. now: what is there."""
        given = data if isinstance(data, dict) else {}

        def opened() -> tuple[Session | None, dict]:
            found = self.room.opening(given, now, tell)
            return found.session, {self.panel: answered(given, "open", found.told), self.label: found.code}

        def failed(error: UserError) -> tuple[None, dict]:
            return None, {self.panel: answered(given, "open", {"error": str(error)})}

        return safely(opened, failed)()

    def ask(self, data: object, tell: Tell) -> str:
        """The answer to {'ask': 'step', 'truth' or 'paper', 'lesson', 'at', 'language', 'ticket'}."""
        given = data if isinstance(data, dict) else {}
        questions: dict[object, Callable] = {"step": self.room.step, "truth": self.room.truth, "paper": self.room.paper}
        kind = given.get("ask") if isinstance(given.get("ask"), str) else ""

        def told() -> dict:
            if kind not in questions:
                raise UserError(f"The page may ask for {', '.join(map(str, questions))}.")
            return questions[kind](given, tell)

        return answered(given, str(kind), safely(told, lambda error: {"error": str(error)})())


def answered(given: dict, kind: str, found: dict) -> str:
    """An answer as the panel hears it: with the ticket of its question."""
    ticket = given.get("ticket")
    return json.dumps(found | {"ask": kind[:10], "ticket": ticket if type(ticket) is int else 0})
