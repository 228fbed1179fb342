"""How much one address may have waiting in the queue."""

import ipaddress
import time
from dataclasses import dataclass, field

PAGES, CALLS = 40, 12  # of each event of the page (a class may share an address), and of all endpoints together
CONCURRENT_CALLS = 2  # of all endpoints together
UNFETCHED = 120  # seconds after which an event whose answer nobody waits for is dropped


@dataclass
class Waiting:
    """An event in the queue. kind: "call", or the number of an event of the page; stream: where its answer is read."""

    address: str
    kind: str
    stream: str
    since: float = field(default_factory=time.monotonic)
    read: bool = False


class WaitingLimit:
    """Counts events from their acceptance until their answer is delivered."""

    def __init__(self):
        self.events: dict[str, Waiting] = {}  # by event id

    def full(self, address: str, kind: str) -> bool:
        """Whether this address has its share of this kind waiting."""
        waiting = sum(event.address == address and event.kind == kind for event in self.events.values())
        return waiting >= (CALLS if kind == "call" else PAGES)

    def add(self, event_id: str, address: str, kind: str, stream: str) -> None:
        """An event was accepted."""
        self.events[event_id] = Waiting(address, kind, stream)

    def read(self, stream: str) -> bool:
        """Somebody begins to read this stream. Returns whether it has anything to deliver."""
        events = [event for event in self.events.values() if event.stream == stream]
        for event in events:
            event.read = True
        return bool(events)

    def delivered(self, event_id: str) -> None:
        """The answer to this event was sent."""
        self.events.pop(event_id, None)

    def ended(self, stream: str) -> None:
        """The reader of this stream has left; what was accepted since it came waits for the next."""
        self.events = {key: event for key, event in self.events.items() if event.stream != stream or not event.read}

    def abandoned(self) -> set[str]:
        """Streams that nobody has come to read for UNFETCHED seconds."""
        latest = time.monotonic() - UNFETCHED
        return {event.stream for event in self.events.values() if not event.read and event.since < latest}


def address_of(client: tuple[str, int] | None) -> str:
    """A visitor's address; of IPv6 the first 64 bits, which are one household's."""
    host = client[0] if client else ""
    try:
        return ":".join(ipaddress.IPv6Address(host).exploded.split(":")[:4])
    except ValueError:
        return host
