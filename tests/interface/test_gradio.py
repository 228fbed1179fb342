"""What is used of Gradio is public, so that its next minor version can be installed."""

import ast

from conftest import ROOT

INTERNAL = {
    f"gradio.{name}"
    for name in (
        "block_function", "blocks", "component_meta", "context", "data_classes", "processing_utils", "queueing",
        "route_utils", "routes", "server_messages", "state_holder", "utils",
    )
}  # fmt: skip
NO_PUBLIC_NAME = {"_data"}  # the whole payload of a gr.EventData


def private(source: str) -> list[str]:
    """Internal modules of Gradio that are imported, and underscored attributes of other objects than self."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            names = [alias.name for alias in node.names]
            paths = [f"{module}.{name}" if module else name for name in names] + [module]
            if getattr(node, "level", 0) == 0:
                found += [
                    path for path in paths
                    if path.split(".")[0].startswith("gradio")
                    and (path in INTERNAL or any(part.startswith("_") for part in path.split(".")))
                ]  # fmt: skip
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not own and node.attr not in NO_PUBLIC_NAME:
                found.append(node.attr)
    return found


def test_the_app_touches_no_private_name_of_gradio():
    files = [ROOT / "app.py", *sorted((ROOT / "interface").rglob("*.py"))]
    assert {str(path.relative_to(ROOT)): names for path in files if (names := private(path.read_text("utf-8")))} == {}
