"""The endpoints as tools of the Model Context Protocol. Gradio's server, made as private and exact as the app is."""

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import unquote

import gradio.mcp
from gradio_client.utils import decode_base64_to_binary

from mat_core import ImageError, UserError
from mat_core.data.image_encoding import data_uri
from mat_core.data.image_loading import ALLOWED, MAX_BYTES

from ..server.upload_store import UPLOADS

NEEDED = "mcp>=1.21,<2"
PICTURE, PAPER = data_uri(b"", "png"), data_uri(b"", "pdf")
IMAGE_FORMAT = "the file's bytes as a data: URI in base64, or what the app's /gradio_api/upload answered"


def install_mcp_server() -> None:
    """Make Gradio's next launch with `mcp_server=True` use the server below. Raises UserError without package mcp."""
    try:
        installed = version("mcp")
    except PackageNotFoundError:
        raise UserError(f"--mcp needs the package mcp: pip install '{NEEDED}'") from None
    major, minor = (int(part) for part in installed.split(".")[:2])
    if not (1, 21) <= (major, minor) < (2, 0):
        raise UserError(f"--mcp does not fit mcp {installed}: pip install '{NEEDED}'")
    gradio.mcp.GradioMCPServer = PrivateMCPServer


class PrivateMCPServer(gradio.mcp.GradioMCPServer):
    """Differs from Gradio's in three things: no image outlives its time, no address is fetched, answers are JSON."""

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        """The tool's arguments with each image as a file that was uploaded. Raises ImageError."""
        names = {path[0] for path in filedata_positions}
        return {name: self._file(argument) if name in names and argument is not None else argument
                for name, argument in value.items()}  # fmt: skip

    def simplify_filedata_schema(self, schema: dict[str, Any]) -> tuple[dict[str, Any], list[list[str | int]]]:
        """The schema of a tool, with what an image is here."""
        simple, positions = super().simplify_filedata_schema(schema)
        for path in positions:
            simple["properties"][path[0]]["format"] = IMAGE_FORMAT
        return simple, positions

    def postprocess_output_data(self, data: Any, root_url: str) -> list:
        """Each output as JSON text, its numbers to the last bit; a figure as an image, a PDF as a file."""
        return [self._content(output) for output in data]

    def _content(self, output: Any):
        if isinstance(output, dict) and str(output.get("png", "")).startswith(PICTURE):
            return self.types.ImageContent(type="image", data=output["png"].removeprefix(PICTURE), mimeType="image/png")
        if isinstance(output, dict) and str(output.get("pdf", "")).startswith(PAPER):
            return self.types.EmbeddedResource(
                type="resource",
                resource=self.types.BlobResourceContents(
                    uri="attachment:handout.pdf", mimeType="application/pdf", blob=output["pdf"].removeprefix(PAPER)
                ),
            )  # fmt: skip
        return self.types.TextContent(type="text", text=json.dumps(output))

    def _file(self, value: Any) -> dict:
        """An image as an upload, which is deleted after the time that the app promises."""
        if not isinstance(value, str):
            raise ImageError(f"The image must be a string: {IMAGE_FORMAT}.")
        if not value.startswith("data:"):
            name = unquote(value.split("/gradio_api/file=")[-1])
            if name not in UPLOADS:
                raise ImageError(f"Give the image itself, not an address of it: {IMAGE_FORMAT}.")
            return {"path": name}
        if len(value) > MAX_BYTES * 4 // 3 + 200:
            raise ImageError(f"The image is too large. {ALLOWED}")
        try:
            data, _ = decode_base64_to_binary(value)
        except (ValueError, IndexError):  # binascii.Error is a ValueError
            raise ImageError(f"The image is not a data: URI in base64. {ALLOWED}") from None
        return {"path": UPLOADS.add(data, owner="tools")}  # no 'meta': it is here already, and not sent again
