"""The allow-list of routes with the largest body of each, and the headers of every response."""

from collections.abc import Sequence

from mat_core.data.image_loading import MAX_BYTES

from .static_files import PREFIX

API = "/gradio_api"
MAX_FORM = MAX_BYTES + 2**16  # an image and what a form wraps around it
MAX_JSON = 2**20
MAX_TOOL_CALL = MAX_BYTES * 4 // 3 + 2**16  # an image in base64
TEXT = r"[^/]{1,200}"
# methods, path, most bytes of a body
OPEN: tuple[tuple[str, str, int], ...] = (
    ("GET HEAD", "/", 0),
    ("GET", "/config", 0),
    ("GET", "/theme.css", 0),
    ("GET", "/favicon.ico", 0),
    ("GET", "/manifest.json", 0),
    ("GET", "/robots.txt", 0),
    ("GET", r"/(assets|static|svelte)/(?!mat-)[\w./@+-]{1,200}", 0),
    ("GET HEAD", rf"{PREFIX}/([\w/-]{{1,100}}\.(js|css)|languages/[\w-]{{2,20}}\.json)", 0),
    ("GET", f"{API}/info", 0),
    ("GET", f"{API}/openapi.json", 0),
    ("GET", f"{API}/app_id", 0),
    ("GET HEAD", f"{API}/startup-events", 0),
    ("GET", rf"{API}/heartbeat/{TEXT}", 0),
    ("GET HEAD", rf"{API}/file=.{{1,400}}", 0),
    ("POST", f"{API}/upload", MAX_FORM),
    ("GET", f"{API}/upload_progress", 0),
    ("POST", f"{API}/queue/join", MAX_JSON),
    ("GET", f"{API}/queue/data", 0),
    ("GET", f"{API}/queue/status", 0),
    ("POST", rf"{API}/call/{TEXT}", MAX_JSON),
    ("POST", rf"{API}/call/v2/{TEXT}", MAX_JSON),
    ("GET", rf"{API}/call/{TEXT}/{TEXT}", 0),
    ("GET", rf"{API}/call/v2/{TEXT}/{TEXT}", 0),
    ("POST", f"{API}/cancel", MAX_JSON),
    ("POST", f"{API}/reset", MAX_JSON),
    ("POST", f"{API}/component_server", MAX_JSON),
)
TOOLS = (("GET POST DELETE", rf"{API}/mcp(/[\w/-]*)?", MAX_TOOL_CALL),)  # with --mcp
POLICY = (
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio puts its settings and the views' scripts in the page
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "media-src 'self' blob:",
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)
FRAMED_BY = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"  # a Space is shown in a frame
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
TOO_LARGE = "The request is too large: at most {:.0f} MB."
NOT_HERE = "There is nothing at this address."


def response_headers(embed: Sequence[str] = ()) -> dict[str, str]:
    """The headers of every response. embed: further origins whose pages may show this one in a frame."""
    return HEADERS | {"Content-Security-Policy": "; ".join((*POLICY, " ".join((FRAMED_BY, *embed))))}
