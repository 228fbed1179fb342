"""How often the photograph check warns: a section of RESULTS.md."""

from .formatting import section, table


def quality_text(quality: dict | None) -> str:
    """quality: docs/results/image-quality.json, None where it is missing."""
    if quality is None:
        return section("no_quality") + "\n"
    rows = [
        [kind, _percent(quality["clean"]["kinds"][kind]), _percent(row), row["how"]]
        for kind, row in quality["spoiled"].items()
    ]
    outside = ", ".join(f"{name} {share:g} %" for name, share in quality["outside"].items())
    values = {name: quality[name] for name in ("train", "images", "split")}
    return section(
        "quality", **values, outside=outside, clean=_percent(quality["clean"]),
        table=table("| warning | unchanged | spoiled | how |", rows),
    ) + "\n"  # fmt: skip


def _percent(share: dict) -> str:
    low, high = share["interval95"]
    return f"{100 * share['value']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
