"""The look: Gradio's plainest theme in slate and teal, with the fonts of the visitor's own system."""

import gradio as gr
from gradio.themes.utils import colors, sizes

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONOSPACED = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def clinical_theme() -> gr.themes.Base:
    """Calm in both schemes; text has a contrast of at least 4.5 : 1 on what it stands on."""
    theme = gr.themes.Base(
        primary_hue=colors.teal, secondary_hue=colors.slate, neutral_hue=colors.slate, font=FONTS, font_mono=MONOSPACED,
        text_size=sizes.text_md, spacing_size=sizes.spacing_sm, radius_size=sizes.radius_md,
    )  # fmt: skip
    return theme.set(
        body_background_fill="#f3f6f8", body_background_fill_dark="#0d151b",
        body_text_color="#17242f", body_text_color_dark="#e3eaef",
        body_text_color_subdued="#4d5f6d", body_text_color_subdued_dark="#a3b4c0",
        background_fill_primary="#ffffff", background_fill_primary_dark="#15202a",
        background_fill_secondary="#f7f9fb", background_fill_secondary_dark="#1b2935",
        border_color_primary="#d3dce3", border_color_primary_dark="#2e404e",
        block_background_fill="transparent", block_background_fill_dark="transparent",
        block_border_width="0px", block_border_width_dark="0px", block_shadow="none", block_padding="0px",
        block_label_text_color="#3a4b58", block_label_text_color_dark="#c2d0da",
        block_label_background_fill="#ffffffdd", block_label_background_fill_dark="#15202add",
        block_title_text_color="#3a4b58", block_title_text_color_dark="#c2d0da",
        block_title_text_weight="600", block_title_text_size="*text_sm",
        input_background_fill="#ffffff", input_background_fill_dark="#0f1920",
        input_border_width="1px", input_border_color="#8496a3", input_border_color_dark="#5d7280",
        input_border_color_focus="#0f766e", input_border_color_focus_dark="#2dd4bf",
        input_placeholder_color="#5c6f7d", input_placeholder_color_dark="#93a6b3",
        checkbox_label_background_fill="#ffffff", checkbox_label_background_fill_dark="#0f1920",
        checkbox_label_background_fill_hover="#eef4f6", checkbox_label_background_fill_hover_dark="#1b2935",
        checkbox_label_background_fill_selected="#d9f0ec", checkbox_label_background_fill_selected_dark="#134e4a",
        checkbox_label_border_width="1px", checkbox_label_border_color="#b4c2cc",
        checkbox_label_border_color_dark="#3b5060", checkbox_label_padding="6px 10px",
        checkbox_background_color_selected="#0f766e", checkbox_background_color_selected_dark="#0f766e",
        checkbox_border_color="#6b7f8d", checkbox_border_color_dark="#7f94a2",
        button_primary_background_fill="#0f766e", button_primary_background_fill_dark="#0f766e",
        button_primary_background_fill_hover="#115e59", button_primary_background_fill_hover_dark="#115e59",
        button_primary_text_color="#ffffff", button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#e6edf1", button_secondary_background_fill_dark="#243441",
        button_secondary_background_fill_hover="#d8e3e9", button_secondary_background_fill_hover_dark="#2e4252",
        button_secondary_text_color="#17242f", button_secondary_text_color_dark="#e3eaef",
        slider_color="#0f766e", slider_color_dark="#2dd4bf", loader_color="#0f766e", loader_color_dark="#2dd4bf",
        color_accent="#0f766e", layout_gap="12px", form_gap_width="0px",
    )  # fmt: skip
