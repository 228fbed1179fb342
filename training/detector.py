"""Step 'detector': Faster R-CNN on the lesion boxes of the masks, with the seven diagnoses as classes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.ops import box_iou
from tqdm import tqdm

from mat_core.detectors.torchvision import DetectorConfig, TorchvisionDetector
from mat_core.errors import DataError
from mat_core.ham10000 import Case, Dataset
from mat_core.regions import Regions

from .augment import Augmentation
from .data import Views, epoch_order, lesion_box, loader, read_image, read_mask, to_tensor
from .engine import Recipe, fit
from .metrics import headline


@dataclass(frozen=True)
class DetectorSettings:
    """The backbone's first blocks stay as the classifier left them: their backward pass costs most and gains least."""

    config: DetectorConfig = DetectorConfig()
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=2, batch_size=16, lr=4e-4, average=0.995))
    augmentation: Augmentation = Augmentation()
    balance: float = 0.5
    frozen_blocks: int = 2


def train_detector(
    data: Dataset, run: Path, backbone: Path, settings: DetectorSettings = DetectorSettings()
) -> dict[str, float]:
    """Train from the weights of the backbone step; leaves run/best.safetensors and returns val's figures."""
    recipe = settings.recipe
    train = [c for c in data.of("train") if c.mask is not None]
    val = [c for c in data.of("val") if c.mask is not None]
    if not train or not val:
        raise DataError("The detector learns from lesion masks, and this folder has none for train or val.")
    model = TorchvisionDetector(settings.config)
    _load_body(model, backbone)
    _freeze(model, settings.frozen_blocks)
    labels = [c.label for c in train]

    def batches(epoch: int):
        views = Views(
            train, epoch_order(labels, epoch, recipe.seed, settings.balance), _size(settings.config),
            settings.augmentation, _item, masks=True, seed=recipe.seed, epoch=epoch,
        )  # fmt: skip
        return loader(views, recipe.batch_size, collate=_collate, drop_last=True)

    def loss_of(model: nn.Module, batch) -> Tensor:
        images, targets = batch
        return sum(model([image.float() / 255 for image in images], targets).values())

    def validate(model: nn.Module) -> dict[str, float]:
        figures = detector_figures(val, find_regions(model, val))
        # both halves of its task: to find the lesion, and to tell what it is
        return {"score": (figures["lesion_top"] + figures["class_head_lrap"]) / 2, **figures}

    settings_written = {"step": "detector", "settings": settings}
    return fit(run, model, recipe, settings_written, batches, loss_of, validate, "score")


def load_detector(run: Path, config: DetectorConfig) -> TorchvisionDetector:
    """The trained detector of a run, in eval mode."""
    path = run / "best.safetensors"
    if not path.is_file():
        raise DataError(f"There is no trained detector in {run}. Run the step 'detector' first.")
    model = TorchvisionDetector(config)
    model.load_state_dict(load_file(path))
    return model.eval()


def find_regions(model: TorchvisionDetector, cases: Sequence[Case], batch_size: int = 16) -> list[Regions]:
    """Regions of the plain photographs, at the detector's own size."""
    size = _size(model.config)
    found = []
    for start in tqdm(range(0, len(cases), batch_size), desc="regions", unit="batch", mininterval=5):
        found += model.detect_batch([read_image(case, size) for case in cases[start : start + batch_size]])
    return found


def detector_figures(cases: Sequence[Case], found: Sequence[Regions]) -> dict[str, float]:
    """How well regions meet the lesion, and what the class head alone knows.

    lesion_recall_K: share of images with a box of IoU >= .5 to the lesion's among the K best; lesion_top: the best box
    alone. mean_iou_K: mean IoU between pairs of the K best regions, low when regions differ. class_head_*: the figures
    of the best-scored region's class probabilities taken as the diagnosis. Cases without a mask are left out of recall.
    """
    overlaps, pairs = [], {10: [], 36: []}
    for case, regions in zip(cases, found, strict=True):
        boxes = torch.from_numpy(regions.boxes)
        for k, means in pairs.items():
            iou = box_iou(boxes[:k], boxes[:k])
            upper = iou[torch.triu(torch.ones_like(iou), diagonal=1).bool()]
            means.append(upper.mean().item() if len(upper) else 0.0)
        lesion = lesion_box(read_mask(case, regions.size)) if case.mask is not None else None
        if lesion is not None:
            overlaps.append(box_iou(boxes, torch.tensor([lesion], dtype=torch.float32))[:, 0].numpy())
    figures = {f"lesion_recall_{k}": float(np.mean([o[:k].max() >= 0.5 for o in overlaps])) for k in (10, 36, 100)}
    figures["lesion_top"] = float(np.mean([o[0] >= 0.5 for o in overlaps]))
    figures |= {f"mean_iou_{k}": float(np.mean(means)) for k, means in pairs.items()}
    figures["regions"] = float(np.mean([len(r) for r in found]))
    best = np.stack([r.probabilities[0] / max(r.probabilities[0].sum(), 1e-12) for r in found])
    classes = headline(best, np.array([c.label for c in cases]))
    return figures | {f"class_head_{name}": value for name, value in classes.items()}


def _size(config: DetectorConfig) -> tuple[int, int]:
    return config.short_side, config.long_side


def _load_body(model: TorchvisionDetector, weights: Path) -> None:
    if not weights.is_file():
        raise DataError(f"There is no trained backbone in {weights.parent}. Run the step 'backbone' first.")
    body = model.rcnn.backbone.body
    wanted = body.state_dict().keys()
    body.load_state_dict({k: v for k, v in load_file(weights).items() if k in wanted})


def _freeze(model: TorchvisionDetector, blocks: int) -> None:
    body = model.rcnn.backbone.body
    frozen = [body.conv_stem, body.bn1, *body.blocks[:blocks]] if blocks else []
    norms = [m for m in body.modules() if isinstance(m, nn.BatchNorm2d)]
    for module in frozen + norms:
        module.requires_grad_(False)


def _item(case: Case, image: np.ndarray, mask: np.ndarray):
    box = lesion_box(mask)
    boxes = torch.tensor([box] if box else [], dtype=torch.float32).reshape(-1, 4)
    labels = torch.full((len(boxes),), case.label + 1)  # 0 is background
    return to_tensor(image), {"boxes": boxes, "labels": labels}


def _collate(items):
    return [image for image, _ in items], [target for _, target in items]
