"""A4 documents with fpdf2: text stays text, the fonts are embedded, and matplotlib draws only the figures."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import matplotlib
from fpdf import FPDF
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mat_core import ConfigError
from mat_core.display.colors import INK, NATURE_COLORS

from ..translations import ENGLISH, Text, text, translate

FONT = "DejaVu"
NO_DEVICE = text("masthead.disclaimer")
MARGIN, BOTTOM = 15.0, 17.0  # mm; the footer stands within the bottom margin
TITLE, LEAD, HEADING, BODY, SMALL = 15.0, 9.0, 10.5, 8.0, 7.0  # points
LINE = 1.32 * 25.4 / 72  # mm of line height per point
GRAY, RULE, TRACK = "#5d6c78", "#8496a3", "#e9edf0"
DPI = 300  # of figures
MAX_TEXT = 600  # characters of a text that the caller supplies


class Document(FPDF):
    """A4 pages, filled from the top; text flows onto further pages. Lengths in mm, font sizes in points.

    Texts are written in `language`. The same calls give the same bytes: the file's date is fixed.
    """

    def __init__(self, title: str, language: str = ENGLISH):
        super().__init__(unit="mm", format="A4")
        self.language = language
        self.set_lang(language)
        fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_title(self._printable(title))
        self.set_subject(self._printable(NO_DEVICE))
        self.set_creation_date(datetime(1970, 1, 1, tzinfo=UTC))
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, BOTTOM)
        self.c_margin = 0
        self.set_line_width(0.25)
        self._footer, self._first_page = "", 1

    def start_section(self, footer: str) -> None:  # type: ignore[override]
        """Begin a new page whose footer, and that of all that follow, is `footer` and the page number from 1 on."""
        self.add_page()
        self._first_page = self.page_no()
        self._footer = self._printable(footer)

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        self.set_y(5 - BOTTOM)
        self._use(SMALL, False, RULE)
        text = self._footer
        while self.get_string_width(text) > self.epw - 15:
            text = text[: int(0.9 * len(text))] + "…"
        self.cell(0, 4, f"{text} · {self.page_no() - self._first_page + 1}")

    def remaining(self) -> float:
        """Height that is left on the page."""
        return self.page_break_trigger - self.y

    def ensure_space(self, height: float) -> None:
        """Begin a new page unless this one has so much height left."""
        if height > self.remaining() and self.y > MARGIN + 1:
            self.add_page()

    def text_height(self, text: str, size: float = BODY, bold: bool = False, width: float = 0) -> float:
        """Height of a paragraph without the gap below it."""
        self._use(size, bold, INK)
        cell = {"dry_run": True, "output": "HEIGHT", "align": "L"}
        return self.multi_cell(width or self.epw, size * LINE, self._printable(text), **cell)

    def paragraph(
        self, text: str, size: float = BODY, bold: bool = False, color: str = INK, gap: float = 0.8, indent: float = 0
    ) -> None:
        """A paragraph over the width between the margins."""
        self._use(size, bold, color)
        self.set_x(self.l_margin + indent)
        self.multi_cell(0, size * LINE, self._printable(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.y += gap

    def heading(self, text: str) -> None:
        """A heading, kept with the lines that follow it."""
        self.ensure_space(16)
        self.y += 2
        self.paragraph(text, HEADING, bold=True)

    def disclaimer(self, text: str = NO_DEVICE) -> None:
        """That this is no medical device, in color."""
        self.paragraph(text, LEAD, color=NATURE_COLORS["malignant"], gap=2.5)

    def bullet(self, text: str) -> None:
        """An item of a list."""
        self.paragraph("•", gap=0)
        self.y -= BODY * LINE
        self.paragraph(text, indent=3)

    def tick(self, text: str, size: float = BODY) -> None:
        """A square to tick, and what it stands for."""
        self.ensure_space(self.text_height(text, size, width=self.epw - 6))
        self.rect(self.l_margin, self.y + 0.5, 3, 3)
        self.paragraph(text, size, indent=6, gap=1.6)

    def box(self, height: float, hint: str = "") -> None:
        """An empty box to write in, with a hint in its corner."""
        self.ensure_space(height)
        top = self.y
        self.set_draw_color(RULE)
        self.rect(self.l_margin, top, self.epw, height)
        self.set_draw_color(INK)
        self.y += 1.2
        self.paragraph(hint, SMALL, color=GRAY, indent=2)
        self.set_xy(self.l_margin, top + height + 1.5)

    def columns(self, *columns: tuple[float, float, Callable[[], None]]) -> None:
        """Side by side, each column as (start, end, draw), start and end as fractions of the width. They do not flow
        onto another page: call `ensure_space` first.
        """
        top, left, right, width = self.y, self.l_margin, self.r_margin, self.epw
        bottom = top
        for start, end, draw in columns:
            self.set_left_margin(left + start * width)
            self.set_right_margin(right + (1 - end) * width)
            self.set_xy(self.l_margin, top)
            draw()
            bottom = max(bottom, self.y)
        self.set_left_margin(left)
        self.set_right_margin(right)
        self.set_xy(left, bottom)

    def plot(self, draw: Callable[[Axes], None], height: float, caption: str = "") -> None:
        """A matplotlib figure over the width between the margins, below its caption; it loses its own title."""
        figure = Figure(figsize=(self.epw / 25.4, height / 25.4), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01)  # type: ignore[union-attr]
        axes = figure.add_subplot()
        draw(axes)
        axes.set_title("", loc="left")
        if caption:
            self.paragraph(caption, BODY, bold=True)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="jpeg", dpi=DPI, pil_kwargs={"quality": 92, "subsampling": 0})
        self.image(buffer, w=self.epw, h=height)
        self.y += 1

    def render(self) -> bytes:
        """The bytes of the file."""
        return bytes(self.output())

    def _printable(self, text: str) -> str:
        shown = translate(text, self.language) if isinstance(text, Text) else text
        return "".join(letter if letter.isprintable() or letter == "\N{NO-BREAK SPACE}" else " " for letter in shown)

    def _use(self, size: float, bold: bool, color: str) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(color)


def check_texts(**texts: object) -> None:
    """Raise ConfigError for an argument that is no string of at most MAX_TEXT characters."""
    for name, value in texts.items():
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise ConfigError(f"{name} must be a string of at most {MAX_TEXT} characters.")
