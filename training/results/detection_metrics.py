"""Metrics of a detector's regions and of its class head."""

from collections.abc import Sequence

import numpy as np
import torch
from torchvision.ops import box_iou

from mat_core.data.ham10000 import Case
from mat_core.data.labels import WHOLE_IMAGE
from mat_core.evaluation.metrics import summary_metrics
from mat_core.models.detection.regions import Regions

from ..data.dataset import lesion_box, read_mask


def detector_metrics(cases: Sequence[Case], detections: Sequence[Regions]) -> dict[str, float]:
    """lesion_recall_K: share of images with a box of IoU >= .5 to the lesion's among the first K; lesion_top: of the
    first box. mean_iou_K: mean IoU between pairs of the first K regions. class_head_*: metrics of the first region's
    diagnosis as the prediction, if the class head has the diagnoses. lesion_covered_36, image_covered_36: mean share of
    the lesion's mask, and of the image, under the first 36. Cases without a mask count for neither recall nor lesion.
    A region that is the whole image is ignored.
    """
    overlaps, pairs, covered = [], {10: [], 36: []}, {"lesion": [], "image": []}
    for case, regions in zip(cases, detections, strict=True):
        regions = regions.select(np.array(regions.names) != WHOLE_IMAGE)
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
    metrics["regions"] = float(np.mean([len(r) for r in detections]))
    if not all(regions.has_diagnoses for regions in detections):
        return metrics
    classes = summary_metrics(first_diagnoses(detections), np.array([c.label for c in cases]))
    return metrics | {f"class_head_{name}": value for name, value in classes.items()}


def first_diagnoses(detections: Sequence[Regions]) -> np.ndarray:
    """`Regions.first_diagnosis` of each image: (images, classes)."""
    return np.stack([regions.first_diagnosis for regions in detections])
