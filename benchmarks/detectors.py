"""The detector against torchvision's stock ones, and its training step. Random weights stand for any: speed alone."""

import numpy as np
import torch

from mat_core.detectors.torchvision import TorchvisionDetector
from mat_core.labels import CODES
from mat_core.phantoms import make_phantom

from .case import METADATA, SIZE, Case
from .networks import autocast
from .timing import Row, measure, with_gain

STEP_BATCH = 16


def detectors(case: Case) -> list[Row]:
    """Ours, ours with the MAT, and torchvision's two at their default sizes, on the same image."""
    from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn, fasterrcnn_resnet50_fpn

    with torch.random.fork_rng():
        torch.manual_seed(0)
        stock = {
            "stock ResNet-50 FPN": fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval(),
            "stock MobileNet v3 320 FPN": fasterrcnn_mobilenet_v3_large_320_fpn(
                weights=None, weights_backbone=None
            ).eval(),
        }
    diagnoser, image = case.diagnoser, case.image
    pixels = [torch.from_numpy(image.transpose(2, 0, 1).copy()) / 255]
    ours = diagnoser.bundle.detector
    ways = {name: lambda model=model: model(pixels) for name, model in stock.items()}
    ways["ours"] = lambda: ours.detect(image)
    ways["ours and the MAT"] = lambda: diagnoser.diagnose_regions(ours.detect(image), METADATA)
    if isinstance(ours, TorchvisionDetector):
        tensor = torch.zeros(1, 3, *ours_size(ours))
        ways["our backbone and pyramid"] = lambda: ours.maps(tensor)
        ways["the same in bfloat16"] = autocast(lambda: ours.maps(tensor))
    with torch.inference_mode():
        rows = measure(ways, case.seconds)
    first = rows["stock ResNet-50 FPN"]
    return [first, *(with_gain(row, first) for name, row in rows.items() if row is not first)]


def detector_step(case: Case) -> list[Row]:
    """A training step of the detector of the preset 'two-cores', all its layers learning, on drawn lesions."""
    from training.data.parts import part_boxes
    from training.data.views import lesion_box, to_tensor
    from training.engine.loop import make_accelerator
    from training.engine.speed import backward_mode, keep_memory
    from training.presets import PRESETS

    keep_memory()  # as `training` does
    settings, accelerator = PRESETS["two-cores"].detector, make_accelerator()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TorchvisionDetector(settings.config)
    images, targets = [], []
    for seed in range(STEP_BATCH):
        code = CODES[seed % len(CODES)]
        phantom = make_phantom(seed, code, (settings.config.short_side, settings.config.long_side))
        boxes = [(lesion_box(phantom.mask), code), *part_boxes(phantom.image, phantom.mask, settings.parts)]
        images.append(to_tensor(phantom.image).float() / 255)
        targets.append(
            {
                "boxes": torch.tensor([box for box, _ in boxes], dtype=torch.float32),
                "labels": torch.tensor([settings.config.kinds.index(kind) + 1 for _, kind in boxes]),
            }
        )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    model.train()
    backward = backward_mode(model, accelerator)

    def step() -> None:
        with accelerator.autocast():
            loss = torch.stack(list(model(images, targets).values())).sum()
        with backward():
            loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    (row,) = measure({f"detector's step, {STEP_BATCH} images": step}, case.seconds, warm_up=1).values()
    return [Row(row.name, row.values, row.unit, {"images/s": round(1000 * STEP_BATCH / row.median, 1)})]


def ours_size(detector: TorchvisionDetector) -> tuple[int, int]:
    """Height and width that the detector sees `SIZE` in."""
    config = detector.config
    factor = min(config.short_side / min(SIZE), config.long_side / max(SIZE))
    return tuple(int(np.ceil(round(side * factor) / 32) * 32) for side in SIZE)
