"""Describes the machine and the versions that a figure was measured with."""

from __future__ import annotations

import contextlib
import importlib
import os
import platform
from pathlib import Path

from . import __version__, onednn

INSTRUCTION_SETS = ("avx", "avx2", "fma", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_tile")


def describe() -> dict:
    """Returns `cpu`, `instruction_sets`, `cores`, `memory_gb`, `gpus` and `onednn` of this process.

    Imports TensorFlow.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return dict(
        cpu=cpu_name(),
        instruction_sets=instruction_sets(),
        cores=cores(),
        memory_gb=memory_gb(),
        gpus=[tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus],
        onednn=onednn_settings(),
    )


def one_line(machine: dict) -> str:
    """Returns what `describe` found as one line of text."""
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    onednn_state = {True: "oneDNN on", False: "oneDNN off", None: "oneDNN unknown"}[machine["onednn"]["enabled"]]
    if limit := machine["onednn"].get("max_cpu_isa"):
        onednn_state += f" (limited to {limit})"
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB of memory, {gpus}, {onednn_state}"


def onednn_settings() -> dict:
    """Returns whether oneDNN is `enabled`, and the `ONEDNN_MAX_CPU_ISA` that the environment limits it to, if any."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
    return dict(enabled=onednn.is_enabled(), **(dict(max_cpu_isa=limit) if limit else {}))


def versions() -> dict[str, str]:
    """Returns the versions of this project, TensorFlow, Keras, NumPy and Python."""
    packages = {name: importlib.import_module(name).__version__ for name in ("tensorflow", "keras", "numpy")}
    return dict(s3d_tf=__version__, **packages, python=platform.python_version())


def cpu_name() -> str:
    """Returns the CPU's model name; its architecture where the system does not tell."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def instruction_sets() -> list[str]:
    """Returns those of `INSTRUCTION_SETS` that the CPU has; empty where the system does not tell."""
    flags = _cpuinfo("flags").split()
    return [name for name in INSTRUCTION_SETS if name in flags]


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gb() -> float:
    """Returns the machine's memory, in GB (10^9 bytes)."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)


def memory_available_gb() -> float | None:
    """Returns the memory that new work can take without swapping, in GB; None where the system does not tell."""
    kilobytes = _field(Path("/proc/meminfo"), "MemAvailable").removesuffix("kB")
    return round(int(kilobytes) * 1024 / 1e9, 1) if kilobytes else None


def _cpuinfo(field: str) -> str:
    """Returns what /proc/cpuinfo says of the first core; "" where there is no such file or line."""
    return _field(Path("/proc/cpuinfo"), field)


def _field(path: Path, field: str) -> str:
    """Returns the value of the first line `field: value` of a file; "" where there is no such file or line."""
    with contextlib.suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""
