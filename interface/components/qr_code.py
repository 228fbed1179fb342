"""QR codes of addresses of the page, for assets/shared/join_slide.js."""

import re

import gradio as gr
import segno

MAX_LENGTH = 400  # characters of an address
LOCAL = re.compile(r"[\w./:?#&=%,+@~\[\]-]+", re.ASCII)


def qr_code(address: object, request: gr.Request) -> dict:
    """{'image': the QR code as SVG in a data URI} of an address of this page, or {'error'}.

    address: as the visitor's browser has it. The browser names the page's origin with the request: other addresses are
    refused.
    """
    origin = request.headers.get("origin")
    fits = isinstance(address, str) and len(address) <= MAX_LENGTH and LOCAL.fullmatch(address)
    if not fits or not origin or not f"{address}/".startswith(f"{origin}/"):
        return {"error": f"A QR code is of an address of this page, of at most {MAX_LENGTH} characters."}
    code = segno.make(address, error="m", micro=False)
    return {"image": code.svg_data_uri(border=4, light="#fff", omitsize=True)}
