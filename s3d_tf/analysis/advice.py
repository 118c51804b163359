"""Turns the facts that `doctor.examine` collects into one sentence of advice. Measures nothing."""

from __future__ import annotations

import math

INSTALL_GPU = "pip install -e '.[gpu]'"

SLOW = 0.02
"""Multiply-adds per second of a Conv3D or its gradient, as a share of the matrix product's, below which it is slow.

Measured with TensorFlow 2.21 on two busy cores of an AMD EPYC with AVX-512: 0.26 to 0.60 with oneDNN, also when it is
limited to AVX2 or SSE4.1; without it 0.0008 to 0.0013 for the gradient, while the Conv3D itself reaches 0.25 to 0.7.
"""

LOW_MEMORY_GB = 3.0  # training S3D-G on one clip of 64x224x224 peaks at 2.9
LOW_DISK_GB = 0.5  # the weights and momentum of S3D-G take 0.09; a run keeps up to four checkpoints and writes a fifth

NARROWER = {  # values of ONEDNN_MAX_CPU_ISA below an instruction set of the CPU, the widest first
    "avx512f": ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"),
    "avx2": ("SSE41", "AVX"),
}


def advise(facts: dict) -> str:
    """Returns one sentence: the most serious problem and what to do about it, or that everything is as expected.

    Args:
        facts: from `doctor.examine`.
    """
    for check in (_gpu, _onednn, _instruction_sets, _conv3d, _threads, _memory, _disk):
        if sentence := check(facts):
            return sentence
    gpus = ", ".join(facts["machine"]["gpus"])
    return f"Everything is as expected: {f'TensorFlow uses {gpus}' if gpus else _speed(facts)}."


def _gpu(facts: dict) -> str | None:
    nvidia, hidden = facts["nvidia"], facts["environment"].get("CUDA_VISIBLE_DEVICES")
    if facts["machine"]["gpus"] or not any(nvidia.values()):
        return None
    if not (nvidia["devices"] or nvidia["smi"]):
        return (
            "The NVIDIA driver is loaded, but this process has no GPU device such as /dev/nvidia0: start the container "
            "with docker run --gpus=all."
        )
    found = ", ".join(nvidia["smi"] or nvidia["devices"])
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden} hides the GPU ({found}) from TensorFlow: unset it."
    return f"The machine has a GPU ({found}), but TensorFlow does not see it: {INSTALL_GPU}"


def _onednn(facts: dict) -> str | None:
    if facts["machine"]["gpus"] or facts["machine"]["onednn"]["enabled"] is not False:
        return None
    if facts["environment"].get("TF_ENABLE_ONEDNN_OPTS", "").lower() not in ("1", "true"):
        return f"{_speed(facts)}: oneDNN is off; set TF_ENABLE_ONEDNN_OPTS=1."
    if _slowest(facts) >= SLOW:
        return None
    return f"{_speed(facts)}: this build of TensorFlow has no oneDNN; install TensorFlow from PyPI on Linux."


def _instruction_sets(facts: dict) -> str | None:
    limit = facts["machine"]["onednn"].get("max_cpu_isa", "").upper()
    for instruction_set, narrower in NARROWER.items():
        if limit in narrower and instruction_set in facts["machine"]["instruction_sets"]:
            return f"ONEDNN_MAX_CPU_ISA={limit} keeps oneDNN from using the CPU's {instruction_set}: unset it."
    return None


def _conv3d(facts: dict) -> str | None:
    if facts["machine"]["gpus"] or _slowest(facts) >= SLOW:
        return None
    return f"{_speed(facts)}, which is slow: please open an issue with this output."


def _threads(facts: dict) -> str | None:
    cores, quota = facts["machine"]["cores"], facts["limits"]["cpu_quota"]
    text = facts["environment"].get("TF_NUM_INTRAOP_THREADS", "")
    threads = int(text) if text.isdecimal() and int(text) else cores
    usable = min(cores, math.ceil(quota)) if quota else cores
    if threads < usable:
        return (
            f"TF_NUM_INTRAOP_THREADS={threads} leaves {usable - threads} of {usable} cores idle: unset it, unless runs "
            "must be reproducible bit for bit."
        )
    if threads > usable:
        limit = f"the CPU quota is {quota:g} cores" if usable < cores else f"this process may use {cores} cores"
        return f"TensorFlow starts {threads} threads, but {limit}: set TF_NUM_INTRAOP_THREADS={usable}."
    return None


def _memory(facts: dict) -> str | None:
    limits = facts["limits"]
    known = [gb for gb in (limits["memory_available_gb"], limits["memory_limit_gb"]) if gb is not None]
    if not known or min(known) >= LOW_MEMORY_GB:
        return None
    return (
        f"Only {min(known):.1f} GB of memory is available: train on fewer frames or smaller crops, since S3D-G takes "
        f"{LOW_MEMORY_GB:g} GB for one clip of 64x224x224."
    )


def _disk(facts: dict) -> str | None:
    free = facts["limits"]["disk_free_gb"]
    if free >= LOW_DISK_GB:
        return None
    return f"Only {free:.1f} GB of disk is free here: make room, since a run keeps {LOW_DISK_GB:g} GB of checkpoints."


def percent(share: float) -> str:
    """Returns a share in per cent with two digits or more, such as `54 %` or `0.07 %`."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _speed(facts: dict) -> str:
    conv, gradient = (percent(facts["speed"]["shares"][name]) for name in ("conv3d", "conv3d_gradient"))
    return f"Conv3D runs at {conv} and its gradient at {gradient} of the matrix product"


def _slowest(facts: dict) -> float:
    return min(facts["speed"]["shares"].values())
