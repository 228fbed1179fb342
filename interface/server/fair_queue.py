"""Gradio's queue and blocks, made fair between visitors and calm about what clients send."""

import asyncio
import ipaddress
import time
from collections import Counter
from typing import Any

import gradio as gr
from fastapi import HTTPException
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import run_coro_in_background

from mat_core.machine import cores

from .image_field import ImageUpload

WAITING = 64  # events of all visitors that may wait at the same time
WAITING_CALLS = 32  # of them, calls of the endpoints: the rest is kept free for pages
SHARE_OF_PAGES, SHARE_OF_CALLS = 40, 12  # of one address; a whole class may sit behind one, so pages get more
PATIENCE = 120  # seconds that an event waits before it is told that the app is too busy
UNDELIVERED = 60  # seconds that an answer waits for somebody to fetch it
SWEPT_EVERY = 5
BUSY = "Too many requests are waiting. Try again in a minute."
TOO_LONG = "The app is too busy: nobody got to your request in time. Try again in a minute."
UNKNOWN = "There is no such action."
UNFIT = "The request does not fit: it wants {wanted}, each of the type that the page's 'Use via API' says."


class FairQueue(Queue):
    """Differs from Gradio's in whom it takes next and whom it turns away, and in that it forgets.

    First comes the address with the least work running; then pages before calls of the endpoints; then whoever was
    served longest ago. An address has a share of the waiting places. An answer that nobody fetches is dropped.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.workers = max(2, cores())
        self.ANALYTICS_MAX_EVENTS = 1
        self._served: dict[str, int] = {}  # address -> when it was last taken, counted in events
        self._taken = 0
        self._finished: dict[str, float] = {}  # session -> when an answer was last laid down for it

    def compute_analytics_summary(self, records):
        """Nothing: nobody watches visitors here, and Gradio would build a table of all events at every error."""
        return self.cached_event_analytics_summary

    def start(self) -> None:
        """Begin to work, with as many events at once as there are cores."""
        self.max_thread_count = self.workers
        super().start()
        run_coro_in_background(self._sweep)

    async def push(self, body, request, username):
        """Take an event in. Raises HTTPException with status 404 for an unknown one, 429 where there is no place."""
        fn = self.blocks.fns.get(body.fn_index)
        if fn is None:
            raise HTTPException(404, UNKNOWN)
        waiting = [event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]
        call, address = _is_call(fn), _address(request)
        alike = [event for event in waiting if _is_call(event.fn) == call]
        own = sum(_address(event.request) == address for event in alike)
        if (
            len(waiting) >= WAITING
            or own >= (SHARE_OF_CALLS if call else SHARE_OF_PAGES)
            or (call and len(alike) >= WAITING_CALLS)
        ):
            raise HTTPException(429, BUSY, {"Retry-After": "30"})
        return await super().push(body, request, username)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The event whose turn it is, taken out of its queue; None where none may run now."""
        running = Counter(_address(event.request) for job in self.active_jobs if job for event in job)
        ready = [
            event
            for queue in self.event_queue_per_concurrency_id.values()
            if queue.concurrency_limit is None or queue.current_concurrency < queue.concurrency_limit
            for event in queue.queue
        ]
        if not ready:
            return None

        def turn(event: Event) -> tuple:
            address = _address(event.request)
            return running[address], _is_call(event.fn), self._served.get(address, 0), event.enqueue_time

        event = min(ready, key=turn)
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
        self._taken += 1
        self._served.pop(address := _address(event.request), None)
        self._served[address] = self._taken
        if len(self._served) > 1000:
            del self._served[next(iter(self._served))]
        return [event], False, event.concurrency_id

    def send_message(self, event: Event, event_message) -> None:
        """Lay a message down for the event's client."""
        if event.session_hash not in self.pending_messages_per_session:
            return  # its client has left, or did not come for the answer
        if isinstance(event_message, ProcessCompletedMessage):
            self._finished[event.session_hash] = time.monotonic()
        super().send_message(event, event_message)

    async def _sweep(self) -> None:
        while not self.stopped:
            await asyncio.sleep(SWEPT_EVERY)
            now = time.monotonic()
            for queue in self.event_queue_per_concurrency_id.values():
                for event in [e for e in queue.queue if now - e.enqueue_time > PATIENCE]:
                    queue.queue.remove(event)
                    self.event_ids_to_events.pop(event._id, None)
                    self.send_message(event, ProcessCompletedMessage(output={"error": TOO_LONG}, success=False))
            for session in [s for s, then in self._finished.items() if now - then > UNDELIVERED]:
                del self._finished[session]
                messages = self.pending_messages_per_session.get(session)
                if messages is not None and not messages.empty():
                    del self.pending_messages_per_session[session]
                    for event in self.pending_event_ids_session.pop(session, ()):
                        self.event_ids_to_events.pop(event, None)


class CalmBlocks(gr.Blocks):
    """Blocks whose inputs may be anything: what does not fit is answered with a sentence."""

    def queue(self, **options) -> gr.Blocks:
        """As Gradio's, with the fair queue."""
        super().queue(**options)
        made = self._queue
        self._queue = FairQueue(
            live_updates=made.live_updates, concurrency_count=made.max_thread_count,
            update_intervals=made.update_intervals, max_size=None, blocks=self,
            default_concurrency_limit=made.default_concurrency_limit,
        )  # fmt: skip
        return self

    async def preprocess_data(self, block_fn, inputs: list[Any], state, explicit_call: bool = False):
        """As Gradio's; raises gr.Error for inputs of the wrong number or kind."""
        fields = block_fn.inputs
        wanted = ", ".join(str(field.label or "a value") for field in fields if not field.stateful) or "nothing"
        unfit = gr.Error(UNFIT.format(wanted=wanted), print_exception=False)
        if len(inputs) != len(fields):
            raise unfit
        inputs = list(inputs)
        for i, field in enumerate(fields):
            if field.stateful:
                inputs[i] = None
            elif isinstance(field, ImageUpload):
                inputs[i] = field.clean(inputs[i])
            elif isinstance(inputs[i], dict | list):
                raise unfit
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception:
            raise unfit from None


def _is_call(fn) -> bool:
    return fn.api_visibility == "public"


def _address(request) -> str:
    """Who asks: an address, of IPv6 the network of its first 64 bits, which is one household's."""
    client = getattr(request, "client", None)
    host = client.host if client is not None else ""
    try:
        return ":".join(ipaddress.IPv6Address(host).exploded.split(":")[:4])
    except ValueError:
        return host
