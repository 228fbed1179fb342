"""Our ES modules as the one script that Gradio's js_on_load takes: no build step, and no request from the page.

Node and editors load the same files as they are; the page gets them as text, each in a function of its own.
"""

import posixpath
import re
from pathlib import Path

IMPORT = re.compile(r"^import \{\s*(\w+(?:,\s*\w+)*),?\s*\} from '(\./[\w-]+\.js|\.\./shared/[\w-]+\.js)';$", re.M)
EXPORT = re.compile(r"^export (?=(?:async function|function|const) (\w+))", re.M)
OTHER = re.compile(r"^(?:import|export)\b.*", re.M)


def joined(entry: Path, call: str) -> str:
    """A function's body that runs `call`, an expression of what the module `entry` exports.

    Each module behind it, once and after all that it imports, is a function that returns what it exports: its other
    names are its own. Raises ValueError for a circle, and for what is not written as in assets/ (`import {a, b} from
    './file.js';` or '../shared/file.js', `export function`, `export async function` or `export const` of one name at
    the start of a line).
    """
    modules: dict[str, str] = {}

    def add(name: str, importers: tuple[str, ...]) -> None:
        if name in importers:
            raise ValueError(f"modules import each other in a circle: {' > '.join((*importers, name))}")
        if name in modules:
            return
        source = (entry.parent / name).read_text(encoding="utf-8")

        def path(found: re.Match) -> str:  # from the entry's folder, so that one file has one name
            return posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2]))

        for found in IMPORT.finditer(source):
            add(path(found), (*importers, name))
        body = EXPORT.sub("", IMPORT.sub(lambda found: f"const {{{found[1]}}} = modules['{path(found)}'];", source))
        if odd := OTHER.search(body):
            raise ValueError(f"{name}: this form cannot be joined: {odd[0]}")
        given = ", ".join(EXPORT.findall(source))
        modules[name] = f"modules['{name}'] = (() => {{\n'use strict';\n{body}\nreturn {{{given}}};\n}})();\n"

    add(entry.name, ())
    return f"const modules = {{}};\n{''.join(modules.values())}modules['{entry.name}'].{call};\n"
