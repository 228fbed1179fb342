"""The detector against torchvision's own, and its training step. Weights that do not matter for speed are random."""

import math

import torch
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn, fasterrcnn_resnet50_fpn

from mat_core.data.labels import CODES
from mat_core.models.detection.torchvision_detector import TorchvisionDetector
from mat_core.utils.precision import has_native_bfloat16
from teaching.phantoms import make_phantom
from training.data.dataset import lesion_box, to_tensor
from training.data.region_boxes import part_boxes
from training.engine.cpu_tuning import backward_mode, disable_malloc_trim
from training.engine.loop import make_accelerator
from training.presets import PRESETS

from .hardware import NO_BFLOAT16
from .inputs import METADATA, SIZE, Inputs
from .mat import autocast
from .timing import Row, Skipped, measure

STEP_BATCH = 16


def detectors(inputs: Inputs) -> list[Row | Skipped]:
    """Our detector, alone and with the MAT, and two of torchvision's at their default sizes, on one image."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stock = {
            "stock ResNet-50 FPN": fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval(),
            "stock MobileNet v3 320 FPN": fasterrcnn_mobilenet_v3_large_320_fpn(
                weights=None, weights_backbone=None
            ).eval(),
        }
    diagnoser, image = inputs.diagnoser, inputs.image
    ours = diagnoser.bundle.detector
    pixels = [torch.from_numpy(image.transpose(2, 0, 1).copy()) / 255]
    functions = {name: lambda model=model: model(pixels) for name, model in stock.items()}
    functions["ours"] = lambda: ours.detect(image)
    functions["ours and the MAT"] = lambda: diagnoser.diagnose_regions(ours.detect(image), METADATA)
    skipped = []
    if isinstance(ours, TorchvisionDetector):
        tensor = torch.zeros(1, 3, *input_size(ours))
        functions["our backbone and pyramid"] = lambda: ours.rcnn.backbone(tensor)
        if has_native_bfloat16():
            functions["the same in bfloat16"] = autocast(lambda: ours.rcnn.backbone(tensor))
        else:
            skipped = [Skipped("the same in bfloat16", NO_BFLOAT16)]
    with torch.inference_mode():
        baseline, *rows = measure(functions, inputs.seconds).values()
    return [baseline, *(row.with_speedup(baseline) for row in rows), *skipped]


def detector_step(inputs: Inputs) -> list[Row]:
    """A training step of the detector of the preset 'two-cores', all layers trained, on synthetic lesions."""
    disable_malloc_trim()  # as `training` does
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

    (row,) = measure({f"detector's step, {STEP_BATCH} images": step}, inputs.seconds).values()
    return [row.with_rate(STEP_BATCH, "images/s")]


def input_size(detector: TorchvisionDetector) -> tuple[int, int]:
    """Height and width at which the detector sees an image of `SIZE`."""
    config = detector.config
    factor = min(config.short_side / min(SIZE), config.long_side / max(SIZE))
    return tuple(math.ceil(round(side * factor) / 32) * 32 for side in SIZE)
