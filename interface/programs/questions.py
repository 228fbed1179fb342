"""The endpoints that question an answer: what mattered, what else could be true, how sure it is."""

from collections.abc import Callable

from mat_core import ConfigError, DataError, Diagnoser, Metadata, Regions
from mat_core import explain as core
from mat_core.explain.occlusion import PARTS

from ..models import Models
from .values import Case, code, one_of, painted, plain


def questions(diagnoser: Diagnoser, models: Models) -> list[Callable]:
    def found(case: Case) -> tuple[Regions, Metadata]:
        return diagnoser.regions(case.image), case.metadata

    def ablate(case: Case, label: str | None = None) -> dict:
        """What changes when a region, a metadata field, all words or the guidance is taken away.

        Returns:
            labels, probabilities, without_region (regions x classes), without_field (field -> classes), without_words,
            uniform, shuffled (draws x classes; null without guidance), effect (regions; positive: it spoke for label),
            label and sentence.
        """
        result = core.ablate(diagnoser, *found(case))
        label = code(result.labels, label) or result.labels[int(result.probabilities.argmax())]
        return plain(result, label=label, effect=result.effect(label), sentence=result.sentence(label))

    def take_away(case: Case, label: str | None = None) -> dict:
        """What changes when whole groups of regions are taken away: all of a kind, and all but a kind.

        Returns:
            labels, names and sizes of the groups, probabilities, without (groups x classes), effect (groups; positive:
            it spoke for label), label and sentence.
        """
        regions, metadata = found(case)
        kinds = core.kind_groups(regions)
        groups = kinds | {f"everything but {name}": ~members for name, members in kinds.items()}
        result = core.take_away(diagnoser, regions, groups, metadata)
        label = code(result.labels, label) or result.labels[int(result.probabilities.argmax())]
        return plain(result, label=label, effect=result.effect(label), sentence=result.sentence(label))

    def occlude(
        case: Case, parts: str = "grid", boxes: str | None = None, fill: str = "skin", label: str | None = None
    ) -> dict:
        """What changes when a part of the photograph is hidden and the model looks again, each part alone.

        Returns:
            labels, fill, kind, names, boxes and areas (share of the picture) of the parts, probabilities, hidden
            (parts x classes), cells (which part lies in each cell of the grid, or null), effect (parts; positive: it
            spoke for label), label and sentence.
        """
        label = code(diagnoser.bundle.labels, label)
        part = one_of("parts", parts, PARTS) if not boxes else painted(boxes, case.image.shape[:2])
        result = core.occlude(diagnoser, case.image, case.metadata, part, fill)
        label = label or result.labels[int(result.probabilities.argmax())]
        return plain(result, label=label, effect=result.effect(label), sentence=result.sentence(label))

    def contributions(case: Case, label: str | None = None, other: str | None = None) -> dict:
        """The exact share of every region, and of every word, in each logit: they add up.

        Returns:
            labels, logits, regions (regions x classes), words (words x classes), constant, temperature, margin (the
            log-odds of label against other, by default the likeliest other class, cut up in the same way), sentence.
        """
        result = core.contributions(diagnoser, *found(case))
        label = code(result.labels, label) or result.labels[int(result.logits.argmax())]
        other = code(result.labels, other)
        if other == label:
            raise ConfigError(f"other must be another class than label, which is {label}.")
        margin = result.against(label, other)
        return plain(result, margin=plain(margin), sentence=margin.sentence())

    def similarity(case: Case) -> dict:
        """How alike the regions are at every stage of the network, from the detector to the last block.

        Returns:
            unit, stages, cosine (mean over all pairs of regions, -1 to 1), residual (distance from rank one, 0 to 1)
            and sentence.
        """
        regions, metadata = found(case)
        result = core.similarity(diagnoser, regions, metadata)
        if len(regions) < 2:
            raise DataError(result.sentence())
        return plain(result, sentence=result.sentence())

    def agree(case: Case, label: str | None = None) -> dict:
        """Whether the regions that the attention points at matter: five rankings of regions against ablation.

        Returns:
            label, scores (ranking -> regions), spearman and overlap with ablation, counts of regions removed, deletion
            and insertion curves with their areas, and sentence.
        """
        result = core.agree(diagnoser, *found(case), code(diagnoser.bundle.labels, label))
        return plain(
            result, deletion_areas=result.areas(result.deletion), insertion_areas=result.areas(result.insertion),
            sentence=result.sentence(),
        )  # fmt: skip

    def relevance(case: Case, label: str | None = None) -> dict:
        """What attention, weighted by its gradients, adds up to through all blocks, beside plain attention rollout.

        Returns:
            label, regions and words (larger is more relevant; no unit), rollout_regions and rollout_words.
        """
        label = code(diagnoser.bundle.labels, label)
        return plain(core.relevance(diagnoser, *found(case), label))

    def what_if(case: Case) -> dict:
        """The answer for every age, sex and localization beside the same image. The model's view, not biology.

        Returns:
            labels, ages, sexes, sites (null: unknown), probabilities (ages x sexes x sites x classes), at_own_age
            (sexes x sites x classes), flip (the smallest change with another answer, or null) and sentence.
        """
        result = core.what_if(diagnoser, *found(case))
        return plain(result, flip=result.flip(), sentence=result.sentence())

    def doubt(case: Case) -> dict:
        """How sure the answer is, and whether it holds when the image is turned and mirrored: eight times the work.

        Returns:
            labels, views (8 x classes; the image as it is first), boxes of each view in pixels of the image, mean,
            spread (standard deviation), entropy (bits), agreeing (views of 8), unsure, reasons, novelty, sentence.
        """
        result = core.doubt(diagnoser, case.image, case.metadata)
        return plain(
            result, mean=result.mean, spread=result.spread, entropy=result.entropy, agreeing=result.agreeing,
            unsure=result.unsure, reasons=result.reasons, sentence=result.sentence(),
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
        return plain(result, sentence=result.sentence())

    def compare(case: Case) -> dict:
        """The same case through every unit that the app has a model of.

        Returns:
            names, labels, probabilities (models x classes), tops and sentence.
        """
        result = core.compare(models.units(), *found(case))
        return plain(result, tops=result.tops, sentence=result.sentence())

    def leak(case: Case) -> dict:
        """What a model answers that was told how the diagnosis was made, with each way in turn.

        Returns:
            labels, dx_types (null: not told), probabilities (dx_types x classes) and sentence.
        """
        result = core.leak(models.leaking() or diagnoser, *found(case))
        return plain(result, sentence=result.sentence())

    return [
        ablate,
        take_away,
        occlude,
        contributions,
        similarity,
        agree,
        relevance,
        what_if,
        doubt,
        operating_point,
        compare,
        leak,
    ]
