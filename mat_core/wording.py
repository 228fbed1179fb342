"""Numbers and names as people read them; every sentence, table and picture writes them by these few functions.

A probability or a share is in percent with one decimal. A change is in points of percent and has its sign: with minus
without, so that what is positive spoke for the class. Log-odds have a sign too. The minus is a true one.
"""

from .labels import BY_CODE

MINUS = "\N{MINUS SIGN}"
SIGN = "with it minus without it: positive, it spoke for the class; negative, against it"


def share(value: float) -> str:
    """A probability or a share, 0 to 1: '84.1%'. What is not quite nothing or everything is not written as if it were:
    '<0.1%', '>99.9%'.
    """
    if 0 < value < 0.0005:
        return "<0.1%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{100 * value:.1f}%"


def points(change: float) -> str:
    """A difference of two shares, -1 to 1, with its sign and without a unit: '+7.1', '−0.3', '0.0'."""
    return signed(100 * change, 1)


def change(difference: float) -> str:
    """The same with its unit: '+7.1 points', '−0.3 points', '0.0 points'."""
    return f"{points(difference)} points"


def width(difference: float) -> str:
    """A spread or a distance of shares, 0 to 1, which has no sign: '3.2 points'."""
    return f"{100 * difference:.1f} points"


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign: '+0.71', '−1.20'; what rounds to nothing has none: '0.00'."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def percent(weight: float) -> str:
    """A weight of 0 to 1 as percent without the sign, short, for cells: '23', '4.1', '0.2', '<0.1'."""
    value = 100 * weight
    if 0 < value < 0.05:
        return "<0.1"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def of_hundred(value: float) -> str:
    """A share, 0 to 1, as so many of a hundred: '95'."""
    return f"{100 * value:.0f}"


def counted(number: int, what: str) -> str:
    """'1 region', '3 regions'."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def class_name(label: str) -> str:
    """'melanoma' for 'mel': as it stands inside a sentence; a class of another data set as it is called there."""
    name = class_title(label)
    return name if label not in BY_CODE else name[0].lower() + name[1:]


def class_title(label: str) -> str:
    """'Melanoma' for 'mel': as it stands by itself."""
    return BY_CODE[label].name if label in BY_CODE else label


def nature(label: str) -> str:
    """'benign', 'premalignant' or 'malignant', by the one table in `labels`; nothing for a class that is not in it."""
    return BY_CODE[label].nature if label in BY_CODE else ""
