"""One colour for each class and one for each kind of region, the same in every picture, chart and page.

Class colours stand on a page, light or dark, and as lines: each has a contrast of at least 3 : 1 on white and on the
page's dark #15202a, and a line style of its own, so that colour never says anything alone. Within that band of
lightness seven colours cannot be as far apart as Okabe and Ito's (2008): theirs are kept for the three commonest
classes, the others were searched to be furthest from them and from each other with normal and with red-green blind
vision (Machado 2009). Kind colours lie on photographs of skin, with a dark halo: they are light.
"""

from .labels import BY_CODE

# code -> colour, and the lengths of line and gap, in widths of the line; nothing for a solid one
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
KINDS = {"lesion": "#f0e442", "border": "#56b4e9", "patch": "#f5a3d0", "skin": "#5fd3ac"}
UNKNOWN_KIND = "#ffffff"


def class_colour(code: str) -> str:
    """The colour of a class by its code, '#rrggbb'; grey for a class of another data set."""
    return _CLASSES.get(code, UNKNOWN_CLASS)[0]


def class_dashes(code: str) -> tuple[float, ...]:
    """How the line of a class is broken: lengths of line and gap, in widths of the line; () is solid."""
    return _CLASSES.get(code, UNKNOWN_CLASS)[1]


def kind_colour(kind: str) -> str:
    """The colour of a region's kind, '#rrggbb': a lesion's for each of the seven codes, white for what is no part."""
    return KINDS.get("lesion" if kind in BY_CODE else kind, UNKNOWN_KIND)
