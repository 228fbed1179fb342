"""Format numbers for messages, tables and figures.

Probabilities are percentages with one decimal; changes are signed percentage points; the minus is U+2212.
"""

MINUS = "\N{MINUS SIGN}"
SIGN = "with it minus without it: positive, it spoke for the class; negative, against it"


def format_percent(value: float) -> str:
    """A probability, 0 to 1: '84.1%', '<0.1%', '>99.9%'."""
    if 0 < value < 0.0005:
        return "<0.1%"
    if 0.9995 <= value < 1:
        return ">99.9%"
    return f"{100 * value:.1f}%"


def format_points(change: float) -> str:
    """A difference of probabilities, -1 to 1, in points: '+7.1', '−0.3', '0.0'."""
    return format_signed(100 * change, 1)


def format_change(difference: float) -> str:
    """The same with its unit: '+7.1 points', '−0.3 points', '0.0 points'."""
    return f"{format_points(difference)} points"


def format_spread(difference: float) -> str:
    """A distance of probabilities, 0 to 1: '3.2 points'."""
    return f"{100 * difference:.1f} points"


def format_signed(value: float, digits: int = 2) -> str:
    """A number with its sign: '+0.71', '−1.20', '0.00'."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def format_cell_percent(weight: float) -> str:
    """A weight, 0 to 1, as percent for table cells: '23', '4.1', '0.2', '<0.1'."""
    value = 100 * weight
    if 0 < value < 0.05:
        return "<0.1"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def format_of_100(value: float) -> str:
    """A share, 0 to 1, of a hundred: '95'."""
    return f"{100 * value:.0f}"


def pluralize(number: int, noun: str) -> str:
    """'1 region', '3 regions'."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_line(error: Exception, length: int = 160) -> str:
    """The first line of an error's message, at most `length` characters; without a message, its type."""
    return (str(error).splitlines() or [""])[0][:length].rstrip(".") or type(error).__name__
