"""Pages of A4 that are filled from the top, and files of them whose text is text: what handout and worksheet share."""

import io
import textwrap
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from .figures import INK, PAPER
from .labels import DISCLAIMER

A4 = (8.27, 11.69)  # inches, width and height
DPI = 150  # of the PNG
FOOT = 0.025  # share of the height that stays empty below
MARGIN = 0.065  # share of the width
SMALL, LINE = 7.0, 1.38  # points of the running text, and the distance of its lines in heights of a letter
HEADING, ABOVE = 9.0, 0.004  # points of a heading, and the share of the height that stays empty above it
LETTERS = 132  # of the running text in a line of the whole width

# fonts as TrueType: text of the PDF can be searched, copied and edited. For all figures of the process, and for good:
# a setting that is undone afterwards would be undone while another thread writes
matplotlib.rcParams["pdf.fonttype"] = 42


class Page:
    """A page that is filled from the top; y: where the next thing begins, as a share of the height, from 1 down.

    scale: of the pictures, 1 for their full size.
    """

    def __init__(self, scale: float = 1.0):
        self.figure, self.scale, self.y = Figure(figsize=A4, facecolor=PAPER), scale, 1 - 0.6 * MARGIN

    def text(self, text: str, size: float, weight: str = "normal", colour: str = INK) -> None:
        """A paragraph over the whole width, in points."""
        broken = _broken(text, size)
        self.figure.text(
            MARGIN, self.y, "\n".join(broken), fontsize=size, fontweight=weight, color=colour, va="top",
            linespacing=LINE, parse_math=False,
        )  # fmt: skip
        self.y -= height_of(text, size)

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.y -= ABOVE
        self.text(text, HEADING, weight="bold")

    def row(self, height: float, *spans: tuple[float, float], below: float = 0.0) -> list[Axes]:
        """Axes side by side, of `height` inches at full scale; 0.25 above for titles and `below` for marks stay.

        spans: start and end of each, as shares of the width between the margins.
        """
        height, whole_width = height * self.scale, 1 - 2 * MARGIN
        bottom = self.y - (height + 0.25) / A4[1]
        self.y = bottom - (below + 0.08) / A4[1]
        return [
            self.figure.add_axes((MARGIN + a * whole_width, bottom, (b - a) * whole_width, height / A4[1]))
            for a, b in spans
        ]


def height_of(text: str, size: float) -> float:
    """What a paragraph of so many points takes, as a share of the page's height."""
    return (len(_broken(text, size)) * LINE * size + 2.5) / 72 / A4[1]


def _broken(text: str, size: float) -> list[str]:
    return lines(text, int(LETTERS * SMALL / size))


def lines(text: str, letters: int) -> list[str]:
    """Lines of at most so many letters, without what cannot be printed."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(printable, letters) or [""]


def saved(pages: Sequence[Page], format: str, title: str) -> bytes:
    """The bytes of a file; format: 'pdf', or 'png' of a single page. The same pages give the same bytes."""
    buffer = io.BytesIO()
    if format == "png":
        (page,) = pages
        page.figure.savefig(buffer, format="png", dpi=DPI, metadata={"Description": DISCLAIMER})
        return buffer.getvalue()
    # without a date: the same pages, the same bytes
    with PdfPages(buffer, metadata={"CreationDate": None, "Title": title, "Subject": DISCLAIMER}) as file:
        for page in pages:
            file.savefig(page.figure)
    return buffer.getvalue()
