"""Predict images in batches; the next batch is read meanwhile."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from ..data.image_loading import load_image
from ..errors import UserError
from ..inference.diagnoser import Diagnoser
from ..inference.out_of_distribution import OODScore
from ..models.detection.regions import Regions
from .inputs import Row
from .predictions import Prediction, prediction_of

BATCH = 16  # images: a batch of 400 x 300 pixels each takes some 300 MB


def predict_batches(
    diagnoser: Diagnoser, rows: Sequence[Row], size: int = BATCH
) -> Iterator[tuple[list[Prediction], list[tuple[Row, str]]]]:
    """Predict rows, `size` at a time. Yields for each batch its predictions, and (row, problem) for the other rows."""
    batches = [rows[at : at + size] for at in range(0, len(rows), size)]
    model = diagnoser.bundle.identity
    with ThreadPoolExecutor(1, "reading") as reader:
        ahead = [reader.submit(_read, batch) for batch in batches[:1]]
        for number, batch in enumerate(batches):
            images = dict(zip(batch, ahead.pop().result(), strict=True))
            ahead += [reader.submit(_read, later) for later in batches[number + 1 : number + 2]]
            readable = {row: image for row, image in images.items() if not isinstance(image, str)}
            results = dict(zip(readable, diagnose_all(diagnoser, list(readable.values()), list(readable)), strict=True))
            outcomes = [(row, results.get(row, image)) for row, image in images.items()]
            yield (
                [prediction_of(row, *result, model) for row, result in outcomes if isinstance(result, tuple)],
                [(row, result) for row, result in outcomes if isinstance(result, str)],
            )


def diagnose_all(
    diagnoser: Diagnoser, images: Sequence[np.ndarray], rows: Sequence[Row]
) -> list[tuple[dict[str, float], OODScore | None] | str]:
    """For each image, calibrated probabilities by code and novelty, or an error message.

    Equal to `Diagnoser` up to rounding.
    """
    regions = diagnoser.detect_batch(images) if images else []
    results: list[tuple[dict[str, float], OODScore | None] | str] = [r if isinstance(r, str) else "" for r in regions]
    inputs = []
    for i, case_regions in enumerate(regions):
        if isinstance(case_regions, Regions):
            try:
                inputs.append((i, case_regions, diagnoser.inputs(case_regions, rows[i].metadata)))
            except UserError as error:
                results[i] = str(error)
    if not inputs:
        return results
    bundle = diagnoser.bundle
    with torch.inference_mode():
        columns = (torch.cat(column) for column in zip(*(case for _, _, case in inputs), strict=True))
        logits = bundle.network(*columns, need_weights=True).logits.double().numpy()
    for (i, case_regions, _), row in zip(inputs, logits, strict=True):
        try:
            probabilities = dict(zip(bundle.labels, diagnoser.to_probabilities(row).tolist(), strict=True))
            results[i] = probabilities, bundle.novelty(case_regions) if bundle.novelty else None
        except UserError as error:
            results[i] = str(error)
    return results


def _read(rows: Sequence[Row]) -> list[np.ndarray | str]:
    """The image of each row, or an error message."""
    images: list[np.ndarray | str] = []
    for row in rows:
        try:
            images.append(load_image(row.path) if row.path and not row.problem else row.problem or "There is no image.")
        except UserError as error:
            images.append(str(error))
    return images
