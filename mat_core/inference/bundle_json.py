"""The JSON files of a bundle: small, not deep, and replaced as a whole."""

import json
from pathlib import Path

from ..errors import BundleError
from ..utils.files import TooLargeError, atomic_write, read_file

MAX_JSON = 2**20  # bytes of config.json or metrics.json; the largest that ships has 22 thousand
DEEPEST = 16  # nested objects in such a file
HOW = "Clone the project again, or make a bundle with: python -m training all."


def read_json(path: Path, finite: bool = False) -> dict:
    """An object of a file. finite: refuse NaN and infinity, which only metrics may contain. Raises BundleError."""
    try:
        value = json.loads(read_file(path, MAX_JSON).decode(), parse_constant=_refuse if finite else None)
    except FileNotFoundError:
        raise BundleError(f"The bundle {path.parent} lacks {path.name}. {HOW}") from None
    except TooLargeError:
        raise BundleError(f"{path} has more than {MAX_JSON // 2**20} MB, too much for a bundle. {HOW}") from None
    except (OSError, ValueError, RecursionError):
        raise BundleError(f"{path} is damaged: it is not readable JSON. {HOW}") from None
    if not isinstance(value, dict):
        raise BundleError(f"{path} is damaged: it holds no JSON object. {HOW}")
    if _deeper(value, DEEPEST):
        raise BundleError(f"{path} is damaged: objects are nested deeper than {DEEPEST} times. {HOW}")
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _deeper(value, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(depth == 0 or _deeper(v, depth - 1) for v in inner)


def write_json(value: dict, path: Path) -> None:
    """Replace a file."""
    text = json.dumps(value, indent=2) + "\n"
    atomic_write(path, lambda partial: partial.write_text(text, encoding="utf-8"))
