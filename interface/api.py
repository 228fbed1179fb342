"""The named endpoints, for programs: gradio_client, curl and, with --mcp, tools. One for each thing that the app does.

An endpoint is a function whose parameters are named in `FIELDS`, whose docstring is its description and whose answer is
plain JSON: numbers as the core gives them, to the last bit. A figure is {"png": a data: URI}, so that no file of it is
written. A new one is a function in one of the lists below. Each has fields of its own, unseen, so that it depends on
nothing that a visitor does.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import gradio as gr
import numpy as np

from mat_core import ConfigError, DataError, Diagnoser, Metadata, Regions, UserError, exploration
from mat_core import explain as core
from mat_core.encoding import data_uri
from mat_core.figures import heatmap as draw_heatmap
from mat_core.figures import plate, to_png
from mat_core.ham10000 import ATTRIBUTION
from mat_core.labels import BY_CODE, CODES, DISCLAIMER
from mat_core.metadata import LOCALIZATIONS
from mat_core.units import MAPS, UNITS

from .about import PRIVACY
from .examples import Example
from .models import Models
from .session import read_upload
from .upload import image_upload

log = logging.getLogger(__name__)

AT_ONCE = 2  # calls of all endpoints together that compute at the same time: the cores of a small machine
# parameter -> its field, and what it means: said once, and told with every endpoint that has it
FIELDS: dict[str, tuple[Callable[..., gr.components.Component], str]] = {
    "image": (
        lambda value, **options: image_upload(**options),
        "a JPEG, PNG, WebP, BMP, TIFF or GIF file of at most 20 MB, as gradio_client.handle_file gives it.",
    ),
    "age": (gr.Number, "whole years from 0 to 120; None when unknown."),
    "sex": (gr.Textbox, "female, male or unknown."),
    "localization": (gr.Textbox, f"{', '.join(s for s in LOCALIZATIONS if s != 'unknown')} or unknown."),
    "label": (gr.Textbox, f"the class that is asked about, one of {', '.join(CODES)}; None for the top class."),
    "direction": (gr.Textbox, f"{', '.join(MAPS)}; the first looks, the second is looked at."),
    "k": (gr.Number, "regions shown, from 1."),
    "layer": (gr.Number, "from 0."),
    "head": (gr.Number, "from 0; in pictures, None for the average over heads."),
    "query": (gr.Number, "number of the token that looks, from 0."),
    "key": (gr.Number, "number of the token that is looked at, from 0."),
    "threshold": (gr.Number, "probability of melanoma from which on it is called, from 0 to 1."),
    "number": (gr.Number, "number of the case in list_examples, from 0."),
}


def build_api(diagnoser: Diagnoser, examples: list[Example], models: Models) -> None:
    """Add the endpoints to the app that is being built."""
    for endpoint in (*_answers(diagnoser), *_pictures(diagnoser), *_questions(diagnoser, models),
                     *_facts(diagnoser, examples)):  # fmt: skip
        _add(endpoint)


def _answers(diagnoser: Diagnoser) -> list[Callable]:
    bundle = diagnoser.bundle

    def diagnose(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """Class probabilities, regions and words for one dermatoscopic image. A teaching demo, no medical device.

        Returns:
            probabilities (code -> 0 to 1, sum 1), top, top_name, malignant, words, word_fields, image_size (pixels),
            unit, regions (box x1 y1 x2 y2 in pixels, score, label), novelty and disclaimer.
        """
        return diagnoser(_read(image), Metadata(age, sex, localization)).to_dict()

    def attention(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """The diagnosis with all attention maps, as nested lists: megabytes at 100 regions.

        Returns:
            what diagnose gives and attention: map -> layers x heads x queries x keys, each row sums to 1 over the keys;
            null for a map that the unit has not.
        """
        return diagnoser(_read(image), Metadata(age, sex, localization)).to_dict(attention=True)

    def regions(image: str) -> dict:
        """The regions that the detector finds, best first. They depend on the image alone.

        Returns:
            image_size (pixels) and regions: box x1 y1 x2 y2 in pixels, score (0 to 1, the detector's own belief in its
            label for that box) and label.
        """
        found = diagnoser.diagnose_regions(diagnoser.regions(_read(image))).to_dict()
        return {name: found[name] for name in ("image_size", "regions", "disclaimer")}

    def words(age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """The very words that the model reads of the metadata.

        Returns:
            words and word_fields, of the same length; both empty when everything is unknown.
        """
        read = diagnoser.words(Metadata(age, sex, localization))
        return {"words": [word.text for word in read], "word_fields": [word.field for word in read]}

    def explore(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """All that the attention explorer draws, compact: maps as 16-bit fixed point, the image as a small JPEG.

        Returns:
            the payload that mat_core.exploration.from_payload reads back, at most 300 KB.
        """
        array = _read(image)
        diagnosis = diagnoser(array, Metadata(age, sex, localization))
        return exploration.to_payload(diagnosis, array, bundle.fields, bundle.network.config.words)

    def walk_through(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        direction: str = "words_to_regions",
        layer: int = 0,
        head: int = 0,
        query: int = 0,
        key: int = 0,
    ) -> dict:
        """How one attention weight came about, from the real forward pass: query, key, scores, softmax, values.

        Returns:
            query, key (the vectors), dot, width, scale, scores, weights, value_norms and output.
        """
        metadata = Metadata(age, sex, localization)
        asked = [_whole(name, value) for name, value in
                 {"layer": layer, "head": head, "query": query, "key": key}.items()]  # fmt: skip
        return exploration.walk_through(diagnoser, diagnoser.regions(_read(image)), metadata, direction, *asked)

    return [diagnose, attention, regions, words, explore, walk_through]


def _pictures(diagnoser: Diagnoser) -> list[Callable]:
    heads, most = diagnoser.bundle.network.config.h, diagnoser.bundle.network.config.n

    def figure(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        k: int = 5,
        head: int | None = None,
    ) -> dict:
        """One page of a diagnosis as a picture: image with regions, probabilities, both guided maps.

        Returns:
            png: a data: URI.
        """
        array, k, head = _read(image), _whole("k", k, 1, most), _optional("head", head, heads - 1)
        return _png(plate(diagnoser(array, Metadata(age, sex, localization)), array, k, head))

    def heatmap(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        direction: str = "words_to_regions",
        k: int = 12,
        head: int | None = None,
    ) -> dict:
        """One attention map of the last layer as a picture with its scale.

        Returns:
            png: a data: URI.
        """
        if direction not in MAPS:
            raise ConfigError(f"direction must be one of {', '.join(MAPS)}; got {direction!r}.")
        array, k, head = _read(image), _whole("k", k, 1, most), _optional("head", head, heads - 1)
        return _png(draw_heatmap(diagnoser(array, Metadata(age, sex, localization)), direction, k, head))

    return [figure, heatmap]


def _questions(diagnoser: Diagnoser, models: Models) -> list[Callable]:
    def found(image: str, age, sex, localization) -> tuple[Regions, Metadata]:
        metadata = Metadata(age, sex, localization)
        return diagnoser.regions(_read(image)), metadata

    def ablate(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        label: str | None = None,
    ) -> dict:
        """What changes when a region, a metadata field, all words or the guidance is taken away.

        Returns:
            labels, probabilities, without_region (regions x classes), without_field (field -> classes), without_words,
            uniform, shuffled (draws x classes; null without guidance), effect (regions; positive: it spoke for label),
            label and sentence.
        """
        result = core.ablate(diagnoser, *found(image, age, sex, localization))
        label = _code(result.labels, label) or result.labels[int(result.probabilities.argmax())]
        return _plain(result, label=label, effect=result.effect(label), sentence=result.sentence(label))

    def agree(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        label: str | None = None,
    ) -> dict:
        """Whether the regions that the attention points at matter: five rankings of regions against ablation.

        Returns:
            label, scores (ranking -> regions), spearman and overlap with ablation, counts of regions removed, deletion
            and insertion curves with their areas, and sentence.
        """
        result = core.agree(diagnoser, *found(image, age, sex, localization), _code(diagnoser.bundle.labels, label))
        return _plain(
            result, deletion_areas=result.areas(result.deletion), insertion_areas=result.areas(result.insertion),
            sentence=result.sentence(),
        )  # fmt: skip

    def relevance(
        image: str,
        age: float | None = None,
        sex: str = "unknown",
        localization: str = "unknown",
        label: str | None = None,
    ) -> dict:
        """What attention, weighted by its gradients, adds up to through all blocks, beside plain attention rollout.

        Returns:
            label, regions and words (larger is more relevant; no unit), rollout_regions and rollout_words.
        """
        label = _code(diagnoser.bundle.labels, label)
        return _plain(core.relevance(diagnoser, *found(image, age, sex, localization), label))

    def what_if(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """The answer for every age, sex and localization beside the same image. The model's view, not biology.

        Returns:
            labels, ages, sexes, sites (null: unknown), probabilities (ages x sexes x sites x classes), at_own_age
            (sexes x sites x classes), flip (the smallest change with another answer, or null) and sentence.
        """
        result = core.what_if(diagnoser, *found(image, age, sex, localization))
        return _plain(result, flip=result.flip(), sentence=result.sentence())

    def doubt(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """How sure the answer is, and whether it holds when the image is turned and mirrored: eight times the work.

        Returns:
            labels, views (8 x classes; the image as it is first), boxes of each view in pixels of the image, mean,
            spread (standard deviation), entropy (bits), agreeing (views of 8), unsure, reasons, novelty, sentence.
        """
        result = core.doubt(diagnoser, _read(image), Metadata(age, sex, localization))
        return _plain(
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
        return _plain(result, sentence=result.sentence())

    def compare(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """The same case through every unit that the app has a model of.

        Returns:
            names, labels, probabilities (models x classes), tops and sentence.
        """
        result = core.compare(models.units(), *found(image, age, sex, localization))
        return _plain(result, tops=result.tops, sentence=result.sentence())

    def leak(image: str, age: float | None = None, sex: str = "unknown", localization: str = "unknown") -> dict:
        """What a model answers that was told how the diagnosis was made, with each way in turn.

        Returns:
            labels, dx_types (null: not told), probabilities (dx_types x classes) and sentence.
        """
        result = core.leak(models.leaking() or diagnoser, *found(image, age, sex, localization))
        return _plain(result, sentence=result.sentence())

    return [ablate, agree, relevance, what_if, doubt, operating_point, compare, leak]


def _facts(diagnoser: Diagnoser, examples: list[Example]) -> list[Callable]:
    bundle = diagnoser.bundle

    def list_examples() -> list:
        """The cases that the page offers to try.

        Returns:
            number (for diagnose_example), name, synthetic (a drawing, no patient), age, sex, localization
            (null: unknown) and diagnosis: confirmed for a real lesion, the look that a synthetic one imitates.
        """
        return [
            {
                "number": number, "name": e.name, "synthetic": e.synthetic, "age": e.metadata.age,
                "sex": e.metadata.sex, "localization": e.metadata.localization, "diagnosis": e.diagnosis,
            }
            for number, e in enumerate(examples)
        ]  # fmt: skip

    def diagnose_example(number: int = 0) -> dict:
        """What diagnose gives for one of the cases that the page offers.

        Returns:
            as diagnose.
        """
        example = examples[_whole("number", number, 0, len(examples) - 1)]
        return diagnoser(example.path, example.metadata).to_dict()

    def model_card() -> dict:
        """What the model is, what was measured of it, where its data are from, what happens to an image.

        Returns:
            name, unit, layers, heads, width, regions (at most), fields, labels (code, name, nature), temperature,
            split, metrics, data, licence, privacy and disclaimer.
        """
        config = bundle.network.config
        return {
            "name": bundle.name, "unit": config.unit, "unit_name": UNITS[config.unit].name, "layers": config.layers,
            "heads": config.h, "width": config.d, "regions": config.n, "fields": bundle.fields,
            "labels": [{"code": c, "name": BY_CODE[c].name, "nature": BY_CODE[c].nature} for c in bundle.labels],
            "temperature": bundle.temperature, "split": bundle.split, "metrics": bundle.metrics,
            "data": bundle.notes.get("data", ATTRIBUTION), "licence": "weights CC BY-NC 4.0, code Apache-2.0",
            "privacy": PRIVACY, "disclaimer": DISCLAIMER,
        }  # fmt: skip

    return [list_examples, diagnose_example, model_card]


def _add(endpoint: Callable) -> None:
    """Register `endpoint` under its own name, with a field for each of its parameters."""

    @functools.wraps(endpoint)
    def told(*values):
        try:
            return endpoint(*values)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except gr.Error:
            raise
        except Exception:
            log.exception("in /%s", endpoint.__name__)
            raise gr.Error("Something went wrong inside the app.", print_exception=False) from None

    inputs, meanings = [], []
    for name, parameter in inspect.signature(endpoint).parameters.items():
        value = None if parameter.default is parameter.empty else parameter.default
        inputs.append(FIELDS[name][0](value=value, label=name, visible=False))
        meanings.append(f"    {name}: {FIELDS[name][1]}")
    summary, _, returns = inspect.getdoc(endpoint).partition("\n\n")
    told.__doc__ = "\n\n".join([summary, "\n".join(["Parameters:", *meanings]), returns])
    output = gr.JSON(label=endpoint.__name__, visible=False)
    gr.on([], told, inputs, output, api_name=endpoint.__name__, concurrency_id="api", concurrency_limit=AT_ONCE)


def _read(image: str | None) -> np.ndarray:
    if image is None:
        raise UserError("Give an image: a file, as gradio_client.handle_file sends it.")
    return read_upload(image)


def _whole(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """A whole number as int, in its range where the core does not look after it. Raises ConfigError."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not good or (low is not None and not low <= value <= high):
        allowed = "" if low is None else f" from {low} to {high}"
        raise ConfigError(f"{name} must be a whole number{allowed}; got {value!r}.")
    return int(value)


def _optional(name: str, value: Any, high: int) -> int | None:
    return None if value is None else _whole(name, value, 0, high)


def _code(labels: tuple[str, ...], label: str | None) -> str | None:
    """A class's code, None when none is given. Raises ConfigError."""
    if not label:
        return None
    if label not in labels:
        raise ConfigError(f"label must be one of {', '.join(labels)}; got {label!r}.")
    return label


def _png(figure) -> dict:
    return {"png": data_uri(to_png(figure), "png"), "disclaimer": DISCLAIMER}


def _plain(result: Any, **more) -> Any:
    """A dataclass of numpy arrays as JSON values; `more`: what it works out, beside its fields."""
    if is_dataclass(result):
        fields = {name: _plain(getattr(result, name)) for name in result.__dataclass_fields__}
        return fields | {name: _plain(value) for name, value in more.items()}
    if isinstance(result, np.ndarray | np.generic):
        return result.tolist()
    if isinstance(result, dict):
        return {str(key): _plain(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [_plain(value) for value in result]
    return result
