"""Inference: a first diagnosis, other metadata, each explanation, figures, throughput, memory."""

import sys

from interface.state.explorer_payload import to_json, to_payload
from mat_core import Metadata
from mat_core.data.image_loading import load_image
from mat_core.data.metadata import SEXES
from mat_core.explain import ablate, ablation_faithfulness, contributions, metadata_sweep, occlude, tta_uncertainty
from mat_core.figures import heatmap, plot_diagnosis, to_png

from .inputs import METADATA, Inputs
from .timing import Row, Skipped, measure

try:
    import resource
except ImportError:  # Windows
    resource = None

BATCH = 16  # images


def first(inputs: Inputs) -> list[Row]:
    """First diagnosis of an image, from bytes to Diagnosis, and its parts; also at 12 megapixels."""
    diagnoser, image, regions = inputs.diagnoser, inputs.image, inputs.regions
    functions = {
        "decode": lambda: load_image(inputs.file),
        "detect": lambda: diagnoser.bundle.detector.detect(image),
        "network, with novelty": lambda: inputs.uncached().diagnose_regions(regions, METADATA),
        "first diagnosis, 600 x 450": lambda: inputs.uncached()(inputs.file, METADATA),
        "first diagnosis, 12 megapixels": lambda: inputs.uncached()(inputs.large_file, METADATA),
    }
    return list(measure(functions, inputs.seconds).values())


def metadata(inputs: Inputs) -> list[Row]:
    """Other metadata for an image whose regions are cached."""
    diagnoser, regions = inputs.diagnoser, inputs.regions
    others = [Metadata(age, sex, "back") for age in range(20, 80, 5) for sex in SEXES]

    def change() -> None:
        others.append(others.pop(0))
        diagnoser.diagnose_regions(regions, others[0])

    return list(measure({"other metadata": change}, inputs.seconds).values())


def figures(inputs: Inputs) -> list[Row]:
    """Figures of a diagnosis: regions, heat map, and the attention explorer's JSON with its size."""
    diagnosis = inputs.diagnoser.diagnose_regions(inputs.regions, METADATA)
    added = contributions(inputs.diagnoser, diagnosis)
    functions = {
        "plate as PNG": lambda: to_png(plot_diagnosis(diagnosis, inputs.image)),
        "heat map as PNG": lambda: to_png(heatmap(diagnosis, "words_to_regions")),
        "explorer's JSON": lambda: to_json(to_payload(diagnosis, inputs.image, added)),
    }
    *images, explorer = measure(functions, inputs.seconds).values()
    size = len(functions["explorer's JSON"]()) / 1000
    return [*images, Row(explorer.name, explorer.values, extra={"kB": round(size, 1)})]


def questions(inputs: Inputs) -> list[Row]:
    """Every explanation, with the settings of the page."""
    case = inputs.diagnoser, inputs.regions, METADATA
    functions = {
        "what if, 810 variants": lambda: metadata_sweep(*case),
        "ablation, 100 regions": lambda: ablate(*case),
        "agreement": lambda: ablation_faithfulness(*case),
        "eight views": lambda: tta_uncertainty(inputs.diagnoser, inputs.image, METADATA),
        "occlusion, 48 tiles": lambda: occlude(inputs.diagnoser, inputs.image, METADATA),
    }
    return list(measure(functions, inputs.seconds).values())


def throughput(inputs: Inputs) -> list[Row]:
    """Images per second, from bytes to Diagnosis: one by one, and detected as a batch."""
    diagnoser = inputs.diagnoser

    def one_by_one() -> None:
        for _ in range(BATCH):
            inputs.uncached()(inputs.file, METADATA)

    def together() -> None:
        images = [load_image(inputs.file) for _ in range(BATCH)]
        for regions in diagnoser.bundle.detector.detect_batch(images):
            diagnoser.diagnose_regions(regions, METADATA)

    functions = {f"{BATCH} images, one by one": one_by_one}
    if hasattr(diagnoser.bundle.detector, "detect_batch"):
        functions[f"{BATCH} images, detected together"] = together
    return [row.with_rate(BATCH, "images/s") for row in measure(functions, inputs.seconds).values()]


def memory(inputs: Inputs) -> list[Row | Skipped]:
    """Peak memory of this process so far; run alone, that of one diagnosis."""
    if resource is None:
        return [Skipped("peak memory", "this system does not report it")]
    inputs.uncached()(inputs.file, METADATA)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    return [Row("peak memory", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,), "MB")]
