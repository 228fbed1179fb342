"""training/gpu.sh: images packed here, a classifier trained from them, its averaged weights in half precision."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file

from mat_core.data.ham10000 import read_dataset
from mat_core.data.labels import CODES
from teaching.phantoms import write_phantom_dataset
from training.presets import PRESETS
from training.steps.split import make_split

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_classifier_is_trained_from_packed_images(tmp_path):
    shutil.copytree(ROOT / "training", tmp_path / "training", ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("mat_core", "teaching"):
        (tmp_path / package).symlink_to(ROOT / package)
    data = write_phantom_dataset(tmp_path / "phantoms", per_class=5)
    split = tmp_path / "split.csv"
    make_split(read_dataset(data, None).cases, split)
    environment = {**os.environ, "PYTHON": sys.executable, "SPLIT_FILE": str(split)}

    def script(*args) -> str:
        done = subprocess.run(["bash", "training/gpu.sh", *map(str, args)], cwd=tmp_path, env=environment,
                              capture_output=True, text=True)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "part-1.tar" in script("pack", data)
    shutil.rmtree(data)
    script("train", tmp_path / "out", "smoke")
    weights = load_file(tmp_path / "out" / "classifier.safetensors")
    assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float16}
    model = timm.create_model(PRESETS["smoke"].backbone.name, num_classes=len(CODES))
    model.load_state_dict(weights)  # every name and shape fits
