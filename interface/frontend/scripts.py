"""Calls from Gradio into the page's ES modules in assets/, which the browser loads and caches as static files."""

import json

from ..server.static_files import static_url

# the app may be served below a path, which Gradio tells the page
_ROOT = "new URL(gradio_config.root || '/', location).pathname.replace(/\\/$/, '')"


def module(name: str) -> str:
    """A JavaScript promise of a module, e.g. "explorer/explorer.js". Raises ValueError for one that is not there."""
    return f"import({_ROOT} + {json.dumps(static_url(name))})"


def on_load(name: str, call: str) -> str:
    """For `js_on_load=`: call an export of the module, e.g. "mountExplorer(element, props, server, watch)"."""
    return f"{module(name)}.then((m) => m.{call});"


def handler(name: str, function: str, *first: object) -> str:
    """For `js=` of an event: an export of the module is called with these values, then with the event's inputs."""
    given = "".join(f"{json.dumps(value)}, " for value in first)
    return f"async (...inputs) => (await {module(name)}).{function}({given}...inputs)"
