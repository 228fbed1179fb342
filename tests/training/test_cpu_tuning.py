"""What makes a step on CPU faster, changes nothing else and can be measured."""

import os
import platform
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT
from torch import nn

from mat_core.utils.precision import has_native_bfloat16
from training.engine.cpu_tuning import DepthwiseBackward, backward_mode, disable_malloc_trim


def test_depthwise_gradients_are_those_of_float32_and_the_others_are_left_alone():
    torch.manual_seed(0)
    strided, wide = nn.Conv2d(8, 8, 3, stride=2, groups=8), nn.Conv2d(8, 8, 5, padding=2, groups=8)
    narrow, dense = nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3, stride=2)

    def gradients(layer, mode):
        inputs = torch.linspace(-1, 1, 4 * 8 * 16 * 16).sin().view(4, 8, 16, 16).bfloat16().requires_grad_()
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (layer(inputs) ** 2).sum()
        with mode:
            loss.backward()
        return [inputs.grad.float(), layer.weight.grad, layer.bias.grad]

    def exact(layer):  # what the rounding of bfloat16 before and after leaves of float32
        inputs = torch.linspace(-1, 1, 4 * 8 * 16 * 16).sin().view(4, 8, 16, 16).bfloat16().float().requires_grad_()
        rounded = [p.detach().bfloat16().float().requires_grad_() for p in (layer.weight, layer.bias)]
        with torch.autocast("cpu", torch.bfloat16):
            outputs = layer(inputs.bfloat16()).float()
        again = nn.functional.conv2d(inputs, *rounded, layer.stride, layer.padding, groups=layer.groups)
        again.backward((2 * outputs).bfloat16().float())
        return [g.bfloat16().float() for g in (inputs.grad, *(p.grad for p in rounded))]

    for layer in (strided, wide):
        for got, wanted in zip(gradients(layer, DepthwiseBackward()), exact(layer), strict=True):
            assert torch.allclose(got, wanted, rtol=1e-2, atol=1e-3)
    for layer in (narrow, dense):
        for got, wanted in zip(gradients(layer, DepthwiseBackward()), gradients(layer, nullcontext()), strict=True):
            assert torch.equal(got, wanted)


def test_the_depthwise_mode_is_entered_only_where_it_gains():
    slow = nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, stride=2, groups=8))
    fast = nn.Sequential(nn.Conv2d(8, 8, 5), nn.Conv2d(8, 8, 3, groups=8), nn.Linear(8, 8))

    def mode(model, device="cpu", precision="bf16"):
        return backward_mode(model, SimpleNamespace(device=torch.device(device), mixed_precision=precision))

    assert mode(slow) is DepthwiseBackward
    for off in (mode(fast), mode(slow, device="cuda"), mode(slow, precision="no"), mode(slow, precision="fp16")):
        assert off is nullcontext


@pytest.mark.slow
def test_the_speed_of_a_step_is_measured_with_and_without():
    command = [sys.executable, "-m", "training", "speed", "--backbone", "tf_efficientnet_lite0", "--sizes", "32x48"]
    done = subprocess.run(
        [*command, "--batch", "2", "--repeats", "2", "--warm-up", "1"], cwd=ROOT, capture_output=True, text=True,
        timeout=600, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert "1 torch threads" in lines[0]
    assert "tf_efficientnet_lite0, 2 images of 32 x 48, 2 steps after 1" in lines[1]
    rows = {line[:22].strip(): line[22:].split() for line in lines if ".." in line[22:] and "min" not in line}
    assert "neither" in rows
    assert ("depthwise in float32" in rows) == has_native_bfloat16()
    assert ("memory kept" in rows) == ("Memory cannot be kept" not in done.stdout)
    assert ("both" in rows) == ({"memory kept", "depthwise in float32"} <= set(rows))
    assert rows["neither"][3] == "1.00"
    for middle, span, images, gain in rows.values():
        low, high = map(float, span.split(".."))
        assert 0 < low <= float(middle) <= high
        assert float(images) == pytest.approx(2 / float(middle), rel=0.1)
        assert float(gain) == pytest.approx(float(rows["neither"][0]) / float(middle), rel=0.1)


def test_freed_memory_is_reused_where_the_c_library_can(monkeypatch):
    assert disable_malloc_trim() == (sys.platform.startswith("linux") and "glibc" in platform.libc_ver())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not disable_malloc_trim()
