"""Endpoints of the explanations: what mattered, counterfactuals, uncertainty, similar cases."""

from collections.abc import Callable
from typing import Any

from mat_core import ConfigError, DataError, Diagnoser, Metadata, Regions
from mat_core import explain as core
from mat_core.explain.occlusion import PARTS
from mat_core.explain.similar_cases import MAX_K, K

from ..state.model_registry import ModelRegistry
from .parameters import UNKNOWN, Age, Case, File, check_int, class_code, mask_from_boxes, one_of, to_json


def explanation_endpoints(diagnoser: Diagnoser, models: ModelRegistry) -> list[Callable]:
    def effect_json(result: Any, label: str | None) -> dict:
        label = label or result.labels[int(result.probabilities.argmax())]
        return to_json(result, label=label, effect=result.effect(label), sentence=result.summary(label))

    def inputs(case: Case) -> tuple[Regions, Metadata]:
        return diagnoser.regions(case.image), case.metadata

    def ablate(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, label: str | None = None
    ) -> dict:
        """What changes when a region, a metadata field, all words or the guidance is taken away.

        Returns:
            labels, probabilities, without_region (regions x classes), without_field (field -> classes), without_words,
            uniform, shuffled (draws x classes; null without guidance), effect (regions; positive: it spoke for label),
            label and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.ablate(diagnoser, *inputs(case))
        return effect_json(result, class_code(result.labels, label))

    def take_away(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, label: str | None = None
    ) -> dict:
        """What changes when whole groups of regions are taken away: all of a kind, and all but a kind.

        Returns:
            labels, names and sizes of the groups, probabilities, without (groups x classes), effect (groups; positive:
            it spoke for label), label and sentence.
        """
        case = Case(image, age, sex, localization)
        regions, metadata = inputs(case)
        kinds = core.kind_groups(regions)
        groups = kinds | {f"everything but {name}": ~members for name, members in kinds.items()}
        result = core.ablate_groups(diagnoser, regions, groups, metadata)
        return effect_json(result, class_code(result.labels, label))

    def occlude(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, parts: str = "grid",
        boxes: str | None = None, fill: str = "skin", label: str | None = None,
    ) -> dict:  # fmt: skip
        """What changes when a part of the photograph is hidden and the model looks again, each part alone.

        Returns:
            labels, fill, kind, names, boxes and areas (share of the picture) of the parts, probabilities, hidden
            (parts x classes), cells (which part lies in each cell of the grid, or null), effect (parts; positive: it
            spoke for label), label and sentence.
        """
        case = Case(image, age, sex, localization)
        label = class_code(diagnoser.bundle.labels, label)
        part = one_of("parts", parts, PARTS) if not boxes else mask_from_boxes(boxes, case.image.shape[:2])
        result = core.occlude(diagnoser, case.image, case.metadata, part, fill)
        return effect_json(result, label)

    def contributions(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, label: str | None = None,
        other: str | None = None,
    ) -> dict:  # fmt: skip
        """The exact share of every region, and of every word, in each logit: they add up.

        Returns:
            labels, logits, regions (regions x classes), words (words x classes), constant, temperature, margin (the
            log-odds of label against other, by default the likeliest other class, cut up in the same way), sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.contributions(diagnoser, *inputs(case))
        label = class_code(result.labels, label) or result.labels[int(result.logits.argmax())]
        other = class_code(result.labels, other)
        if other == label:
            raise ConfigError(f"other must be another class than label, which is {label}.")
        margin = result.against(label, other)
        return to_json(result, margin=to_json(margin), sentence=margin.summary())

    def similarity(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """How alike the regions are at every stage of the network, from the detector to the last block.

        Returns:
            unit, stages, cosine (mean over all pairs of regions, -1 to 1), residual (distance from rank one, 0 to 1)
            and sentence.
        """
        case = Case(image, age, sex, localization)
        regions, metadata = inputs(case)
        result = core.similarity(diagnoser, regions, metadata)
        if len(regions) < 2:
            raise DataError(result.summary())
        return to_json(result, sentence=result.summary())

    def agree(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, label: str | None = None
    ) -> dict:
        """Whether the regions that the attention points at matter: five rankings of regions against ablation.

        Returns:
            label, scores (ranking -> regions), spearman and overlap with ablation, counts of regions removed, deletion
            and insertion curves with their areas, and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.ablation_faithfulness(diagnoser, *inputs(case), class_code(diagnoser.bundle.labels, label))
        return to_json(
            result, deletion_areas=result.areas(result.deletion), insertion_areas=result.areas(result.insertion),
            sentence=result.summary(),
        )  # fmt: skip

    def relevance(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, label: str | None = None
    ) -> dict:
        """What attention, weighted by its gradients, adds up to through all blocks, beside plain attention rollout.

        Returns:
            label, regions and words (larger is more relevant; no unit), rollout_regions and rollout_words.
        """
        case = Case(image, age, sex, localization)
        label = class_code(diagnoser.bundle.labels, label)
        return to_json(core.relevance(diagnoser, *inputs(case), label))

    def what_if(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """The answer for every age, sex and localization beside the same image. The model's view, not biology.

        Returns:
            labels, ages, sexes, sites (null: unknown), probabilities (ages x sexes x sites x classes), at_own_age
            (sexes x sites x classes), flip (the smallest change with another answer, or null) and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.metadata_sweep(diagnoser, *inputs(case))
        return to_json(result, flip=result.smallest_counterfactual(), sentence=result.summary())

    def doubt(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """How sure the answer is, and whether it holds when the image is turned and mirrored: eight times the work.

        Returns:
            labels, views (8 x classes; the image as it is first), boxes of each view in pixels of the image, mean,
            spread (standard deviation), entropy (bits), agreeing (views of 8), unsure, reasons, novelty, sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.tta_uncertainty(diagnoser, case.image, case.metadata)
        return to_json(
            result, mean=result.mean, spread=result.spread, entropy=result.entropy, agreeing=result.agreeing,
            unsure=result.has_warnings, reasons=result.warnings, sentence=result.summary(),
        )  # fmt: skip

    def operating_point(threshold: float = 0.5) -> dict:
        """What calling melanoma from a probability on means, measured on the validation split.

        Returns:
            threshold, sensitivity, specificity and sentence.
        """
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise ConfigError(f"threshold must be a number from 0 to 1; got {threshold!r}.")
        result = core.operating_point(diagnoser.bundle.metrics, threshold)
        if result is None:
            raise DataError("This bundle carries no melanoma curve, so it is not known what a threshold would do.")
        return to_json(result, sentence=result.summary())

    def compare(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """The same case through every unit that the app has a model of.

        Returns:
            names, labels, probabilities (models x classes), tops and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.compare_models(models.units(), *inputs(case))
        return to_json(result, tops=result.tops, sentence=result.summary())

    def leak(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """What a model answers that was told how the diagnosis was made, with each way in turn.

        Returns:
            labels, dx_types (null: not told), probabilities (dx_types x classes) and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.label_leakage(models.leaking() or diagnoser, *inputs(case))
        return to_json(result, sentence=result.summary())

    def similar_cases(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, count: int = K
    ) -> dict:
        """The training lesions that the network finds most similar, and how they were diagnosed.

        Returns:
            labels, cases (most similar first: image_id of the ISIC archive, diagnosis and metadata, whose dx_type is
            how it was confirmed), cosines, counts (class -> cases), shares (classes), measured (on the test split) and
            sentence.
        """
        case = Case(image, age, sex, localization)
        count = check_int("count", count, 1, MAX_K)
        result = core.similar_cases(diagnoser, *inputs(case), count)
        return to_json(result, counts=result.counts, shares=result.shares, sentence=result.summary())

    def stages(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """The answer stage by stage: of the detector's class head, the image alone, with words, and guided.

        Returns:
            labels, stages (those that the app has a model of), probabilities (stages x classes), measured (accuracies
            of each stage on the test split), tops and sentence.
        """
        case = Case(image, age, sex, localization)
        result = core.answer_stages(models.units().values(), diagnoser.diagnose_regions(*inputs(case)))
        return to_json(result, tops=result.tops, sentence=result.summary())

    return [
        ablate, take_away, occlude, contributions, similarity, agree, relevance, what_if, doubt, operating_point,
        compare, leak, similar_cases, stages,
    ]  # fmt: skip
