"""One folder = one model: all that the diagnoser needs, readable without network and without running foreign code.

    config.json            what the weights are, how to read an image and metadata for them, checksums, licence
    network.safetensors    the MAT network, GloVe rows of the closed vocabulary included
    detector.safetensors   the detector that it was trained with; units that share one name the folder that holds it
    novelty.safetensors    what training images look like to it (optional)
    metrics.json           what `python -m training evaluate` measured

Nothing but this module knows these files.
"""

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from .bundle_checks import check_config, check_metrics
from .detectors import build_detector
from .errors import BundleError, ConfigError, NotInstalledError
from .files import TooLargeError, checksum, read_file, replace_file
from .hub import download, downloaded
from .labels import CODES
from .limits import LONGEST, configured, number, shown
from .metadata import CLEAN_FIELDS, Vocabulary
from .network import MATConfig, MATNetwork
from .novelty import NoveltyModel
from .places import DEFAULT
from .regions import Detector
from .weights import MAX_BYTES, build, read_weights

FORMAT = 1
CONFIG, NETWORK, DETECTOR, METRICS = "config.json", "network.safetensors", "detector.safetensors", "metrics.json"
NOVELTY = "novelty.safetensors"
FILES = (CONFIG, NETWORK, DETECTOR, METRICS, NOVELTY)
MAX_JSON = 2**20  # bytes of config.json or metrics.json; the largest that ships has 22 thousand
DEEPEST = 16  # objects in objects in such a file
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOW = "Clone the project again, or make a bundle with: python -m training all."


@dataclass
class Bundle:
    """A loaded model. Both modules are in eval mode, in float32.

    fields: metadata fields that the network was trained on; temperature: divides the logits before softmax;
    detector_kind and detector_config: what `detectors.build_detector` takes; split: name and checksum of the split;
    metrics: numbers measured on it; notes: attribution, licence, how it was trained; novelty: tells images unlike those
    it was trained on, where that was fitted; sums: file -> SHA-256 of the files it was read from.
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
    novelty: NoveltyModel | None = None
    sums: dict = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Its name and ten digits for what its answers depend on: the files of weights, temperature and fields."""
        facts = json.dumps([self.sums, self.temperature, self.fields], sort_keys=True)
        return f"{self.name}@{hashlib.sha256(facts.encode()).hexdigest()[:10]}"


def save_bundle(bundle: Bundle, folder: str | Path, half: bool = True, beside: str | None = None) -> Path:
    """Write the folder. half: matrices as float16 (vectors stay float32: batch norms' variances do not fit).

    beside: the name of a bundle in the same parent folder that holds the very same detector (and novelty); it is then
    not written twice. Raises BundleError when that one has another.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = {NETWORK: _tensors(bundle.network, half), DETECTOR: _tensors(bundle.detector, half)}
    if bundle.novelty is not None:
        files[NOVELTY] = {
            "mean": torch.from_numpy(bundle.novelty.mean), "whitening": torch.from_numpy(bundle.novelty.whitening)
        }  # fmt: skip
    for file, tensors in files.items():
        save_file(tensors, folder / file)
        (folder / file).chmod(0o644)  # safetensors leaves it to its owner alone; a server runs as someone else
    sums = {file: checksum(folder / file) for file in files}
    for file in (DETECTOR, NOVELTY):
        if beside and file in sums:
            if not (folder.parent / beside / file).is_file() or checksum(folder.parent / beside / file) != sums[file]:
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
    _write_json(config, folder / CONFIG)
    write_metrics(folder, bundle.metrics)
    return folder


def load_bundle(source: str | Path | None = None, revision: str | None = None) -> Bundle:
    """Read a bundle: the one in checkpoints/ (None), a folder, or 'owner/name' on the Hugging Face Hub.

    revision: of a Hub id, a commit, a tag or a branch; main without it. Only a Hub id that is no folder here makes it
    ask the network. What a bundle says is checked before anything is
    built. Raises BundleError with a sentence for what is missing, damaged, too large, of another format, or contradicts
    itself; NotInstalledError where its detector needs a library that is not here.
    """
    folder = _locate(source, revision)
    try:
        return _load(folder)
    except BundleError as error:
        if not downloaded(source):
            raise
        said, kept = str(error).removesuffix(_HOW).rstrip(), folder.parents[1]
        raise BundleError(
            f"{said} It was downloaded as {source}: delete {kept} and ask again, or tell who made it."
        ) from error


def _load(folder: Path) -> Bundle:
    config = read_config(folder)
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{folder} has bundle format {shown(config.get('format'))}; this version reads {FORMAT}. {_HOW}"
        )
    metrics = read_metrics(folder)
    at = folder / CONFIG
    try:
        check_config(config)
        network_config = configured(MATConfig, config["network"])
        vocabulary = Vocabulary(config["vocabulary"])
        if (network_config.vocabulary, network_config.classes) != (len(vocabulary), len(config["labels"])):
            raise ConfigError("The vocabulary or the labels are not as many as the network reads or tells apart.")
        at = folder / METRICS
        check_metrics(metrics)
        paths = _weight_files(folder, config)
        at = paths[NETWORK]
        network = build(lambda: MATNetwork(network_config), read_weights(at))
        at = paths[DETECTOR]
        weights = read_weights(at)
        kind, settings = config["detector"]["kind"], config["detector"]["config"]
        detector = build(lambda: build_detector(kind, settings), weights)
        novelty = None
        if NOVELTY in paths:
            at = paths[NOVELTY]
            novelty = _load_novelty(at, config.get("novelty_threshold"), detector.feature_width)
    except (BundleError, NotInstalledError):
        raise
    except ConfigError as error:
        raise BundleError(f"{at}: {error} {_HOW}") from error
    except Exception as error:  # libraries that build what a stranger describes raise nearly anything
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise BundleError(f"The bundle {folder} does not fit together ({reason}). {_HOW}") from error
    return Bundle(
        network, detector, vocabulary, kind, tuple(config["fields"]), tuple(config["labels"]),
        float(config["temperature"]), config["name"], config["split"], metrics, config["notes"], novelty,
        config["sha256"],
    )  # fmt: skip


def find_bundles(folder: str | Path) -> list[Path]:
    """The bundles that lie in `folder`, by name; nothing of them is read."""
    return [path.parent for path in sorted(Path(folder).glob(f"*/{CONFIG}"))]


def read_config(folder: Path) -> dict:
    """What a bundle says of itself, unchecked but for its size and depth. Raises BundleError."""
    return _read_json(folder / CONFIG, finite=True)


def read_metrics(folder: Path, needed: bool = False) -> dict:
    """What was measured of a bundle. Raises BundleError for a damaged file, and with `needed` where there is none."""
    return _read_json(folder / METRICS) if needed or (folder / METRICS).exists() else {}


def write_metrics(folder: Path, metrics: dict) -> None:
    """Put what was measured of a bundle in the place of what was there."""
    _write_json(metrics, folder / METRICS)


def _weight_files(folder: Path, config: dict) -> dict[str, Path]:
    """Where the files of weights are, each with the checksum that the config names."""
    beside, sums = config["detector"].get("beside"), config["sha256"]
    paths = {
        file: (folder if file == NETWORK or beside is None else folder.parent / beside) / file
        for file in (NETWORK, DETECTOR, *([NOVELTY] if NOVELTY in sums else []))
    }
    for file, path in paths.items():
        if not path.is_file():
            owner = f", which it shares with {beside}" if path.parent != folder else ""
            raise BundleError(f"The bundle {folder} lacks {file}{owner}. {_HOW}")
        if path.stat().st_size > MAX_BYTES:
            raise BundleError(f"{path} has more than {MAX_BYTES // 2**20} MB, too much for a bundle. {_HOW}")
        if not isinstance(sums.get(file), str) or not _SHA256.fullmatch(sums[file]):
            raise ConfigError(f"sha256 must hold the checksum of {file}, 64 hex digits; got {shown(sums.get(file))}.")
        if checksum(path) != sums[file]:
            raise BundleError(f"{path} is damaged: its checksum is not the one in {CONFIG}. {_HOW}")
    return paths


def _load_novelty(path: Path, threshold: Any, width: int) -> NoveltyModel:
    number("novelty_threshold", threshold, 0, 1e6)
    tensors = read_weights(path)
    if tensors.keys() != {"mean", "whitening"} or tensors["mean"].shape != (width,):
        raise ConfigError(f"Novelty must be a mean of the detector's {width} numbers and a whitening.")
    return NoveltyModel(tensors["mean"].numpy(), tensors["whitening"].numpy(), float(threshold))


def _locate(source: str | Path | None, revision: str | None = None) -> Path:
    if source is None:
        if not (DEFAULT / CONFIG).is_file():
            raise BundleError(f"There is no model in {DEFAULT.parent}/{DEFAULT.name}. {_HOW}")
        return DEFAULT
    if not isinstance(source, str | Path):
        raise BundleError(f"A bundle is named by its folder or as owner/name of one on the Hub; got {shown(source)}.")
    folder, name = Path(source), str(source)
    if os.path.isdir(folder):  # False for any name that cannot be one
        if revision is not None:
            raise BundleError(f"A revision belongs to a name on the Hub; {folder} is a folder here, and that is read.")
        if not (folder / CONFIG).is_file():
            raise BundleError(f"{folder} is not a model bundle: it has no {CONFIG}. {_HOW}")
        return folder
    if _REPOSITORY.fullmatch(name) and not name.startswith("."):
        return download(name, revision, FILES)
    named = name if name.isprintable() and len(name) <= LONGEST else shown(name)
    raise BundleError(f"There is no folder {named}. Give a bundle's folder, or owner/name of one on the Hub.")


def _tensors(module: nn.Module | Detector, half: bool) -> dict[str, torch.Tensor]:
    return {name: _packed(tensor, half) for name, tensor in module.state_dict().items()}


def _packed(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _read_json(path: Path, finite: bool = False) -> dict:
    """finite: NaN and infinities, which are no JSON, are refused; among figures they stand for what has none."""
    try:
        value = json.loads(read_file(path, MAX_JSON).decode(), parse_constant=_refuse if finite else None)
    except FileNotFoundError:
        raise BundleError(f"The bundle {path.parent} lacks {path.name}. {_HOW}") from None
    except TooLargeError:
        raise BundleError(f"{path} has more than {MAX_JSON // 2**20} MB, too much for a bundle. {_HOW}") from None
    except (OSError, ValueError, RecursionError):
        raise BundleError(f"{path} is damaged: it is not readable JSON. {_HOW}") from None
    if not isinstance(value, dict):
        raise BundleError(f"{path} is damaged: it holds no JSON object. {_HOW}")
    if _deeper(value, DEEPEST):
        raise BundleError(f"{path} is damaged: objects are nested deeper than {DEEPEST} times. {_HOW}")
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _deeper(value, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(depth == 0 or _deeper(v, depth - 1) for v in inner)


def _write_json(value: dict, path: Path) -> None:
    text = json.dumps(value, indent=2) + "\n"
    replace_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
