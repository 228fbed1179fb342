"""Whole plans by name: everything that the steps need to know, in one place."""

from dataclasses import dataclass, field, replace

from mat_core.models.detection.torchvision_detector import DetectorConfig

from .data.augment import Augmentation
from .data.region_boxes import KINDS
from .engine.recipe import Recipe
from .networks.backbones import feature_levels
from .steps.backbone import BackboneSettings, Reweighting, with_model
from .steps.detector import DetectorSettings
from .steps.experiments import ExperimentSettings
from .steps.mat import MATSettings
from .steps.region_features import FeatureSettings


@dataclass(frozen=True)
class Plan:
    """The settings of every step."""

    backbone: BackboneSettings = field(default_factory=BackboneSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    mat: MATSettings = field(default_factory=MATSettings)
    rows: ExperimentSettings = ExperimentSettings()


def with_backbone(plan: Plan, name: str) -> Plan:
    """The plan with another timm model as its backbone, the levels found by stride. Raises ConfigError if unfit."""
    config = plan.detector.config
    levels = feature_levels(name, (config.short_side, config.long_side))
    detector = replace(plan.detector, config=replace(config, backbone=name, levels=levels))
    return replace(plan, backbone=with_model(plan.backbone, name), detector=detector)


COLORFUL = Augmentation(zoom=0.35, brightness=0.2, contrast=0.2, saturation=0.25, white_balance=0.1)

# a stronger backbone, a detector that knows parts of a lesion, and a fifth of train that neither of them has seen
TWO_CORES = Plan(
    BackboneSettings(
        name="tf_efficientnet_lite2", sizes=((168, 224),) * 6 + ((240, 320),) * 2,
        recipe=Recipe(epochs=8, batch_size=32, lr=8e-4, average=0.998), augmentation=COLORFUL, dropout=0.3,
        drop_path=0.1,
    ),
    DetectorSettings(
        # boxes may overlap: several views of the whole lesion tell its diagnosis better than one
        DetectorConfig(backbone="tf_efficientnet_lite2", pool=5, kinds=KINDS, nms_iou=0.75), augmentation=COLORFUL,
        samples=96, positives=0.5, diagnosis_weight=0.5,
    ),
    FeatureSettings((1,), 0.2, (0, 1, 2, 3), COLORFUL),
    MATSettings(
        recipe=Recipe(epochs=6, batch_size=64, lr=2e-4, weight_decay=0.05, average=0.998, patience=2),
        train_regions=64, by_lesion=True,
    ),
)  # fmt: skip

# the following trainings of the backbone were tried and ship nothing: CONTRIBUTING has the figures. Twice the epochs
LONG = replace(
    TWO_CORES,
    backbone=replace(
        TWO_CORES.backbone, sizes=((168, 224),) * 12 + ((240, 320),) * 4,
        recipe=replace(TWO_CORES.backbone.recipe, epochs=16), drop_path=0.2,
    ),
)  # fmt: skip

# twice the epochs, half of the batches mixed until the last
MIXED = replace(
    TWO_CORES,
    backbone=replace(
        TWO_CORES.backbone, sizes=((168, 224),) * 13 + ((240, 320),) * 3,
        recipe=replace(TWO_CORES.backbone.recipe, epochs=16), mixup=0.4, cutmix=1.0, mixed=0.5, unmixed=3,
    ),
)  # fmt: skip

# Yao et al. (IEEE TMI 2022): crops, RandAugment, first features and then balance; the last epochs see what the detector
# sees. Six hours on two cores
CROPS = replace(
    TWO_CORES,
    backbone=replace(
        TWO_CORES.backbone, sizes=((300, 400),) * 60 + ((240, 320),) * 4,
        recipe=replace(TWO_CORES.backbone.recipe, epochs=64, batch_size=64, average=0.999), balance=0.0,
        drop_path=0.2, crop=(224, 224), whole=4, operations=2, reweighting=Reweighting(1.2, 20, 60),
    ),
)  # fmt: skip

# the same to its end on growing images (progressive resizing, Tan & Le 2021): half of the time
PROGRESSIVE = replace(
    CROPS,
    backbone=replace(
        CROPS.backbone, sizes=((171, 228),) * 30 + ((214, 286),) * 20 + ((300, 400),) * 10 + ((240, 320),) * 4
    ),
)  # fmt: skip

# `crops` from the backbone that ships: --backbone-weights checkpoints/sga-sga/detector.safetensors
REFINED = replace(
    CROPS,
    backbone=replace(
        CROPS.backbone, sizes=((171, 228),) * 8 + ((214, 286),) * 8 + ((300, 400),) * 5 + ((240, 320),) * 3,
        recipe=replace(CROPS.backbone.recipe, epochs=24, lr=4e-4), whole=3, reweighting=Reweighting(0.6, 10, 21),
    ),
)  # fmt: skip


def _from_maps(features: tuple[str, ...], part_features: tuple[str, ...] | None = None) -> Plan:
    """Regions described by the frozen classifier's own maps (Anderson et al. 2018), the whole image one of them."""
    config = replace(REFINED.detector.config, features=features, part_features=part_features, whole_image=True)
    return replace(
        REFINED,
        detector=replace(REFINED.detector, config=config, frozen_blocks=5),
        features=FeatureSettings((1,), 0.2, (0, 1), COLORFUL),
        mat=replace(REFINED.mat, fixed_regions=2),
    )


# the shipped detector, parts of the lesion described by its early maps alone: --detector bundle:checkpoints/sga-sga
LESION_AND_PARTS = replace(
    TWO_CORES,
    detector=replace(
        TWO_CORES.detector,
        config=replace(TWO_CORES.detector.config, features=("head", "local"), part_features=("local",)),
    ),
)

# whole images of the detector's size all along, four times the epochs, RandAugment
WHOLE = replace(
    TWO_CORES,
    backbone=replace(
        TWO_CORES.backbone, sizes=((240, 320),) * 32,
        recipe=replace(TWO_CORES.backbone.recipe, epochs=32, batch_size=64, average=0.999), drop_path=0.2, operations=2,
    ),
)  # fmt: skip

# the paper's section 3.1 for the network itself; it does not say when its decay acts: here after 5 epochs without a
# lower loss
PAPER = MATSettings(
    recipe=Recipe(
        epochs=100, batch_size=64, lr=1e-4, weight_decay=0.0, warmup=0.0, clip=0.0, patience=20,
        betas=(0.9, 0.98), eps=1e-9, plateau=5, decay=0.2,
    ),
    balance=1.0, label_smoothing=0.0, field_dropout=0.0, words_dropout=0.0, region_dropout=0.0, age_jitter=0,
    select="-val_loss",
)  # fmt: skip

PRESETS = {
    # what the bundles in checkpoints/ and the tables were trained with
    "two-cores": TWO_CORES,
    "long": LONG,
    "mixed": MIXED,
    "crops": CROPS,
    "progressive": PROGRESSIVE,
    "refined": REFINED,
    "last-regions": _from_maps(("last",)),
    "local-regions": _from_maps(("last", "local"), ("local",)),  # parts by the early maps alone
    "last-local-regions": _from_maps(("last", "local")),
    "lesion-and-parts": LESION_AND_PARTS,
    "whole": WHOLE,
    # a smaller backbone, a detector that knows whole lesions only, nothing held out: half of the time
    "short": Plan(),
    "paper": replace(TWO_CORES, mat=PAPER),
    # minutes on a few dozen small images: shows that every step runs, teaches nothing
    "smoke": Plan(
        BackboneSettings(
            sizes=((96, 128),), recipe=Recipe(epochs=1, batch_size=8, lr=1e-3), mixup=0.4, cutmix=1.0, mixed=1.0
        ),
        DetectorSettings(
            DetectorConfig(
                short_side=96, long_side=128, anchors=((16, 24), (32, 48), (64, 90)), pyramid_width=16,
                feature_width=32, kinds=KINDS, proposals=60, n=20,
            ),
            Recipe(epochs=1, batch_size=4, lr=1e-3, average=0.9), diagnosis_weight=0.5,
        ),
        FeatureSettings(held_out=0.25, held_views=(0,)),
        MATSettings(d=32, h=4, recipe=Recipe(epochs=2, batch_size=8, lr=1e-3, average=0.9)),
        ExperimentSettings(
            (("sga-sga", 2), ("base", 1), ("metadata-only", 1), ("concatenation", 1), ("image-only", 1), ("sa-sa", 1))
        ),
    ),
}  # fmt: skip
