"""Read and write model bundles: a folder with everything the diagnoser needs. No code of a bundle is run.

config.json            settings of network, detector and metadata, checksums, licence
network.safetensors    the MAT network with its word vectors
detector.safetensors   its detector; bundles that share one name the folder that has it
novelty.safetensors    the out-of-distribution model (optional)
similar_cases.safetensors   index of the training lesions (optional)
metrics.json           results of `python -m training evaluate`
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..data.labels import CODES
from ..data.metadata import CLEAN_FIELDS, Vocabulary
from ..errors import BundleError, ConfigError, NotInstalledError
from ..models.detection.factory import build_detector
from ..models.detection.regions import Detector
from ..models.mat import MATConfig, MATNetwork
from ..utils.files import sha256_of
from ..utils.formatting import first_line
from ..utils.paths import DEFAULT
from ..utils.validation import MAX_LINE, check_number, dataclass_from_dict, short_repr
from .bundle_json import HOW, read_json, write_json
from .bundle_validation import check_config, check_metrics
from .case_index import CaseIndex
from .hub import download, downloaded
from .out_of_distribution import MahalanobisOOD
from .weights import MAX_BYTES, load_module, read_weights

FORMAT = 1
CONFIG, NETWORK, DETECTOR, METRICS = "config.json", "network.safetensors", "detector.safetensors", "metrics.json"
NOVELTY = "novelty.safetensors"
SIMILAR_CASES = "similar_cases.safetensors"
FILES = (CONFIG, NETWORK, DETECTOR, METRICS, NOVELTY, SIMILAR_CASES)
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class Bundle:
    """A loaded model. Both modules are in eval mode and float32.

    fields: metadata fields that the network reads; temperature: divides the logits before softmax; detector_kind: see
    `build_detector`; split: name and checksum of the split; metrics: of metrics.json; notes: attribution, licence,
    training plan; novelty: out-of-distribution model; sums: file -> SHA-256; case_index: of training lesions.
    """

    network: MATNetwork
    detector: Detector
    vocabulary: Vocabulary
    detector_kind: str = "torchvision"
    fields: tuple[str, ...] = CLEAN_FIELDS
    labels: tuple[str, ...] = CODES
    temperature: float = 1.0
    name: str = "MAT"
    split: dict = field(default_factory=dict)
    metrics: dict = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    novelty: MahalanobisOOD | None = None
    sums: dict = field(default_factory=dict)
    case_index: CaseIndex | None = None

    @property
    def identity(self) -> str:
        """Name and a hash of weights, temperature and fields."""
        weights = {file: checksum for file, checksum in self.sums.items() if file != SIMILAR_CASES}
        facts = json.dumps([weights, self.temperature, self.fields], sort_keys=True)
        return f"{self.name}@{hashlib.sha256(facts.encode()).hexdigest()[:10]}"


def save_bundle(bundle: Bundle, folder: str | Path, half: bool = True, beside: str | None = None) -> Path:
    """Write the folder. half: matrices as float16; vectors stay float32, as variances may exceed float16.

    beside: name of a bundle in the same parent folder with the same detector and novelty, which are then not written
    again. Raises BundleError if they differ.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {NETWORK: _tensors(bundle.network, half), DETECTOR: _tensors(bundle.detector, half)}
    if bundle.novelty is not None:
        files[NOVELTY] = {
            "mean": torch.from_numpy(bundle.novelty.mean), "whitening": torch.from_numpy(bundle.novelty.whitening)
        }  # fmt: skip
    if bundle.case_index is not None:
        files[SIMILAR_CASES] = bundle.case_index.tensors()
    for file, tensors in files.items():
        _save_tensors(tensors, folder / file)
    sums = {file: sha256_of(folder / file) for file in files}
    for file in (DETECTOR, NOVELTY):
        if beside and file in sums:
            if not (folder.parent / beside / file).is_file() or sha256_of(folder.parent / beside / file) != sums[file]:
                raise BundleError(f"{folder.parent / beside} does not hold the same {file}: save with its own.")
            (folder / file).unlink()
    config = {
        "format": FORMAT,
        "name": bundle.name,
        "network": asdict(bundle.network.config),
        "detector": {
            "kind": bundle.detector_kind,
            "config": asdict(bundle.detector.config),
            **({"beside": beside} if beside else {}),
        },
        "labels": list(bundle.labels),
        "fields": list(bundle.fields),
        "vocabulary": list(bundle.vocabulary.words),
        "temperature": bundle.temperature,
        "novelty_threshold": bundle.novelty.threshold if bundle.novelty else None,
        "split": bundle.split,
        "notes": bundle.notes,
        "sha256": sums,
    }
    write_json(config, folder / CONFIG)
    write_metrics(folder, bundle.metrics)
    return folder


def save_case_index(index: CaseIndex, folder: Path) -> None:
    """Add or replace the index of cases of a bundle."""
    config = read_config(folder)
    _save_tensors(index.tensors(), folder / SIMILAR_CASES)
    config["sha256"][SIMILAR_CASES] = sha256_of(folder / SIMILAR_CASES)
    write_json(config, folder / CONFIG)


def load_bundle(source: str | Path | None = None, revision: str | None = None) -> Bundle:
    """Read a bundle: the default (None), a folder, or 'owner/name' on the Hugging Face Hub.

    revision: a commit, tag or branch of a Hub id; None: main. A local folder is preferred to the Hub. Settings are
    validated before anything is built. Raises BundleError for a bundle that is missing, damaged, too large, of another
    format or inconsistent, NotInstalledError if its detector's library is missing.
    """
    folder = _locate(source, revision)
    try:
        return _load(folder)
    except BundleError as error:
        if not downloaded(source):
            raise
        reason, cache = str(error).removesuffix(HOW).rstrip(), folder.parents[1]
        raise BundleError(
            f"{reason} It was downloaded as {source}: delete {cache} and try again, or report it to its author."
        ) from error


def _load(folder: Path) -> Bundle:
    config = read_config(folder)
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has bundle format {short_repr(config.get('format'))}; this version reads {FORMAT}. {HOW}"
        )
    metrics = read_metrics(folder)
    at = folder / CONFIG
    try:
        check_config(config)
        network_config = dataclass_from_dict(MATConfig, config["network"])
        vocabulary = Vocabulary(config["vocabulary"])
        if (network_config.vocabulary, network_config.classes) != (len(vocabulary), len(config["labels"])):
            raise ConfigError("The numbers of words or labels differ from those of the network.")
        at = folder / METRICS
        check_metrics(metrics)
        paths = _weight_files(folder, config)
        at = paths[NETWORK]
        network = load_module(lambda: MATNetwork(network_config), read_weights(at))
        at = paths[DETECTOR]
        weights = read_weights(at)
        kind, settings = config["detector"]["kind"], config["detector"]["config"]
        detector = load_module(lambda: build_detector(kind, settings), weights)
        freeze = getattr(detector, "freeze", None)
        if freeze is not None:
            freeze()
        novelty = None
        if NOVELTY in paths:
            at = paths[NOVELTY]
            novelty = _load_novelty(at, config.get("novelty_threshold"), detector.feature_width)
        case_index = None
        if SIMILAR_CASES in paths:
            at = paths[SIMILAR_CASES]
            case_index = CaseIndex.from_tensors(load_file(at), network_config.d)
    except (BundleError, NotInstalledError):
        raise
    except ConfigError as error:
        raise BundleError(f"{at}: {error} {HOW}") from error
    except Exception as error:  # libraries raise nearly anything for untrusted settings
        raise BundleError(f"The bundle {folder} does not fit together ({first_line(error, 200)}). {HOW}") from error
    return Bundle(
        network, detector, vocabulary, kind, tuple(config["fields"]), tuple(config["labels"]),
        float(config["temperature"]), config["name"], config["split"], metrics, config["notes"], novelty,
        config["sha256"], case_index,
    )  # fmt: skip


def find_bundles(folder: str | Path) -> list[Path]:
    """Folders of the bundles in `folder`, sorted."""
    return [path.parent for path in sorted(Path(folder).glob(f"*/{CONFIG}"))]


def read_config(folder: Path) -> dict:
    """config.json of a bundle; only its size and depth are checked. Raises BundleError."""
    return read_json(folder / CONFIG, finite=True)


def read_metrics(folder: Path, needed: bool = False) -> dict:
    """metrics.json of a bundle. Raises BundleError for a damaged file, and with `needed` for a missing one."""
    return read_json(folder / METRICS) if needed or (folder / METRICS).exists() else {}


def write_metrics(folder: Path, metrics: dict) -> None:
    """Replace metrics.json of a bundle."""
    write_json(metrics, folder / METRICS)


def _weight_files(folder: Path, config: dict) -> dict[str, Path]:
    """Paths of the weights, after checking size and checksum."""
    beside, sums = config["detector"].get("beside"), config["sha256"]
    paths = {
        file: (folder if file in (NETWORK, SIMILAR_CASES) or beside is None else folder.parent / beside) / file
        for file in (NETWORK, DETECTOR, *(file for file in (NOVELTY, SIMILAR_CASES) if file in sums))
    }
    for file, path in paths.items():
        if not path.is_file():
            owner = f", which it shares with {beside}" if path.parent != folder else ""
            raise BundleError(f"The bundle {folder} lacks {file}{owner}. {HOW}")
        if path.stat().st_size > MAX_BYTES:
            raise BundleError(f"{path} has more than {MAX_BYTES // 2**20} MB, too much for a bundle. {HOW}")
        if not isinstance(sums.get(file), str) or not _SHA256.fullmatch(sums[file]):
            raise ConfigError(
                f"sha256 must hold the checksum of {file}, 64 hex digits; got {short_repr(sums.get(file))}."
            )
        if sha256_of(path) != sums[file]:
            raise BundleError(f"{path} is damaged: its checksum is not the one in {CONFIG}. {HOW}")
    return paths


def _load_novelty(path: Path, threshold: Any, width: int) -> MahalanobisOOD:
    check_number("novelty_threshold", threshold, 0, 1e6)
    tensors = read_weights(path)
    if tensors.keys() != {"mean", "whitening"} or tensors["mean"].shape != (width,):
        raise ConfigError(f"Novelty must be a mean of the detector's {width} numbers and a whitening.")
    return MahalanobisOOD(tensors["mean"].numpy(), tensors["whitening"].numpy(), float(threshold))


def _locate(source: str | Path | None, revision: str | None = None) -> Path:
    if source is None:
        if not (DEFAULT / CONFIG).is_file():
            raise BundleError(
                f"There is no model in {DEFAULT}. Name a bundle: its folder, or its name on the Hugging Face Hub. In a "
                "clone of the project, restore checkpoints/, or make a bundle with: python -m training all."
            )
        return DEFAULT
    if not isinstance(source, str | Path):
        raise BundleError(f"A bundle is a folder or the owner/name of one on the Hub; got {short_repr(source)}.")
    folder, name = Path(source), str(source)
    if os.path.isdir(folder):  # False for any name that cannot be one
        if revision is not None:
            raise BundleError(f"A revision belongs to a name on the Hub; {folder} is a folder here, and that is read.")
        if not (folder / CONFIG).is_file():
            raise BundleError(f"{folder} is not a model bundle: it has no {CONFIG}. {HOW}")
        return folder
    if _REPOSITORY.fullmatch(name) and not name.startswith("."):
        return download(name, revision, FILES)
    named = name if name.isprintable() and len(name) <= MAX_LINE else short_repr(name)
    raise BundleError(f"There is no folder {named}. Give a bundle's folder, or owner/name of one on the Hub.")


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors allows only the owner to read; a server may be another user


def _tensors(module: nn.Module | Detector, half: bool) -> dict[str, torch.Tensor]:
    return {name: _packed(tensor, half) for name, tensor in module.state_dict().items()}


def _packed(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1 else tensor
