"""Colors of classes and of kinds of regions, the same everywhere.

Class colors have a contrast of at least 3 : 1 on white and on the page's dark #15202a, and a line style each. The three
most common classes have colors of Okabe and Ito (2008); the others maximize the distance for normal and red-green
deficient vision (Machado 2009). Colors of kinds are light, for photographs of skin, with a dark halo.
"""

from ..data.labels import BY_CODE

# code -> color, and dashes in line widths, () for a solid line
_CLASSES: dict[str, tuple[str, tuple[float, ...]]] = {
    "mel": ("#d55e00", ()),
    "nv": ("#0072b2", (4, 2)),
    "bkl": ("#009e73", (6, 2, 1, 2)),
    "bcc": ("#aa00ff", (5, 1, 1, 1, 1, 1)),
    "akiec": ("#998a4c", (8, 3)),
    "vasc": ("#7f7fff", (1, 1.5)),
    "df": ("#b286a4", (2, 2)),
}
UNKNOWN_CLASS: tuple[str, tuple[float, ...]] = ("#7f7f7f", (3, 3))
# evidence for and against a class (Okabe and Ito 2008)
FOR, AGAINST = "#d55e00", "#0072b2"
NATURE_COLORS = {"benign": "#5b7f95", "premalignant": "#b07600", "malignant": "#c2410c"}
NEUTRAL = NATURE_COLORS["benign"]  # of shares
INK, PAPER, HALO = "#17242f", "#ffffff", "#10161b"
KINDS = {"lesion": "#f0e442", "border": "#56b4e9", "patch": "#f5a3d0", "skin": "#5fd3ac", "image": "#d9d9d9"}
UNKNOWN_KIND = "#ffffff"


def class_color(code: str) -> str:
    """Color of a class, '#rrggbb'; grey for an unknown code."""
    return _CLASSES.get(code, UNKNOWN_CLASS)[0]


def class_dashes(code: str) -> tuple[float, ...]:
    """Dashes of a class's line in line widths; () is solid."""
    return _CLASSES.get(code, UNKNOWN_CLASS)[1]


def rgb(color: str) -> str:
    """'#d55e00' as '213, 94, 0', for CSS that adds an opacity."""
    return ", ".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))


def kind_color(kind: str) -> str:
    """Color of a region's kind, '#rrggbb': one for all seven diagnoses, white for unknown kinds."""
    return KINDS.get("lesion" if kind in BY_CODE else kind, UNKNOWN_KIND)
