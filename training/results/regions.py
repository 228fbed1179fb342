"""How good a detector's regions are, and what its class head knows by itself."""

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.ops import box_iou

from mat_core.ham10000 import Case
from mat_core.labels import CODES
from mat_core.measuring.metrics import headline
from mat_core.regions import Regions

from ..data.views import lesion_box, read_mask


def detector_metrics(cases: Sequence[Case], found: Sequence[Regions]) -> dict[str, float]:
    """How well regions meet the lesion, and what the class head alone knows.

    lesion_recall_K: share of images with a box of IoU >= .5 to the lesion's among the K best; lesion_top: the best box
    alone. mean_iou_K: mean IoU between pairs of the K best regions, low when regions differ. class_head_*: the metrics
    of the first region's diagnoses taken as the answer, where the class head knows them. lesion_covered_36,
    image_covered_36: mean share of the lesion's mask, and of the image, under the 36 best regions. Cases without a mask
    are left out of recall and lesion_covered.
    """
    overlaps, pairs, covered = [], {10: [], 36: []}, {"lesion": [], "image": []}
    for case, regions in zip(cases, found, strict=True):
        boxes = torch.from_numpy(regions.boxes)
        for k, means in pairs.items():
            iou = box_iou(boxes[:k], boxes[:k])
            upper = iou[torch.triu(torch.ones_like(iou), diagonal=1).bool()]
            means.append(upper.mean().item() if len(upper) else 0.0)
        mask = read_mask(case, regions.size) if case.mask is not None else np.zeros(regions.size, np.uint8)
        lesion, under = lesion_box(mask), np.zeros(regions.size, dtype=bool)
        for x1, y1, x2, y2 in regions.boxes[:36].round().astype(int):
            under[y1:y2, x1:x2] = True
        covered["image"].append(under.mean())
        if lesion is not None:
            covered["lesion"].append(under[mask == 1].mean())
            overlaps.append(box_iou(boxes, torch.tensor([lesion], dtype=torch.float32))[:, 0].numpy())
    metrics = {f"lesion_recall_{k}": float(np.mean([o[:k].max() >= 0.5 for o in overlaps])) for k in (10, 36, 100)}
    metrics["lesion_top"] = float(np.mean([o[0] >= 0.5 for o in overlaps]))
    metrics |= {f"mean_iou_{k}": float(np.mean(means)) for k, means in pairs.items()}
    metrics |= {f"{what}_covered_36": float(np.mean(shares)) for what, shares in covered.items()}
    metrics["regions"] = float(np.mean([len(r) for r in found]))
    if not all(map(_knows_diagnoses, found)):
        return metrics
    classes = headline(first_diagnoses(found), np.array([c.label for c in cases]))
    return metrics | {f"class_head_{name}": value for name, value in classes.items()}


def first_diagnoses(found: Sequence[Regions]) -> np.ndarray:
    """What the class head says of each image's first region, the likeliest lesion: (images, classes), rows sum to 1.

    All classes are alike where it was not taught the diagnoses.
    """
    alike = np.full(len(CODES), 1 / len(CODES), np.float32)
    read = np.stack([
        r.probabilities[0, [r.kinds.index(code) for code in CODES]] if _knows_diagnoses(r) else alike for r in found
    ]).astype(np.float32)  # fmt: skip
    return read / np.maximum(read.sum(1, keepdims=True), 1e-12)


def _knows_diagnoses(regions: Regions) -> bool:
    return set(CODES) <= set(regions.kinds)
