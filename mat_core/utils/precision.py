"""Native support of bfloat16; its emulation is many times slower than float32."""

import os

import torch

# values of DNNL_MAX_CPU_ISA without bfloat16
_ISA_WITHOUT = {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI"}


def has_native_bfloat16(device: torch.device | str = "cpu") -> bool:
    """Whether torch can use native bfloat16 on `device`: AVX-512 BF16, AMX, Arm's or CUDA's.

    False if ATEN_CPU_CAPABILITY or DNNL_MAX_CPU_ISA excludes it.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    units = torch.cpu.get_capabilities()
    if not str(units["architecture"]).startswith("x86"):
        return bool(units.get("bf16") or units.get("sve_bf16"))
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    return bool(units.get("avx512_bf16") or units.get("amx_bf16")) and limit.upper() not in _ISA_WITHOUT
