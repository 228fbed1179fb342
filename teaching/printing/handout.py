"""A diagnosis as a PDF handout for a class.

    handout(diagnosis, image, hidden=occlude(...), doubted=doubt(...), source="ISIC_0024306; HAM10000, ...")

Analyses that were not computed are marked as such.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from mat_core import ConfigError, Diagnosis
from mat_core.data.labels import BY_CODE
from mat_core.display.colors import INK, NATURE_COLORS, PAPER
from mat_core.explain import Ablation, Occlusion, Uncertainty
from mat_core.figures import draw_attention, draw_regions
from mat_core.models.transformer import UNITS
from mat_core.utils.formatting import format_percent, format_signed
from mat_core.utils.validation import check_int, short_repr

from ..sentences import (
    ablation_text,
    occlusion_text,
    patient_text,
    uncertainty_text,
    uncertainty_warnings,
    warning_texts,
)
from ..translations import ENGLISH, Text, check_language, text, translate
from .pages import BODY, GRAY, LEAD, SMALL, TITLE, TRACK, Document, check_texts

# lower limit of a probability -> its name
LIMITS = {"nearly-certain": 0.95, "very-likely": 0.8, "likely": 0.5, "possible": 0.2, "unlikely": 0.05,
          "very-unlikely": 0.0}  # fmt: skip
VERBAL_SCALE = tuple((limit, text(f"verbal.{name}")) for name, limit in LIMITS.items())
CAVEATS = tuple(text(f"caveat.{name}") for name in ("seven", "attention", "hiding"))
FOR, AGAINST = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698)  # as on the page


def handout(
    diagnosis: Diagnosis,
    image: np.ndarray,
    *,
    title: str = "",
    source: str = "",
    hidden: Occlusion | None = None,
    taken: Ablation | None = None,
    doubted: Uncertainty | None = None,
    caveats: Sequence[str] = (),
    label: str | None = None,
    k: int = 5,
    language: str = ENGLISH,
) -> bytes:
    """Return a PDF of one page, or more where the texts are long.

    image: the diagnosed image, (h, w, 3) uint8 RGB, at any resolution. source: owner and licence of the photograph.
    hidden, taken, doubted: results of `occlude`, `ablate` and `tta_uncertainty` for this case. caveats: further ones,
    beside CAVEATS. label: target class, None for the most probable one. k: number of regions shown, 1 to 8.
    language: of the printed texts, one of `translations.language_codes`; the arguments are printed as they are.
    Raises ConfigError for an invalid argument.
    """
    check_int("k", k, 1, 8)
    check_language(language)
    label = target_class(diagnosis, label)
    check_texts(title=title, source=source)
    for caveat in caveats:
        check_texts(caveats=caveat)
    page = Document(text("sheet.handout"), language)
    page.start_section(title or text("sheet.handout"))
    add_header(page, title or text("sheet.handout-title"), diagnosis)
    add_picture_and_chart(page, diagnosis, image, k)
    page.paragraph(verdict(diagnosis), LEAD)
    page.paragraph(text("sheet.scale", scale=scale_texts()), SMALL, color=GRAY, gap=2.5)
    add_attention(page, diagnosis, k)
    page.heading(text("sheet.mattered"))
    if label != diagnosis.top:
        page.paragraph(text("sheet.target", name=title_text(label)))
    texts = [occlusion_or_missing(hidden, label), ablation_or_missing(taken, label)]
    if hidden is not None and hidden.cells is not None:
        texts.insert(1, text("sheet.tiles-alone", fill=text(f"fill.{hidden.fill}")))
        add_occlusion(page, diagnosis, image, hidden, label, texts)
    else:
        for sentence in texts:
            page.paragraph(sentence)
    page.heading(text("sheet.uncertainty"))
    add_uncertainty(page, diagnosis, doubted)
    page.heading(text("sheet.caveats"))
    for caveat in (*CAVEATS, *caveats):
        page.bullet(caveat)
    page.heading(text("sheet.source"))
    page.paragraph(source or text("sheet.not-stated"))
    return page.render()


def add_header(page: Document, title: str, diagnosis: Diagnosis, with_unit: bool = True) -> None:
    """Title, patient and disclaimer."""
    page.paragraph(title, TITLE, bold=True, gap=1.5)
    words = " ".join(word.text for word in diagnosis.words) or text("common.none")
    known = {"patient": patient_text(diagnosis.metadata), "words": words}
    sentence = (
        text("sheet.patient-unit", **known, unit=UNITS[diagnosis.unit].name)
        if with_unit
        else text("sheet.patient", **known)
    )
    page.paragraph(sentence, LEAD, gap=0.6)
    page.disclaimer()


def add_picture_and_chart(
    page: Document, diagnosis: Diagnosis, image: np.ndarray, k: int, order: str = "detector", height: float = 56
) -> None:
    """The image with k regions beside a bar for each class."""
    page.ensure_space(height + 10)
    by = order if diagnosis.region_attention is not None else "detector"
    shown = min(k, len(diagnosis.regions))
    caption = text(f"sheet.regions.{by}", k=shown, n=len(diagnosis.regions))
    page.columns(
        (0, 0.47, lambda: page.plot(lambda axes: _draw_regions(axes, diagnosis, image, k, order), height, caption)),
        (0.53, 1, lambda: add_chart(page, diagnosis)),
    )


def add_chart(page: Document, diagnosis: Diagnosis) -> None:
    """One bar per class, the most probable first, with its percentage and verbal probability."""
    page.paragraph(text("practice.bars"), BODY, bold=True, gap=1.2)
    left, width = page.l_margin, 0.62 * page.epw
    for code, probability in sorted(diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        name = title_text(code)
        if info.nature != "benign":
            name = text("sheet.nature", name=name, nature=text(f"nature.{info.nature}"))
        page.paragraph(name, gap=0.3)
        for color, part in ((TRACK, 1.0), (NATURE_COLORS[info.nature], probability)):
            page.set_fill_color(color)
            page.rect(left, page.y + 0.3, width * part, 2.4, style="F")
        said = text("sheet.said", value=format_percent(probability), word=verbal_probability(probability))
        page.paragraph(said, SMALL, indent=width + 2, gap=1.2)


def add_attention(page: Document, diagnosis: Diagnosis, k: int) -> None:
    """Both guided attention maps."""
    height = 14 + 4 * min(k, len(diagnosis.regions))
    page.ensure_space(height + 6)
    for_words, for_regions = (
        lambda: page.plot(
            lambda axes: draw_attention(axes, diagnosis, "words_to_regions", k), height, text("sheet.words-look")
        ),
        lambda: page.plot(
            lambda axes: draw_attention(axes, diagnosis, "regions_to_words", k), height, text("sheet.regions-look")
        ),
    )
    page.columns((0, 0.48, for_words), (0.52, 1, for_regions))


def add_occlusion(
    page: Document, diagnosis: Diagnosis, image: np.ndarray, hidden: Occlusion, label: str, texts: Sequence[str]
) -> None:
    """The occlusion map with texts beside it."""
    page.ensure_space(46)

    def beside() -> None:
        for sentence in texts:
            page.paragraph(sentence, gap=1.5)

    caption = text("sheet.points-lost", name=title_text(label))
    page.columns(
        (0, 0.31, lambda: page.plot(lambda axes: _draw_occlusion(axes, diagnosis, image, hidden, label), 40, caption)),
        (0.34, 1, beside),
    )


def add_uncertainty(page: Document, diagnosis: Diagnosis, doubted: Uncertainty | None) -> None:
    """Agreement of the eight views, and the reasons not to rely on the diagnosis."""
    why = uncertainty_warnings(doubted) if doubted else warning_texts(diagnosis.probabilities, diagnosis.novelty)
    page.paragraph(uncertainty_text(doubted) if doubted else text("sheet.missing.views"))
    if why:
        reasons = " ".join(translate(reason, page.language) for reason in why)
        page.paragraph(text("sheet.reasons", reasons=reasons))
    else:
        page.paragraph(text(f"sheet.no-warning.{'views' if doubted else 'diagnosis'}"))


def target_class(diagnosis: Diagnosis, label: str | None) -> str:
    """The label, the most probable class for None. Raises ConfigError for one that the model does not have."""
    label = label or diagnosis.top
    if label not in diagnosis.probabilities:
        raise ConfigError(f"label must be one of {', '.join(diagnosis.probabilities)}; got {short_repr(label)}.")
    return label


def title_text(code: str) -> Text:
    """A class by its full name."""
    return text(f"option.{BY_CODE[code].name}")


def occlusion_or_missing(result: Occlusion | None, label: str) -> Text:
    """What hiding says about a class, or that it was not computed."""
    return occlusion_text(result, label) if result else text("sheet.missing.occlusion")


def ablation_or_missing(result: Ablation | None, label: str) -> Text:
    """What removing says about a class, or that it was not computed."""
    return ablation_text(result, label) if result else text("sheet.missing.ablation")


def verbal_probability(probability: float) -> Text:
    """The name of a probability of 0 to 1 on VERBAL_SCALE."""
    return next(name for limit, name in VERBAL_SCALE if probability >= limit)


def scale_texts() -> list[Text]:
    """VERBAL_SCALE in words."""
    steps = [text("sheet.scale-from", name=name, limit=f"{limit:.0%}") for limit, name in VERBAL_SCALE[:-1]]
    return [*steps, text("sheet.scale-else", name=VERBAL_SCALE[-1][1])]


def verdict(diagnosis: Diagnosis) -> Text:
    """The two most probable classes in numbers and words."""
    (first, p), (second, q) = sorted(diagnosis.probabilities.items(), key=lambda item: -item[1])[:2]
    return text(
        "sheet.verdict", first=text("sheet.named", name=title_text(first), value=format_percent(p)),
        first_word=verbal_probability(p), second=text("sheet.named", name=title_text(second), value=format_percent(q)),
        second_word=verbal_probability(q),
    )  # fmt: skip


def _draw_regions(axes: Axes, diagnosis: Diagnosis, image: np.ndarray, k: int, order: str) -> None:
    draw_regions(axes, diagnosis, image, k, order)
    axes.set_anchor("NW")


def _draw_occlusion(axes: Axes, diagnosis: Diagnosis, image: np.ndarray, hidden: Occlusion, label: str) -> None:
    """The image under its grid: orange tiles spoke for the class, blue ones against it, with percentage points."""
    effect = hidden.map(label)
    (height, width), (rows, columns) = diagnosis.regions.size, effect.shape
    colors = np.where(effect[..., None] > 0, FOR, AGAINST)
    opacity = 0.75 * np.abs(effect) / max(0.05, float(np.abs(effect).max()))
    axes.imshow(image, extent=(0, width, height, 0), interpolation="lanczos")
    axes.imshow(np.dstack([colors, opacity]), extent=(0, width, height, 0), interpolation="nearest")
    box = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    for row, column in np.argwhere(np.abs(effect) >= 0.01):
        x, y = (column + 0.5) * width / columns, (row + 0.5) * height / rows
        points = format_signed(100 * effect[row, column], 0)
        axes.text(x, y, points, fontsize=5.5, ha="center", va="center", color=INK, bbox=box)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.set_anchor("NW")
