"""YAML as a lesson uses it: names with texts, numbers or one list of names below; each with its line.

PyYAML reads it, but nothing is made of what it reads: every value is the text as it was written, so that `no` is a
word and not a truth value, and each knows its line.
"""

from dataclasses import dataclass, field

import yaml

LONGEST = 400  # characters of a value
SHAPE = 'this is not `name: value`; a value with a colon or a # in it stands in quotes, name: "a: b"'


@dataclass
class Faults:
    """What is wrong with a file, as pairs of a line, from 1 on, and a sentence."""

    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        """One more."""
        self.found.append((line, sentence))


@dataclass(frozen=True)
class Entry:
    """A value and its line: a text, or the entries below by name."""

    line: int
    value: "str | dict[str, Entry]"

    @property
    def text(self) -> str:
        """The text; '' where there are entries."""
        return self.value if isinstance(self.value, str) else ""


def read_block(source: str, line: int, faults: Faults, deep: tuple[str, ...] = ()) -> dict[str, Entry]:
    """The names of a block with their values. line: that of its first line; deep: names that may have entries below.

    What is wrong is told to `faults` and left out.
    """
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source, Loader=yaml.SafeLoader)):
            faults.add(line, "a value that stands for another one (*name) is not read here.")
            return {}
        node = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(line + (mark.line if mark else 0), f"{SHAPE} ({error.problem}).")
        return {}
    except (yaml.YAMLError, RecursionError):
        faults.add(line, f"{SHAPE}.")
        return {}
    if node is None:
        return {}
    return _entries(node, line, faults, deep)


def _entries(node: yaml.Node, line: int, faults: Faults, deep: tuple[str, ...]) -> dict[str, Entry]:
    if not isinstance(node, yaml.MappingNode):
        faults.add(line + node.start_mark.line, "here is `name: value` expected, one a line.")
        return {}
    found: dict[str, Entry] = {}
    for key, value in node.value:
        at = line + key.start_mark.line
        if not isinstance(key, yaml.ScalarNode):
            faults.add(at, "a name is one word.")
        elif key.value in found:
            faults.add(at, f"`{key.value[:40]}` is there twice.")
        elif isinstance(value, yaml.ScalarNode):
            if len(value.value) > LONGEST:
                faults.add(at, f"the value of `{key.value[:40]}` has more than {LONGEST} characters.")
            else:
                found[key.value] = Entry(at, " ".join(value.value.split()))
        elif isinstance(value, yaml.MappingNode) and key.value in deep:
            found[key.value] = Entry(at, _entries(value, line, faults, ()))
        else:
            faults.add(at, f"`{key.value[:40]}` takes one value, on its line.")
    return found
