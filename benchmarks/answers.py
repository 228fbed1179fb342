"""What a visitor waits for, in the core: the first answer, other metadata, each question, many images in a row."""

import resource
import sys

from mat_core import Metadata
from mat_core.exploration import to_json, to_payload
from mat_core.images import load_image
from mat_core.metadata import SEXES

from .case import METADATA, Case
from .timing import Row, measure

BATCH = 16  # images


def first(case: Case) -> list[Row]:
    """The first diagnosis of an image, bytes to Diagnosis, and its parts apart; the same for 12 megapixels."""
    diagnoser, image, regions = case.diagnoser, case.image, case.regions
    return list(
        measure(
            {
                "decode": lambda: load_image(case.file),
                "detect": lambda: diagnoser.bundle.detector.detect(image),
                "network, with novelty": lambda: case.fresh().diagnose_regions(regions, METADATA),
                "first diagnosis, 600 x 450": lambda: case.fresh()(case.file, METADATA),
                "first diagnosis, 12 megapixels": lambda: case.fresh()(case.large_file, METADATA),
            },
            case.seconds,
        ).values()
    )


def metadata(case: Case) -> list[Row]:
    """Other metadata on an image that is known."""
    diagnoser, regions = case.diagnoser, case.regions
    others = [Metadata(age, sex, "back") for age in range(20, 80, 5) for sex in SEXES]

    def change() -> None:
        others.append(others.pop(0))
        diagnoser.diagnose_regions(regions, others[0])

    return list(measure({"other metadata": change}, case.seconds).values())


def figures(case: Case) -> list[Row]:
    """What is drawn of a diagnosis: the plate, the heat map of the guided attention, the explorer's JSON."""
    from mat_core.figures import heatmap, plate, to_png

    diagnosis = case.diagnoser.diagnose_regions(case.regions, METADATA)
    rows = measure(
        {
            "plate as PNG": lambda: to_png(plate(diagnosis, case.image)),
            "heat map as PNG": lambda: to_png(heatmap(diagnosis)),
            "explorer's JSON": lambda: to_json(to_payload(diagnosis, case.image)),
        },
        case.seconds,
    )
    size = len(to_json(to_payload(diagnosis, case.image))) / 1000
    rows["explorer's JSON"] = Row("explorer's JSON", rows["explorer's JSON"].values, more={"kB": round(size, 1)})
    return list(rows.values())


def questions(case: Case) -> list[Row]:
    """Every question of the view Question, as it is asked there."""
    from mat_core.explain import ablate, agree, doubt, occlude, what_if

    known = case.diagnoser, case.regions, METADATA
    ways = {
        "what if, 810 variants": lambda: what_if(*known),
        "ablation, 100 regions": lambda: ablate(*known),
        "agreement": lambda: agree(*known),
        "eight views": lambda: doubt(case.diagnoser, case.image, METADATA),
        "occlusion, 48 tiles": lambda: occlude(case.diagnoser, case.image, METADATA),
    }
    return list(measure(ways, case.seconds, warm_up=1).values())


def throughput(case: Case) -> list[Row]:
    """Images a second, bytes to Diagnosis: one after the other, and detected together."""
    diagnoser = case.diagnoser

    def one_by_one() -> None:
        for _ in range(BATCH):
            case.fresh()(case.file, METADATA)

    def together() -> None:
        images = [load_image(case.file) for _ in range(BATCH)]
        for regions in diagnoser.bundle.detector.detect_batch(images):
            diagnoser.diagnose_regions(regions, METADATA)

    ways = {f"{BATCH} images, one by one": one_by_one}
    if hasattr(diagnoser.bundle.detector, "detect_batch"):
        ways[f"{BATCH} images, detected together"] = together
    rows = measure(ways, case.seconds).values()
    return [Row(r.name, r.values, r.unit, {"images/s": round(1000 * BATCH / r.median, 1)}) for r in rows]


def memory(case: Case) -> list[Row]:
    """Memory of this process at its largest, after whatever was measured in it; alone: of one diagnosis."""
    case.fresh()(case.file, METADATA)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # of what the system counts in
    return [Row("peak memory", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,), "MB")]
