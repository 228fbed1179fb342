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
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from .detectors import build_detector
from .errors import BundleError, UserError
from .labels import CODES
from .metadata import CLEAN_FIELDS, FIELDS, Vocabulary
from .network import MATConfig, MATNetwork
from .novelty import NoveltyModel

FORMAT = 1
CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
DEFAULT = CHECKPOINTS / "sga-sga"
CONFIG, NETWORK, DETECTOR, METRICS = "config.json", "network.safetensors", "detector.safetensors", "metrics.json"
NOVELTY = "novelty.safetensors"
_HOW = "Clone the project again, or make a bundle with: python -m training all."


@dataclass
class Bundle:
    """A loaded model. Both modules are in eval mode, in float32.

    fields: metadata fields that the network was trained on; temperature: divides the logits before softmax;
    detector_kind and detector_config: what `detectors.build_detector` takes; split: name and checksum of the split;
    metrics: numbers measured on it; notes: attribution, licence, how it was trained; novelty: tells images unlike those
    it was trained on, where that was fitted.
    """

    network: MATNetwork
    detector: nn.Module
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
    sums = {file: _sha256(folder / file) for file in files}
    for file in (DETECTOR, NOVELTY) if beside else ():
        if file in sums:
            if not (folder.parent / beside / file).is_file() or _sha256(folder.parent / beside / file) != sums[file]:
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
    _write_json(bundle.metrics, folder / METRICS)
    return folder


def load_bundle(source: str | Path | None = None) -> Bundle:
    """Read a bundle: the one in checkpoints/ (None), a folder, or 'owner/name' on the Hugging Face Hub.

    Only a Hub id that is no folder here makes it ask the network. Raises BundleError with one sentence for what is
    missing, damaged, of another format, or contradicts itself.
    """
    folder = _locate(source)
    config = _read_json(folder / CONFIG)
    if config.get("format") != FORMAT:
        raise BundleError(f"{folder} has bundle format {config.get('format')!r}; this version reads {FORMAT}. {_HOW}")
    try:
        beside = config["detector"].get("beside")
        if beside is not None and (Path(beside).name != beside or beside in (".", "..")):
            raise BundleError(f"{folder / CONFIG} names a detector outside of the checkpoints' folder. {_HOW}")
        paths = {
            file: (folder if file == NETWORK or beside is None else folder.parent / beside) / file
            for file in (NETWORK, DETECTOR, *([NOVELTY] if NOVELTY in config["sha256"] else []))
        }
        for file, path in paths.items():
            if not path.is_file():
                shared = f", which it shares with {beside}" if path.parent != folder else ""
                raise BundleError(f"The bundle {folder} lacks {file}{shared}. {_HOW}")
            if _sha256(path) != config["sha256"].get(file):
                raise BundleError(f"{path} is damaged: its checksum is not the one in {CONFIG}. {_HOW}")
        vocabulary = Vocabulary(config["vocabulary"])
        network_config = MATConfig(**config["network"])
        if network_config.vocabulary != len(vocabulary) or network_config.classes != len(config["labels"]):
            raise BundleError(f"{folder / CONFIG} contradicts itself in its vocabulary or labels. {_HOW}")
        if not set(config["fields"]) <= set(FIELDS):
            raise BundleError(f"{folder / CONFIG} names metadata fields that this version does not know. {_HOW}")
        network = MATNetwork(network_config)
        detector = build_detector(config["detector"]["kind"], config["detector"]["config"])
        for file, module in ((NETWORK, network), (DETECTOR, detector)):
            weights = {k: v.float() if v.is_floating_point() else v for k, v in load_file(paths[file]).items()}
            module.load_state_dict(weights)
            module.eval().requires_grad_(False)
        return Bundle(
            network, detector, vocabulary, config["detector"]["kind"], tuple(config["fields"]),
            tuple(config["labels"]), float(config["temperature"]), config["name"], config["split"],
            _read_json(folder / METRICS) if (folder / METRICS).is_file() else {}, config["notes"],
            _load_novelty(paths[NOVELTY], config["novelty_threshold"]) if NOVELTY in paths else None,
        )  # fmt: skip
    except UserError:
        raise
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BundleError(f"The bundle {folder} does not fit together ({reason}). {_HOW}") from error


def _load_novelty(path: Path, threshold: float) -> NoveltyModel:
    tensors = load_file(path)
    return NoveltyModel(tensors["mean"].numpy(), tensors["whitening"].numpy(), float(threshold))


def _locate(source: str | Path | None) -> Path:
    if source is None:
        if not (DEFAULT / CONFIG).is_file():
            raise BundleError(f"There is no model in {DEFAULT.parent}/{DEFAULT.name}. {_HOW}")
        return DEFAULT
    folder = Path(source)
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise BundleError(f"{folder} is no model bundle: it has no {CONFIG}. {_HOW}")
        return folder
    text = str(source)
    if text.count("/") == 1 and not text.startswith((".", "/", "~")) and all(text.split("/")):
        return _download(text)
    raise BundleError(f"There is no folder {folder}. Give a bundle's folder, or owner/name of one on the Hub.")


def _download(repo: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its retries are no news to a person; the outcome is
    try:
        return Path(snapshot_download(repo, allow_patterns=[CONFIG, NETWORK, DETECTOR, METRICS, NOVELTY]))
    except RepositoryNotFoundError:
        raise BundleError(f"There is no folder {repo} here and no model {repo} on the Hub, or it is private.") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise BundleError(
            f"There is no folder {repo} here, and the Hub could not be reached to download it. "
            "Check the connection, or give the folder of a bundle."
        ) from None


def _tensors(module: nn.Module, half: bool) -> dict[str, torch.Tensor]:
    return {name: _packed(tensor, half) for name, tensor in module.state_dict().items()}


def _packed(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half and tensor.is_floating_point() and tensor.ndim > 1 else tensor


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"The bundle {path.parent} lacks {path.name}. {_HOW}") from None
    except (OSError, ValueError):
        raise BundleError(f"{path} is damaged: it is not readable JSON. {_HOW}") from None
    if not isinstance(value, dict):
        raise BundleError(f"{path} is damaged: it holds no JSON object. {_HOW}")
    return value


def _write_json(value: dict, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    os.replace(partial, path)
