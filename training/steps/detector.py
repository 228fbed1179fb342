"""Step 'detector': Faster R-CNN on boxes of the masks: the lesion with its diagnosis and, if asked for, its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from tqdm import tqdm

from mat_core.data.ham10000 import Case, Dataset
from mat_core.data.labels import CODES, PARTS
from mat_core.errors import DataError
from mat_core.inference.bundle import DETECTOR
from mat_core.models.detection.regions import Regions
from mat_core.models.detection.torchvision_detector import DetectorConfig, TorchvisionDetector

from ..data.augment import Augmentation
from ..data.dataset import Views, epoch_order, lesion_box, loader, read_image, to_tensor
from ..data.region_boxes import PartSettings, part_boxes
from ..engine.loop import fit
from ..engine.recipe import Recipe
from ..results.detection_metrics import detector_metrics

PREFIX = "detector."  # of the detector's own weights in a run


@dataclass(frozen=True)
class DetectorSettings:
    """The backbone's first blocks stay as the classifier left them: their backward pass costs most and gains least.

    frozen_blocks: all layers up to the last feature map of a stride of at most 2 ** frozen_blocks; 0: none.
    """

    config: DetectorConfig = DetectorConfig()
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=2, batch_size=16, lr=4e-4, average=0.995))
    augmentation: Augmentation = Augmentation()
    balance: float = 0.5
    frozen_blocks: int = 2
    samples: int = 64  # boxes of an image that the box head learns from
    positives: float = 0.25  # at most this share of them on a target
    diagnosis_weight: float = 0.0  # of the second reading, see `_Learner`
    parts: PartSettings = PartSettings()  # of the parts that config.kinds names


class DetectorSource(Protocol):
    """The detector that makes features: `kind` and `config` as `build_detector` takes them, and the weights."""

    kind: str
    config: object
    weights: Path

    def load(self) -> nn.Module:
        """The detector with these weights, in eval mode."""


@dataclass(frozen=True)
class TorchvisionSource:
    """A detector that `train_detector` or a bundle left."""

    config: DetectorConfig
    weights: Path
    kind: str = "torchvision"

    def load(self) -> TorchvisionDetector:
        """In eval mode."""
        model = TorchvisionDetector(self.config)
        learnt = load_file(self.weights)
        # in a run, the second reading's weights lie beside the detector's
        own = {k.removeprefix(PREFIX): v for k, v in learnt.items() if k.startswith(PREFIX)} or learnt
        model.load_state_dict(own)
        return model.eval()


def train_detector(
    data: Dataset, run: Path, backbone: Path, settings: DetectorSettings = DetectorSettings()
) -> dict[str, float]:
    """Train from the weights of the backbone step; leaves run/best.safetensors and returns val's metrics."""
    recipe = settings.recipe
    train = [c for c in data.of("train") if c.mask is not None]
    val = [c for c in data.of("val") if c.mask is not None]
    if not train or not val:
        raise DataError("The detector learns from lesion masks, and this folder has none for train or val.")
    torch.manual_seed(recipe.seed)  # of all weights but the backbone's
    model = _Learner(settings)
    _load_body(model.detector, backbone)
    _freeze(model.detector, settings.frozen_blocks)
    item = partial(_item, settings=settings)
    labels = [c.label for c in train]

    def batches(epoch: int):
        views = Views(
            train, epoch_order(labels, epoch, recipe.seed, settings.balance), _size(settings.config),
            settings.augmentation, item, masks=True, seed=recipe.seed, epoch=epoch,
        )  # fmt: skip
        return loader(views, recipe.batch_size, collate=_collate, drop_last=True)

    def loss_of(model: nn.Module, batch) -> Tensor:
        images, targets = batch
        return model([image.float() / 255 for image in images], targets)

    def validate(model: nn.Module) -> dict[str, float]:
        metrics = detector_metrics(val, find_regions(model.detector, val))
        # both halves of its task: to find the lesion, and to tell what it is
        return {"score": (metrics["lesion_top"] + metrics["class_head_lrap"]) / 2, **metrics}

    settings_written = {"step": "detector", "settings": settings}
    return fit(run, model, recipe, settings_written, batches, loss_of, validate, "score")


def trained_detector(run: Path, config: DetectorConfig) -> TorchvisionSource:
    """The trained detector of a run. Raises DataError where there is none."""
    path = run / "best.safetensors"
    if not path.is_file():
        raise DataError(f"There is no trained detector in {run}. Run the step 'detector' first.")
    return TorchvisionSource(config, path)


def bundle_source(folder: Path, config: DetectorConfig) -> TorchvisionSource:
    """The detector of a bundle, its regions described as `config` says. Raises DataError if it has none that fits."""
    path = folder / DETECTOR
    if not path.is_file():
        raise DataError(f"{folder} is no bundle with a detector of its own: it has no {DETECTOR}.")
    source = TorchvisionSource(config, path)
    try:
        source.load()
    except RuntimeError:
        raise DataError(f"The detector in {folder} was trained with another plan: give --preset of that one.") from None
    return source


def find_regions(model: TorchvisionDetector, cases: Sequence[Case], batch_size: int = 16) -> list[Regions]:
    """Regions of the plain photographs, at the detector's own size."""
    size = _size(model.config)
    found = []
    for start in tqdm(range(0, len(cases), batch_size), desc="regions", unit="batch", mininterval=5):
        found += model.detect_batch([read_image(case, size) for case in cases[start : start + batch_size]])
    return found


def _size(config: DetectorConfig) -> tuple[int, int]:
    return config.short_side, config.long_side


def _load_body(model: TorchvisionDetector, weights: Path) -> None:
    if not weights.is_file():
        raise DataError(f"There is no trained backbone in {weights.parent}. Run the step 'backbone' first.")
    parts = [model.rcnn.backbone.body]
    if "last" in model.config.features:
        parts.append(model.region_features.last)
    learnt = {_flat(key): value for key, value in load_file(weights).items()}
    try:
        for part in parts:
            wanted = part.state_dict()
            part.load_state_dict({key: learnt[_flat(key)] for key in wanted if _flat(key) in learnt})
    except RuntimeError:
        name = model.config.backbone
        raise DataError(
            f"{weights} is not a trained {name}. Run the step 'backbone' with the same --backbone, or give another "
            "--runs."
        ) from None


def _flat(key: str) -> str:
    """A weight's name in a classifier and in timm's feature extractor of it, which names 'stages.0' 'stages_0'."""
    return key.removeprefix("model.").replace(".", "_")


def _freeze(model: TorchvisionDetector, blocks: int) -> None:
    body = model.rcnn.backbone.body
    early = [_flat(i["module"]) for i in body.feature_info.info if blocks and i["reduction"] <= 2**blocks]
    if early:  # modules are in the order of the layers: everything up to the end of the last early one
        modules = list(body.named_modules())[1:]
        ends = [i for i, (name, _) in enumerate(modules) if f"{_flat(name)}_".startswith(f"{early[-1]}_")]
        if not ends:
            print(f"Which layers of {model.config.backbone} are early is not known: none is frozen.", flush=True)
        for _, module in modules[: max(ends, default=-1) + 1]:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)


def _item(case: Case, image: np.ndarray, mask: np.ndarray, settings: DetectorSettings):
    kinds = settings.config.kinds
    box = lesion_box(mask)
    targets = [(box, case.diagnosis)] if box else []
    if not set(kinds).isdisjoint(PARTS):
        targets += part_boxes(image, mask, settings.parts)
    boxes = torch.tensor([b for b, _ in targets], dtype=torch.float32).reshape(-1, 4)
    labels = torch.tensor([kinds.index(kind) + 1 for _, kind in targets], dtype=torch.int64)  # 0 is background
    return to_tensor(image), {"boxes": boxes, "labels": labels, "diagnosis": torch.tensor(case.label)}


class _Learner(nn.Module):
    """The detector and, while it learns, a second reading of its features: the diagnosis from every part of a lesion.

    The kind of a part ('border') does not tell the diagnosis, and its features need not either; but the MAT is to read
    it from them. Called with images and targets it returns the loss.
    """

    def __init__(self, settings: DetectorSettings):
        super().__init__()
        self.detector = TorchvisionDetector(settings.config)
        self.weight = settings.diagnosis_weight
        self.diagnosis = nn.Linear(settings.config.feature_width, len(CODES)) if self.weight else None
        self.on_lesion = [0, *(kind != "skin" for kind in settings.config.kinds)]
        heads = self.detector.rcnn.roi_heads
        heads.fg_bg_sampler = BalancedPositiveNegativeSampler(settings.samples, settings.positives)
        heads.box_head.register_forward_hook(lambda _module, _inputs, features: setattr(self, "features", features))
        select = heads.select_training_samples

        def remembering(proposals, targets):
            selected = select(proposals, targets)
            self.labels = selected[2]  # one tensor of kinds an image, in the order of the features
            return selected

        heads.select_training_samples = remembering

    def forward(self, images: list[Tensor], targets: list[dict[str, Tensor]]) -> Tensor:
        loss = sum(self.detector(images, targets).values())
        if self.diagnosis is not None:
            counts = torch.tensor([len(labels) for labels in self.labels], device=loss.device)
            truth = torch.stack([t["diagnosis"] for t in targets]).repeat_interleave(counts)
            used = torch.tensor(self.on_lesion, device=loss.device, dtype=torch.bool)[torch.cat(self.labels)]
            if used.any():
                read = self.diagnosis(self.features[used])
                loss = loss + self.weight * nn.functional.cross_entropy(read.float(), truth[used])
        self.features = self.labels = None
        return loss


def _collate(items):
    return [image for image, _ in items], [target for _, target in items]
