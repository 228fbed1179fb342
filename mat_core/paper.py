"""Pages of A4 that are filled from the top, and files of them whose text is text: what handout and worksheet share."""

import io
import textwrap
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .figures import INK, PAPER
from .labels import DISCLAIMER

A4 = (8.27, 11.69)  # inches, width and height
DPI = 150  # of the PNG
FOOT = 0.025  # share of the height that stays empty below
MARGIN = 0.065  # share of the width
SMALL, LINE = 7.0, 1.38  # points of the running text, and the distance of its lines in heights of a letter
HEADING, ABOVE = 9.0, 0.004  # points of a heading, and the share of the height that stays empty above it
LETTERS = 132  # of the running text in a line of the whole width
GAP = 0.03  # inches below an empty box
SHADE = "#8496a3"  # of what is to be read only once: frames and hints

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

    def box(self, height: float, hint: str = "") -> None:
        """An empty box of so many inches to write in, with a hint in its corner."""
        tall = height / A4[1]  # as a share of the page
        self.figure.add_artist(
            Rectangle((MARGIN, self.y - tall), 1 - 2 * MARGIN, tall, fill=False, edgecolor=SHADE, linewidth=0.8)
        )
        at = MARGIN + 0.008, self.y - 0.004
        self.figure.text(*at, hint, fontsize=6.5, color=SHADE, va="top", parse_math=False)
        self.y -= tall + GAP / A4[1]

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


class Pages:
    """Pages that follow each other: what finds no room on one stands on the next. foot: small below each, with its
    number.
    """

    def __init__(self, foot: str):
        self._all, self._foot = [Page()], lines(foot, LETTERS - 10)[0]

    def all(self) -> list[Page]:
        """All of them, each with its foot: to be asked for once, when they are full."""
        for number, page in enumerate(self._all, start=1):
            said = f"{self._foot} \N{MIDDLE DOT} {number}"
            page.figure.text(MARGIN, FOOT / 2, said, fontsize=6.5, color=SHADE, parse_math=False)
        return self._all

    def keep(self, height: float) -> Page:
        """The page with room for so much of its height together."""
        y = self._all[-1].y
        if y - height < 1.5 * FOOT and y < 1 - MARGIN:  # a new page has no more room
            self._all.append(Page())
        return self._all[-1]

    def text(self, text: str, size: float, weight: str = "normal", colour: str = INK) -> None:
        """A paragraph, broken where a page ends."""
        left = _broken(text, size)
        while left:
            page = self.keep(height_of("x", size))
            fit = max(1, int(((page.y - 1.5 * FOOT) * 72 * A4[1] - 2.5) / (LINE * size)))
            page.text(" ".join(left[:fit]), size, weight, colour)
            left = left[fit:]


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
