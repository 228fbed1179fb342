"""Step 'convert-detector': convert pickled weights of detectron2's model zoo to safetensors.

`training.safe_pickle` reads the pickle without running its code. The safetensors metadata has model and classes.
"""

import json
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from mat_core.errors import ConfigError, DataError
from mat_core.models.detection.detectron2_detector import Detectron2Config, Detectron2Detector
from mat_core.utils.files import sha256_of

from ..engine.checkpointing import save_atomically
from ..safe_pickle import MAX_BYTES, read_pickle

ZOO = "zoo"  # instead of a file: download it
KIND = "detectron2"
# buffers that newer versions of detectron2 compute
_COMPUTED = ("pixel_mean", "pixel_std")
_SHOWN = 3  # names in a message


def convert_detector(weights: str, model: str, output: Path, kinds: tuple[str, ...] | None = None) -> str:
    """Convert the pickle `weights` ('zoo': download it) to `output`; returns a message.

    kinds: classes of the class head in order; None: COCO's. Names and shapes are checked against the model if
    detectron2 is installed. Raises UserError.
    """
    config = Detectron2Config(model) if kinds is None else Detectron2Config(model, kinds=kinds)
    try:
        expected = {name: tensor.shape for name, tensor in Detectron2Detector(config).rcnn.state_dict().items()}
    except ConfigError as absent:
        if weights == ZOO:
            raise
        expected = None
        unchecked = f" Not checked against the model: {absent}"
    if weights == ZOO:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.pkl"
            _download(model, path)
            source, state = sha256_of(path), model_state(read_pickle(path), model)
    else:
        state, source = model_state(read_pickle(weights), weights), sha256_of(Path(weights))
    state = fitting(state, expected) if expected is not None else state
    metadata = {"model": model, "kinds": json.dumps(config.kinds), "source_sha256": source}
    save_atomically(state, output, metadata)
    count = sum(tensor.numel() for tensor in state.values())
    return f"{output}: {len(state)} tensors, {count / 1e6:.1f} million numbers.{'' if expected else unchecked}"


def model_state(content, source: str) -> dict[str, Tensor]:
    """Tensors of a .pkl of the model zoo by detectron2's names. Raises DataError for other content."""
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or not model:
        raise DataError(
            f"{source} holds no detector: a .pkl of detectron2's model zoo has its tensors under 'model'. Weights of a "
            "backbone alone (ImageNet's R-101.pkl) find no regions."
        )
    wrong = [str(name)[:80] for name, value in model.items() if not isinstance(value, np.ndarray | np.generic)]
    if wrong or not all(isinstance(name, str) for name in model):
        raise DataError(f"{source} has under 'model' what is not an array by name: {_listed(wrong or ['a number'])}.")
    return {
        name: torch.from_numpy(
            np.array(value, np.float32 if value.dtype.kind == "f" else value.dtype.newbyteorder("="))
        )
        for name, value in model.items()
        if name not in _COMPUTED and "anchor_generator.cell_anchors" not in name
    }


def fitting(state: dict[str, Tensor], expected: dict[str, torch.Size]) -> dict[str, Tensor]:
    """`state` with the names and shapes that the model expects. Raises DataError with the differences.

    Missing means and variances of frozen norms become 0 and 1, as in detectron2 for weights of Caffe2.
    """
    state = dict(state)
    for name, shape in expected.items():
        norm, _, part = name.rpartition(".")
        if part in ("running_mean", "running_var") and name not in state and f"{norm}.weight" in state:
            state[name] = torch.zeros(shape) if part == "running_mean" else torch.ones(shape)
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    other = [
        f"{name} {tuple(state[name].shape)}, not {tuple(shape)}"
        for name, shape in expected.items()
        if name in state and state[name].shape != shape
    ]
    problems = [
        f"{what} {_listed(names)}"
        for what, names in (("lacks", missing), ("has beside it", extra), ("has in another shape", other))
        if names
    ]
    if problems:
        raise DataError(
            f"The weights are not this model's: the file {'; it '.join(problems)}. Give the --model that they are of, "
            "and --kinds if its classes are not COCO's."
        )
    return state


@dataclass(frozen=True)
class Detectron2Source:
    """A converted detector, see `detector.DetectorSource`."""

    config: Detectron2Config
    weights: Path
    kind: str = KIND

    def load(self) -> nn.Module:
        """The detector, in eval mode."""
        detector = Detectron2Detector(self.config)
        expected = {name: tensor.shape for name, tensor in detector.rcnn.state_dict().items()}
        detector.rcnn.load_state_dict(fitting(load_file(self.weights), expected))
        return detector.eval().requires_grad_(False)


def detectron2_source(model: str, weights: Path, short_side: int | None = None) -> Detectron2Source:
    """The converted file `weights` of `model`. short_side: of its input in pixels; None: the zoo's.

    Raises DataError for a file that is missing, damaged, not converted, or of another model.
    """
    if not weights.is_file():
        raise DataError(f"There is no file {weights}. Make it with: python -m training convert-detector.")
    try:
        with safe_open(weights, framework="pt") as file:
            metadata = file.metadata() or {}
        of, kinds = metadata["model"], tuple(json.loads(metadata["kinds"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        raise DataError(
            f"{weights} is not a converted detector. Make one of the zoo's .pkl with: "
            "python -m training convert-detector."
        ) from None
    if of != model:
        raise DataError(f"{weights} was converted from {of}, and --detector asks for {model}.")
    default = {f.name: f.default for f in fields(Detectron2Config)}
    short = short_side or default["short_side"]
    long = round(short * default["long_side"] / default["short_side"])
    return Detectron2Source(Detectron2Config(model, short, long, kinds), weights)


def recorded_source(made: dict) -> Detectron2Source:
    """The source of a record of `region_features.recorded`. Raises DataError if its weights are gone."""
    weights, config = Path(made["weights"]), made["config"]
    if not weights.is_file():
        raise DataError(
            f"The features were made with {weights}, which is gone: give it with --detector and its options."
        )
    return Detectron2Source(Detectron2Config(**{**config, "kinds": tuple(config["kinds"])}), weights)


def _download(model: str, path: Path) -> None:
    try:
        from detectron2.model_zoo import get_checkpoint_url
    except ImportError as error:
        raise ConfigError(
            f"detectron2 cannot name the file to download, as {error.name} is not installed (setuptools<81 has it). "
            "Download the model's .pkl from detectron2's MODEL_ZOO.md and give it with --weights."
        ) from None
    try:
        with urllib.request.urlopen(get_checkpoint_url(model), timeout=60) as answer, path.open("wb") as file:
            while block := answer.read(2**20):
                file.write(block)
                if file.tell() > MAX_BYTES:
                    raise DataError(f"The zoo's file for {model} is larger than {MAX_BYTES // 2**30} GiB: not read.")
    except (urllib.error.URLError, OSError):
        raise DataError(
            f"The model zoo could not be reached for {model}. Download its .pkl (detectron2's MODEL_ZOO.md names it) "
            "on a machine with a connection and give it with --weights."
        ) from None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:120] for name in names[:_SHOWN]) + more
