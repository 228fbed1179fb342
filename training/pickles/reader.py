"""Reading arrays out of a pickle without running it.

A pickle is a program: Python's own reader imports and calls whatever the file names. The weights of detectron2's model
zoo come as pickles all the same. So this module walks through the file's opcodes itself and knows only what a dict of
arrays is made of; nothing is imported, called or allocated because a file says so. Files of Python 2 (protocols 0 to 2,
text in latin-1) and Python 3 are read, and arrays by all names that numpy has given its rebuilding functions.
"""

from pathlib import Path

from mat_core.errors import BundleError

from .machine import Machine
from .stack import MAX_BYTES, NotAdmittedError


def read_pickle(path: str | Path):
    """The value that the pickle holds: arrays, numbers, text, bytes, None, and lists, tuples, sets and dicts of these.

    Raises BundleError for a file that is damaged, too large or no pickle, and for one that asks for anything else, by
    the name that it asks for.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BundleError(f"{path} has {size / 2**30:.1f} GiB; at most {MAX_BYTES // 2**30} GiB are read.")
        data = path.read_bytes()
    except FileNotFoundError:
        raise BundleError(f"There is no file {path}.") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        return Machine(len(data)).run(data)
    except NotAdmittedError as error:
        raise BundleError(
            f"{path} is not read: it asks for {error}, and a file of weights needs nothing but arrays and plain values."
        ) from None
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, MemoryError):
        # what a damaged program stumbles over, whichever opcode it reaches first
        raise BundleError(f"{path} is damaged or no pickle: download it again.") from None
