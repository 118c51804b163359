"""Collects what a question about speed or installation needs: versions, CPU, GPUs, limits, settings, Conv3D's speed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import tensorflow as tf

from .. import cgroup, machine
from . import ceilings, timing
from .advice import advise, percent

VARIABLES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "TF_DETERMINISTIC_OPS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "CUDA_VISIBLE_DEVICES",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "KERAS_BACKEND",
)
"""What changes speed, devices or rounding. Importing s3d_tf sets the first one unless the environment does."""

SECONDS = 0.05  # what a round takes of each, or one call if that is longer
MATRIX = (1024, 1024, 1024)  # rows, inner, columns
CONV = ceilings.Conv((1, 8, 24, 24, 3), (3, 7, 7, 3, 64), (2, 2, 2), "SAME")
"""S3D's first Conv3D on a small clip. Its kernel gradient is where TensorFlow without oneDNN loses most: about 1 s."""


def examine(rounds: int = 3) -> dict:
    """Returns all facts and the `advice` that follows from them, as JSON takes them.

    Call `use_one_thread` first.

    Args:
        rounds: of the timing.

    Returns:
        `versions`, `nvidia`, `limits` and `speed`, see `versions`, `nvidia`, `limits` and `measure`; `machine`, see
        `machine.describe`; `devices` that TensorFlow sees; `environment`, those of `VARIABLES` that are set; `advice`,
        a sentence.
    """
    facts = dict(
        versions=versions(),
        machine=machine.describe(),
        devices=[device.name.removeprefix("/physical_device:") for device in tf.config.list_physical_devices()],
        nvidia=nvidia(),
        limits=limits(),
        environment={name: os.environ[name] for name in VARIABLES if name in os.environ},
        speed=measure(rounds),
    )
    return facts | dict(advice=advise(facts))


def versions() -> dict[str, str]:
    """Returns `machine.versions`, every installed package that provides cv2 (there must be one), and the system."""
    packages = sorted(metadata.packages_distributions().get("cv2", ()))
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):  # not Linux
        system = platform.system()
    return (
        machine.versions()
        | {name: metadata.version(name) for name in packages}
        | dict(os=f"{system} ({platform.platform()})")
    )


def limits() -> dict[str, float | None]:
    """Returns what this process may use.

    Returns:
        `cpu_quota` in cores and `memory_limit_gb` of its control group, None without one; `memory_available_gb`, None
        where the system does not tell; `disk_free_gb` in the working directory.
    """
    memory = cgroup.memory_limit()
    return dict(
        cpu_quota=cgroup.cpu_quota(),
        memory_limit_gb=memory and round(memory / 1e9, 1),
        memory_available_gb=machine.memory_available_gb(),
        disk_free_gb=round(shutil.disk_usage(".").free / 1e9, 1),
    )


def nvidia(root: Path = Path("/")) -> dict[str, list[str]]:
    """Returns what shows that there is an NVIDIA GPU, whether or not TensorFlow sees it.

    Returns:
        `driver`, the kernel driver's folder if it is loaded; `devices`, the device files of this process's GPUs; `smi`,
        name and driver version of each GPU by nvidia-smi.
    """
    driver = root / "proc/driver/nvidia"
    return dict(
        driver=[str(driver)] if driver.exists() else [],
        devices=sorted(str(path) for path in (root / "dev").glob("nvidia[0-9]*")),
        smi=_nvidia_smi(),
    )


def _nvidia_smi() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


def use_one_thread() -> None:
    """Makes TensorFlow use one thread, so that `measure` does not depend on the number of cores.

    Call it before TensorFlow has computed anything.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Times a float32 matrix product, `CONV` and the gradient of its kernel in turn, on the CPU.

    Returns:
        `rates` of `matmul`, `conv3d` and `conv3d_gradient`, medians in multiply-adds per second; `shares` of the latter
        two, the median over the rounds of their rate divided by that of `matmul` in the same round.
    """
    with tf.device("CPU:0"):
        works = dict(matmul=ceilings.matmul(*MATRIX), conv3d=ceilings.forward(CONV))
        works["conv3d_gradient"] = ceilings.kernel_gradient(CONV)
        runs = {name: timing.repeated(work.run, SECONDS) for name, work in works.items()}
        seconds = timing.interleave(runs, rounds)
    rates = {name: works[name].multiply_adds / np.array(values) for name, values in seconds.items()}
    shares = {name: float(np.median(rates[name] / rates["matmul"])) for name in ("conv3d", "conv3d_gradient")}
    return dict(rates={name: float(np.median(values)) for name, values in rates.items()}, shares=shares)


def lines(facts: dict) -> list[str]:
    """Returns what `examine` found as lines of text, the advice last."""
    found, limits = facts["machine"], facts["limits"]
    rates = {name: f"{rate / 1e9:.2f}" for name, rate in facts["speed"]["rates"].items()}
    shares = {name: percent(share) for name, share in facts["speed"]["shares"].items()}
    quota = f"CPU quota {limits['cpu_quota']:g} cores" if limits["cpu_quota"] else "no CPU quota"
    limit = f"limit {limits['memory_limit_gb']} GB" if limits["memory_limit_gb"] else "no limit"
    nvidia = [*facts["nvidia"]["driver"], *facts["nvidia"]["devices"], *facts["nvidia"]["smi"]]
    onednn = found["onednn"]
    rows = {
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
        "CPU": f"{found['cpu']}: {' '.join(found['instruction_sets']) or 'features unknown'}",
        "cores": f"{found['cores']} for this process, {quota}",
        "memory": f"{found['memory_gb']} GB, {limits['memory_available_gb']} GB available, {limit}",
        "disk": f"{limits['disk_free_gb']} GB free in the working directory",
        "oneDNN": {True: "on", False: "off", None: "unknown"}[onednn["enabled"]]
        + (f", limited to {onednn['max_cpu_isa']}" if "max_cpu_isa" in onednn else ""),
        "devices": ", ".join([*facts["devices"], *found["gpus"]]),
        "NVIDIA": ", ".join(nvidia) or "no driver, no device",
        "environment": " ".join(f"{name}={value}" for name, value in facts["environment"].items()),
        "speed": f"matrix product {rates['matmul']} G multiply-adds/s on one thread, Conv3D {rates['conv3d']} "
        f"({shares['conv3d']}), its gradient {rates['conv3d_gradient']} ({shares['conv3d_gradient']})",
    }
    return [*(f"{name:<12}{text}" for name, text in rows.items()), "", facts["advice"]]
