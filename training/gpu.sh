#!/usr/bin/env bash
# Train the classifier of the preset 'crops' to its last epoch on a machine with a GPU (10 minutes on an H100).
#
#   bash training/gpu.sh pack DATA [EXTRA]    here: images of train and val, unchanged, to runs/gpu/*.tar of at most 48 MiB
#   bash training/gpu.sh train OUT [PRESET]   there, beside the unpacked project and runs/gpu: writes OUT/classifier.safetensors
#
# DATA: a HAM10000 folder. EXTRA: a further folder of training images (docs/TRAINING.md). SPLIT_FILE in the environment
# replaces the project's split. The weights are the moving average
# of the last epoch in half precision, about 10 MB; OUT/history.json has what each epoch gave.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
case "${1:-}" in
pack)
  rm -rf runs/gpu && mkdir -p runs/gpu
  $PYTHON - "${@:2}" <<'PY'
import os
import sys
import tarfile
from pathlib import Path

from mat_core.data.ham10000 import SPLIT_FILE, read_dataset

data, *extra = map(Path, sys.argv[1:])
cases = read_dataset(data, Path(os.environ.get("SPLIT_FILE", SPLIT_FILE))).cases
files = [(case.image, "data") for case in cases if case.split in ("train", "val")]
files += [(data / "HAM10000_metadata.csv", "data")]
files += [(file, "extra") for folder in extra for file in sorted(folder.rglob("*")) if file.suffix in (".csv", ".jpg")]
part, size, archive = 0, 1 << 40, None
for file, top in files:
    if size + file.stat().st_size > 48 << 20:
        if archive:
            archive.close()
        part, size = part + 1, 0
        archive = tarfile.open(f"runs/gpu/part-{part}.tar", "w")
    archive.add(file, f"{top}/{file.parent.name}/{file.name}" if file.suffix == ".jpg" else f"{top}/{file.name}")
    size += file.stat().st_size + 1024
archive.close()
PY
  ls -l runs/gpu
  ;;
train)
  for part in runs/gpu/part-*.tar; do tar -xf "$part" -C runs/gpu; done
  extra=()
  if [ -d runs/gpu/extra ]; then extra=(--data runs/gpu/extra); fi
  $PYTHON -m training backbone --data runs/gpu/data "${extra[@]}" ${SPLIT_FILE:+--split-file "$SPLIT_FILE"} --preset "${3:-crops}" --runs runs/gpu/runs
  mkdir -p "$2"
  $PYTHON - "$2" <<'PY'
import shutil
import sys

from safetensors.torch import load_file, save_file

run = "runs/gpu/runs/backbone"
state = load_file(f"{run}/last.safetensors")
prefix = "average/" if any(name.startswith("average/") for name in state) else "model/"  # a recipe may have no average
weights = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
half = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
save_file(half, f"{sys.argv[1]}/classifier.safetensors")
shutil.copy(f"{run}/history.json", sys.argv[1])
PY
  ls -l "$2"
  ;;
*)
  sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'
  exit 2
  ;;
esac
