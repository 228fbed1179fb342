"""A diagnosis on one sheet for a class: a page of A4 as PDF, whose text is text, or as PNG.

    handout(diagnosis, image, "pdf", hidden=occlude(...), doubted=doubt(...), source="ISIC_0024306; HAM10000, ...")

The same case gives the same bytes. What was not asked is said not to have been asked; nothing is made up.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from .diagnoser import Diagnosis
from .errors import ConfigError
from .explain.ablation import Ablation
from .explain.doubt import Doubt, reasons
from .explain.occlusion import Occlusion
from .figures import INK, NATURE_COLOURS, PAPER, draw_attention, draw_bars, draw_regions
from .labels import BY_CODE, DISCLAIMER
from .limits import shown, whole
from .metadata import Metadata
from .paper import FOOT, LINE, SMALL, Page, lines, saved
from .units import UNITS
from .wording import share

FORMATS = ("pdf", "png")
MOST_TEXT = 600  # characters of a title, a source or a caveat
SCALES = (1.0, 0.88, 0.76, 0.64)  # of the pictures: the largest with which all texts find room
# what a probability is called: from this one on
WORDS = ((0.95, "nearly certain"), (0.8, "very likely"), (0.5, "likely"), (0.2, "possible"), (0.05, "unlikely"),
         (0.0, "very unlikely"))  # fmt: skip
CAVEATS = (
    "A probability is a share among these seven classes; nothing else exists for the model.",
    "Attention says where the network read from, not why it answered: compare it with what mattered when it was "
    "hidden.",
    "Hiding a part asks the model about a picture that nobody took; what fills the place is a part of the question.",
)
NOT_ASKED = "not asked."


def handout(
    diagnosis: Diagnosis,
    image: np.ndarray,
    format: str = "pdf",
    *,
    title: str = "",
    source: str = "",
    hidden: Occlusion | None = None,
    taken: Ablation | None = None,
    doubted: Doubt | None = None,
    caveats: Sequence[str] = (),
    label: str | None = None,
    k: int = 5,
) -> bytes:
    """The bytes of a file of one page.

    image: the one that was diagnosed, (h, w, 3) uint8 RGB, of any size of the same shape. format: one of FORMATS.
    title: of the page, such as a case's name; source: whose the photograph is and under which licence. hidden, taken,
    doubted: of the same case, what `occlude`, `ablate` and `doubt` found. caveats: in addition to CAVEATS, such as how
    well this model is calibrated. label: the class in question, None for the top one. k: regions that are
    drawn, 1 to 8. Raises ConfigError for what there is not.
    """
    if format not in FORMATS:
        raise ConfigError(f"The format must be one of {', '.join(FORMATS)}; got {shown(format)}.")
    whole("k", k, 1, 8)
    label = label or diagnosis.top
    if label not in diagnosis.probabilities:
        raise ConfigError(f"The class must be one of {', '.join(diagnosis.probabilities)}; got {shown(label)}.")
    for text in (title, source, *caveats):
        if not isinstance(text, str) or len(text) > MOST_TEXT:
            raise ConfigError(f"Title, source and caveats are texts of at most {MOST_TEXT} characters.")
    for scale in SCALES:
        page = Page(scale)
        _fill_page(page, diagnosis, image, title, source, hidden, taken, doubted, caveats, label, k)
        if page.y >= FOOT:
            return saved([page], format, "Handout")
    raise ConfigError("Title, source and caveats are too long for one page. Shorten them.")


def _fill_page(
    page: Page, diagnosis: Diagnosis, image: np.ndarray, title: str, source: str, hidden: Occlusion | None,
    taken: Ablation | None, doubted: Doubt | None, caveats: Sequence[str], label: str, k: int,
) -> None:  # fmt: skip
    page.text(title or "A lesion, and what a network made of it", 13, weight="bold")
    page.text(f"The patient: {patient(diagnosis)}. The model's unit: {UNITS[diagnosis.unit].name}.", 8.5)
    page.text(DISCLAIMER, 8.5, colour=NATURE_COLOURS["malignant"])
    left, right = page.row(2.5, (0.0, 0.45), (0.7, 1.0))
    draw_regions(left, diagnosis, image, k)
    draw_probabilities(right, diagnosis)
    page.text(verdict(diagnosis), SMALL + 1)
    page.text("A probability is called " + scale_of_words() + ".", SMALL)
    rows = min(k, len(diagnosis.regions))
    left, right = page.row(0.72 + 0.16 * rows, (0.16, 0.49), (0.67, 1.0), below=0.5)
    for axes, direction in ((left, "words_to_regions"), (right, "regions_to_words")):
        draw_attention(axes, diagnosis, direction, k)
        axes.set_title(axes.get_title(loc="left"), fontsize=7.5, loc="left")
    page.heading("What mattered")
    if label != diagnosis.top:
        page.text(f"The class in question: {BY_CODE[label].name}.", SMALL)
    if hidden is not None and hidden.cells is not None:
        picture, beside = page.row(1.7, (0.0, 0.36), (0.4, 1.0))
        _draw_hidden(picture, diagnosis, image, hidden, label)
        beside.set_axis_off()
        said = [hidden.sentence(label), _fill(hidden), *([taken.sentence(label)] if taken else [lacks("Taking away")])]
        told = [line for text in said for line in [*lines(text, 76), ""]]
        beside.text(0, 1, "\n".join(told), va="top", fontsize=SMALL, linespacing=LINE, color=INK, parse_math=False)
    else:
        page.text(hidden.sentence(label) if hidden else lacks("Hiding parts"), SMALL)
        page.text(taken.sentence(label) if taken else lacks("Taking away"), SMALL)
    page.heading("The doubt")
    why = doubted.reasons if doubted else reasons(diagnosis.probabilities, diagnosis.novelty)
    page.text(doubted.sentence() if doubted else lacks("Turning and mirroring the picture"), SMALL)
    where = "in the eight views" if doubted else "in the answer itself"
    page.text(" ".join(("Reasons not to rely on it:", *why)) if why else f"No sign of doubt was found {where}.", SMALL)
    page.heading("Before you believe it")
    for caveat in (*CAVEATS, *caveats):
        page.text(f"\N{BULLET} {caveat}", SMALL)
    page.heading("The photograph")
    page.text(source or "Where it is from was not said.", SMALL)


def in_words(probability: float) -> str:
    """What a probability of 0 to 1 is called, by WORDS."""
    return next(words for least, words in WORDS if probability >= least)


def draw_probabilities(axes: Axes, diagnosis: Diagnosis) -> None:
    """One bar a class, the most probable on top, with its percent and its word."""
    ranked = draw_bars(axes, diagnosis, 0.5, 7)
    for row, (_, p) in enumerate(ranked):
        axes.text(0.015, row + 0.29, f"{share(p)}, {in_words(p)}", fontsize=6.5, color=INK, va="bottom")
    axes.set(xlim=(0, 1), ylim=(-0.5, len(ranked) - 0.3), xticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Probability of each class", fontsize=9, loc="left")


def _draw_hidden(axes: Axes, diagnosis: Diagnosis, image: np.ndarray, hidden: Occlusion, label: str) -> None:
    """The picture under its grid: orange spoke for the class, blue against it, with points of 100 where it is one."""
    effect = hidden.map(label)
    height, width = diagnosis.regions.size
    axes.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    most = max(0.05, float(np.abs(effect).max()))
    colours = np.zeros((*effect.shape, 4))
    colours[effect > 0, :3], colours[effect <= 0, :3] = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698)
    colours[..., 3] = 0.75 * np.abs(effect) / most
    axes.imshow(colours, extent=(0, width, height, 0), interpolation="nearest")
    cell = height / effect.shape[0], width / effect.shape[1]
    for r, c in np.argwhere(np.abs(effect) >= 0.01):
        points = f"{100 * effect[r, c]:+.0f}".replace("-", "\N{MINUS SIGN}")
        box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
        x, y = (c + 0.5) * cell[1], (r + 0.5) * cell[0]
        axes.text(x, y, points, fontsize=5.5, ha="center", va="center", color=INK, bbox=box)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_anchor("NW")
    axes.set_title(f"Points for {BY_CODE[label].name} lost when hidden", fontsize=8, loc="left")


def patient(diagnosis: Diagnosis) -> str:
    """What is known of the patient, and the words that were read of it."""
    words = " ".join(word.text for word in diagnosis.words)
    return f"{known_of(diagnosis.metadata)}; words read: {words or 'none'}"


def known_of(metadata: Metadata) -> str:
    """What is known of the patient."""
    parts = (
        None if metadata.age is None else f"{metadata.age} years",
        metadata.sex,
        metadata.localization and f"site {metadata.localization}",
    )
    return ", ".join(part for part in parts if part) or "nothing is known"


def verdict(diagnosis: Diagnosis) -> str:
    """The two likeliest classes in numbers and words."""
    first, second = sorted(diagnosis.probabilities, key=lambda code: -diagnosis.probabilities[code])[:2]
    p, q = diagnosis.probabilities[first], diagnosis.probabilities[second]
    return (
        f"The model takes it for: {BY_CODE[first].name}, {p:.1%} ({in_words(p)}); next {BY_CODE[second].name}, "
        f"{q:.1%} ({in_words(q)})."
    )


def scale_of_words() -> str:
    """What WORDS are called from where on."""
    above = [f"{words} from {least:.0%} on" for least, words in WORDS[:-1]]
    return f"{', '.join(above)}, else {WORDS[-1][1]}"


def _fill(hidden: Occlusion) -> str:
    took = {"skin": "the skin around it", "blur": "a blur", "mean": "the picture's mean colour"}[hidden.fill]
    return f"Each tile was hidden alone, with {took} in its place, and the model looked again."


def lacks(what: str) -> str:
    """That nobody asked for this."""
    return f"{what}: {NOT_ASKED}"
