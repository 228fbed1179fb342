"""Where bfloat16 counts as native, and that the answers do not depend on the instruction set."""

import json
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT

from mat_core.utils.precision import has_native_bfloat16

AVX2 = {"DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
X86 = {"architecture": "x86_64", "avx512_f": True}


@pytest.mark.parametrize(
    ("units", "capability", "limit", "native"),
    [
        (X86 | {"avx512_bf16": True}, "AVX512", "", True),
        (X86 | {"amx_bf16": True}, "AVX512", "ALL", True),
        (X86 | {"avx512_bf16": True}, "AVX512", "avx512_core_amx", True),
        (X86 | {"avx512_bf16": True}, "AVX512", "avx512_core", False),
        (X86 | {"avx512_bf16": True, "amx_bf16": True}, "AVX2", "", False),
        (X86, "AVX512", "", False),
        ({"architecture": "x86_64", "avx2": True}, "AVX2", "", False),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, "DEFAULT", "", True),
        ({"architecture": "aarch64", "neon": True}, "DEFAULT", "", False),
    ],
)
def test_bfloat16_is_native_where_the_processor_has_it_and_torch_may_use_it(
    monkeypatch, units, capability, limit, native
):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: units)
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: capability)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", limit)
    assert has_native_bfloat16() is native
    assert has_native_bfloat16(torch.device("cpu")) is native
    assert not has_native_bfloat16("mps")


def test_a_gpu_that_emulates_bfloat16_does_not_have_it(monkeypatch):
    gpu = SimpleNamespace(major=7)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: gpu)
    assert not has_native_bfloat16("cuda")
    gpu.major = 8
    assert has_native_bfloat16("cuda")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="instruction sets of x86")
def test_avx2_and_the_default_instruction_set_give_the_same_answers():
    code = (
        "import json, torch; from mat_core import Diagnoser, Metadata; from teaching.phantoms import make_phantom;"
        "from mat_core.utils.precision import has_native_bfloat16;"
        "d = Diagnoser.from_pretrained()(make_phantom(1, 'mel').image, Metadata(55, 'male', 'back'));"
        "print(json.dumps([d.probabilities, torch.backends.cpu.get_cpu_capability(), has_native_bfloat16()]))"
    )
    answers = []
    for limits in ({}, AVX2):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **limits}, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        answers.append(json.loads(done.stdout))
    (default, *_), (limited, capability, native) = answers
    assert (capability, native) == ("AVX2", False)
    assert limited == pytest.approx(default, abs=1e-4)
