"""What makes it fast, counted instead of timed: detections, passes, and what is imported before an answer."""

import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from conftest import ROOT

from mat_core import Diagnoser, Metadata
from mat_core.data.image_loading import load_image
from mat_core.explain import ablate, ablation_faithfulness, metadata_sweep, occlude, tta_uncertainty
from mat_core.explain.batched_forward import network_inputs, predict_variants, word_ids
from mat_core.explain.fast_metadata_sweep import predict_metadata_variants
from mat_core.inference.bundle import load_bundle
from teaching.phantoms import make_phantom

METADATA = Metadata(55, "female", "back")


@pytest.fixture
def diagnoser(tiny_bundle) -> Diagnoser:
    """One of its own: what is counted is what this test asked for."""
    return Diagnoser(load_bundle(tiny_bundle))


@pytest.fixture
def image() -> np.ndarray:
    return make_phantom(1, "mel").image


@contextmanager
def counted(module: torch.nn.Module):
    """The rows that a module is asked for meanwhile, a number a call."""
    calls = []
    hook = module.register_forward_hook(lambda _module, inputs, _output: calls.append(len(inputs[0])))
    yield calls
    hook.remove()


def test_an_image_is_detected_once_whatever_is_asked_about_it(diagnoser, image, phantom_file):
    with counted(diagnoser.bundle.detector.rcnn.rpn.head) as calls:
        regions = diagnoser(phantom_file, METADATA).regions
        assert len(calls) == 1
        image = load_image(phantom_file)
        diagnoser(image, Metadata(20))
        for question in (metadata_sweep, ablate, ablation_faithfulness):
            question(diagnoser, regions, METADATA)
        assert len(calls) == 1
        tta_uncertainty(diagnoser, image, METADATA, regions)
        assert len(calls) == 1 + 7  # the other seven views
        found = occlude(diagnoser, image, METADATA, (4, 4))
        assert len(calls) <= 8 + -(-len(found.hidden) // 8)  # eight pictures in a pass


def test_other_metadata_asks_nothing_of_the_image_again(diagnoser, image):
    regions = diagnoser.regions(image)
    layer, novelty = diagnoser.bundle.network.layers[0], diagnoser.bundle.network.region_projection
    first = diagnoser.diagnose_regions(regions, METADATA)
    with counted(layer.self_blocks["regions"]) as attended, counted(novelty) as projected:
        again = diagnoser.diagnose_regions(first.regions, Metadata(20, "male", "face"))
        diagnoser.diagnose_regions(regions, Metadata())
        assert attended == projected == []
        assert not np.array_equal(first.logits, again.logits)
        diagnoser.diagnose_regions(regions.select(slice(1, None)), METADATA)  # another image
        assert attended == projected == [1]


def test_what_is_remembered_has_the_bits_of_computing_it_again(diagnoser, tiny_bundle, image):
    regions = diagnoser.regions(image)
    diagnoser.diagnose_regions(regions, Metadata(20))
    remembered = diagnoser.diagnose_regions(regions, METADATA)
    fresh = Diagnoser(load_bundle(tiny_bundle)).diagnose_regions(regions, METADATA)
    assert np.array_equal(remembered.logits, fresh.logits)
    for name, weights in vars(remembered.attention).items():
        assert np.array_equal(weights, getattr(fresh.attention, name))


def test_a_sweep_passes_the_images_side_once(diagnoser, image):
    regions = diagnoser.regions(image)
    network = diagnoser.bundle.network
    layer = network.layers[0]
    with (
        counted(layer.self_blocks["regions"]) as attended,
        counted(layer.guided_blocks["regions"].attention.query) as asked,
        counted(layer.guided_blocks["regions"].feed_forward[0]) as first_layers,
    ):
        sweep = metadata_sweep(diagnoser, regions, METADATA)
    assert sweep.probabilities.shape[:3] == (18, 3, 15)
    # one for all words, and one for the variant without any
    assert len(attended) <= 2
    assert attended == asked == first_layers + [1] * (len(attended) - len(first_layers))


def test_a_hundred_ablations_project_the_image_once_a_chunk(diagnoser, image):
    regions = diagnoser.regions(image)
    with counted(diagnoser.bundle.network.region_projection) as projected:
        found = ablate(diagnoser, regions, METADATA)
    # all changes of words and guidance share one, the regions taken away one a chunk of 32
    assert projected == [1] * (1 + -(-len(found.without_region) // 32))


@pytest.mark.parametrize("count", [1, 7])
def test_the_sweep_of_low_rank_gives_what_the_network_gives(diagnoser, image, count):
    regions = diagnoser.regions(image)
    features, padding, _ = network_inputs(diagnoser, regions, METADATA)
    with torch.no_grad():
        block = diagnoser.bundle.network.layers[0].guided_blocks["regions"]
        for values in (block.attention_norm.weight, block.attention_norm.bias, block.attention.output.bias):
            torch.nn.init.uniform_(values, -1, 1)
    variants = [Metadata(), METADATA, Metadata(20), Metadata(None, "male", "lower extremity"), Metadata(85, "female")]
    ids = word_ids(diagnoser, [variants[i % 5] for i in range(count)])
    found = predict_metadata_variants(diagnoser, features, padding, ids)
    assert np.allclose(found, predict_variants(diagnoser, features, padding, ids), atol=1e-6)


@pytest.mark.parametrize(
    ("run", "arguments"),
    [
        ("run_path('app.py', run_name='__main__')", ["app.py"]),
        ("run_module('mat_core', run_name='__main__')", ["mat_core"]),
        ("run_module('mat_core', run_name='__main__')", ["mat_core", "diagnose"]),
        ("run_module('training', run_name='__main__')", ["training"]),
        ("run_module('training', run_name='__main__')", ["training", "backbone"]),
        ("run_module('benchmarks', run_name='__main__')", ["benchmarks"]),
    ],
)
def test_help_is_there_without_torch(run, arguments):
    script = (
        "import runpy, sys\n"
        f"sys.argv = {[*arguments, '--help']!r}\n"
        "try:\n"
        f"    runpy.{run}\n"
        "except SystemExit as ended:\n"
        "    print('status', ended.code, sorted({'torch', 'gradio', 'cv2'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "usage:" in done.stdout
    assert done.stdout.splitlines()[-1] == "status 0 []"


@pytest.mark.slow
def test_a_diagnosis_imports_no_compiler_and_leaves_it_to_be_had(tiny_bundle):
    script = (
        "import sys\n"
        "from mat_core import Diagnoser\n"
        "from teaching.phantoms import make_phantom\n"
        f"Diagnoser.from_pretrained({str(tiny_bundle)!r})(make_phantom(1, 'mel').image)\n"
        "print(sorted({'torch._dynamo', 'sympy', 'matplotlib'} & sys.modules.keys()))\n"
        "import torch\n"
        "print(torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)).item(), bool(torch._dynamo.__file__))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "2.0 True"]
