"""Endpoints of the diagnosis, of figures, and of information about the app. Add one as a function in a list here.

The docstring is the endpoint's description. Answers are plain JSON with unrounded numbers. A figure is a data: URI, so
that no file is written.
"""

from collections.abc import Callable

from interface.state import explorer_payload as exploration
from mat_core import Diagnoser, Metadata
from mat_core.data.ham10000 import ATTRIBUTION
from mat_core.data.labels import BY_CODE, DISCLAIMER
from mat_core.explain import contributions
from mat_core.figures import heatmap as draw_heatmap
from mat_core.figures import plot_diagnosis
from mat_core.models.transformer import ATTENTION_MAPS, UNITS
from teaching.cases.example import Example

from ..frontend.texts import privacy
from .parameters import UNKNOWN, Age, Case, File, check_int, one_of, optional, png_file, read_image


def diagnosis_endpoints(diagnoser: Diagnoser) -> list[Callable]:
    bundle = diagnoser.bundle

    def diagnose(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """Class probabilities, regions and words for one dermatoscopic image. A teaching demo, no medical device.

        Returns:
            probabilities (code -> 0 to 1, sum 1), top, top_name, malignant, words, word_fields, image_size (pixels),
            unit, regions (box x1 y1 x2 y2 in pixels, score, label), novelty and disclaimer.
        """
        case = Case(image, age, sex, localization)
        return diagnoser(case.image, case.metadata).to_dict()

    def attention(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """The diagnosis with all attention maps, as nested lists: megabytes at 100 regions.

        Returns:
            what diagnose gives and attention: map -> layers x heads x queries x keys, each row sums to 1 over the keys;
            null for a map that the unit has not.
        """
        case = Case(image, age, sex, localization)
        return diagnoser(case.image, case.metadata).to_dict(attention=True)

    def regions(image: File) -> dict:
        """The regions that the detector finds, best first. They depend on the image alone.

        Returns:
            image_size (pixels) and regions: box x1 y1 x2 y2 in pixels, score (0 to 1, the detector's own belief in its
            label for that box) and label.
        """
        result = diagnoser.diagnose_regions(diagnoser.regions(read_image(image))).to_dict()
        return {name: result[name] for name in ("image_size", "regions", "disclaimer")}

    def words(age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """The very words that the model reads of the metadata.

        Returns:
            words and word_fields, of the same length; both empty when everything is unknown.
        """
        result = diagnoser.words(Metadata(age, sex, localization))
        return {"words": [word.text for word in result], "word_fields": [word.field for word in result]}

    def explore(image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN) -> dict:
        """All that the attention explorer draws, compact: maps as 16-bit fixed point, the image as a small JPEG.

        Returns:
            the payload that interface.state.explorer_payload.from_payload reads back, at most 300 KB.
        """
        case = Case(image, age, sex, localization)
        diagnosis = diagnoser(case.image, case.metadata)
        added = contributions(diagnoser, diagnosis)
        return exploration.to_payload(diagnosis, case.image, added, bundle.fields, bundle.network.config.words)

    def walk_through(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN,
        direction: str = "words_to_regions", layer: int = 0, head: int = 0, query: int = 0, key: int = 0,
    ) -> dict:  # fmt: skip
        """How one attention weight came about, from the real forward pass: query, key, scores, softmax, values.

        Returns:
            query, key (the vectors), dot, width, scale, scores, weights, value_norms and output.
        """
        case = Case(image, age, sex, localization)
        indices = [check_int(name, value) for name, value in
                 {"layer": layer, "head": head, "query": query, "key": key}.items()]  # fmt: skip
        return exploration.walk_through(diagnoser, diagnoser(case.image, case.metadata), direction, *indices)

    return [diagnose, attention, regions, words, explore, walk_through]


def figure_endpoints(diagnoser: Diagnoser) -> list[Callable]:
    heads, most = diagnoser.bundle.network.config.h, diagnoser.bundle.network.config.n

    def figure(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN, k: int = 5,
        head: int | None = None,
    ) -> dict:  # fmt: skip
        """One page of a diagnosis as a picture: image with regions, probabilities, both guided maps.

        Returns:
            png: a data: URI.
        """
        case = Case(image, age, sex, localization)
        k, head = check_int("k", k, 1, most), optional("head", head, heads - 1)
        return png_file(plot_diagnosis(diagnoser(case.image, case.metadata), case.image, k, head))

    def heatmap(
        image: File, age: Age = None, sex: str = UNKNOWN, localization: str = UNKNOWN,
        direction: str = "words_to_regions", k: int = 12, head: int | None = None,
    ) -> dict:  # fmt: skip
        """One attention map of the last layer as a picture with its scale.

        Returns:
            png: a data: URI.
        """
        case = Case(image, age, sex, localization)
        direction = one_of("direction", direction, tuple(ATTENTION_MAPS))
        k, head = check_int("k", k, 1, most), optional("head", head, heads - 1)
        return png_file(draw_heatmap(diagnoser(case.image, case.metadata), direction, k, head))

    return [figure, heatmap]


def information_endpoints(diagnoser: Diagnoser, examples: list[Example]) -> list[Callable]:
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
        example = examples[check_int("number", number, 0, len(examples) - 1)]
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
            "privacy": privacy(), "disclaimer": DISCLAIMER,
        }  # fmt: skip

    return [list_examples, diagnose_example, model_card]
