"""The one named endpoint, for programs: gradio_client and curl."""

import logging

import gradio as gr

from mat_core import Diagnoser, Metadata, UserError

from .session import read_upload
from .upload import image_upload

log = logging.getLogger(__name__)


def build_api(diagnoser: Diagnoser) -> None:
    """Add `/diagnose`. It has fields of its own, unseen, so that it depends on nothing that a visitor does."""

    def diagnose(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """Class probabilities, regions and words for one dermatoscopic image. A teaching demo, no medical device.

        Parameters:
            image: a JPEG, PNG, WebP, BMP, TIFF or GIF file of at most 20 MB, as gradio_client.handle_file gives it.
            age: whole years from 0 to 120; None when unknown.
            sex: female, male or unknown.
            localization: abdomen, acral, back, chest, ear, face, foot, genital, hand, lower extremity, neck, scalp,
                trunk, upper extremity or unknown.

        Returns:
            probabilities (code -> 0 to 1, sum 1), top, top_name, malignant, words, word_fields, image_size (pixels),
            unit, regions (box x1 y1 x2 y2 in pixels, score, label) and disclaimer.
        """
        try:
            metadata = Metadata(age, sex, localization)
            if image is None:
                raise UserError("Give an image: a file, as gradio_client.handle_file sends it.")
            return diagnoser(read_upload(image), metadata).to_dict()
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception:
            log.exception("in /diagnose")
            raise gr.Error("Something went wrong inside the app.", print_exception=False) from None

    inputs = [
        image_upload(label="image", visible=False),
        gr.Number(label="age", visible=False),
        gr.Textbox("unknown", label="sex", visible=False),
        gr.Textbox("unknown", label="localization", visible=False),
    ]
    gr.on([], diagnose, inputs, gr.JSON(label="diagnosis", visible=False), api_name="diagnose")
