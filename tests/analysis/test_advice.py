"""Each problem has its sentence, the most serious one is given, and the thresholds hold the measured values apart."""

import copy

import pytest

from s3d_tf.analysis.advice import advise, percent

FINE = dict(
    machine=dict(
        cpu="AMD EPYC", instruction_sets=["avx", "avx2", "avx512f"], cores=8, gpus=[], onednn=dict(enabled=True)
    ),
    nvidia=dict(driver=[], devices=[], smi=[]),
    limits=dict(cpu_quota=None, memory_limit_gb=None, memory_available_gb=20.0, disk_free_gb=50.0),
    environment=dict(TF_ENABLE_ONEDNN_OPTS="1"),
    speed=dict(shares=dict(conv3d=0.42, conv3d_gradient=0.54)),
)
AS_EXPECTED = "Everything is as expected: Conv3D runs at 42 % and its gradient at 54 % of the matrix product."
SLOW_GRADIENT = dict(conv3d=0.2, conv3d_gradient=0.0007)
NO_ONEDNN = (("machine", "onednn", dict(enabled=False)), ("speed", "shares", SLOW_GRADIENT))
ONEDNN_OFF = (*NO_ONEDNN, ("environment", "TF_ENABLE_ONEDNN_OPTS", "0"))
SMI = "NVIDIA L4, 550.54"
SEEN = ("nvidia", "smi", [SMI])


def facts(*changes):
    changed = copy.deepcopy(FINE)
    for group, name, value in changes:
        changed[group][name] = value
    return changed


SENTENCES = {
    "nothing": ((), AS_EXPECTED),
    "a GPU in use": (
        (SEEN, ("machine", "gpus", ["NVIDIA L4"]), *ONEDNN_OFF),
        "Everything is as expected: TensorFlow uses NVIDIA L4.",
    ),
    "an unseen GPU": (
        (SEEN,),
        "The machine has a GPU (NVIDIA L4, 550.54), but TensorFlow does not see it: pip install -e '.[gpu]'",
    ),
    "an unseen GPU without nvidia-smi": (
        (("nvidia", "devices", ["/dev/nvidia0"]), ("environment", "CUDA_VISIBLE_DEVICES", "0")),
        "The machine has a GPU (/dev/nvidia0), but TensorFlow does not see it: pip install -e '.[gpu]'",
    ),
    "a hidden GPU": (
        (SEEN, ("environment", "CUDA_VISIBLE_DEVICES", "-1")),
        "CUDA_VISIBLE_DEVICES=-1 hides the GPU (NVIDIA L4, 550.54) from TensorFlow: unset it.",
    ),
    "a GPU hidden by an empty list": (
        (SEEN, ("environment", "CUDA_VISIBLE_DEVICES", "")),
        "CUDA_VISIBLE_DEVICES= hides the GPU (NVIDIA L4, 550.54) from TensorFlow: unset it.",
    ),
    "a container without its GPU": (
        (("nvidia", "driver", ["/proc/driver/nvidia"]),),
        "The NVIDIA driver is loaded, but this process has no GPU device such as /dev/nvidia0: start the container "
        "with docker run --gpus=all.",
    ),
    "oneDNN off": (
        ONEDNN_OFF,
        "Conv3D runs at 20 % and its gradient at 0.07 % of the matrix product: oneDNN is off; set "
        "TF_ENABLE_ONEDNN_OPTS=1.",
    ),
    "oneDNN off, however fast": (
        (("machine", "onednn", dict(enabled=False)), ("environment", "TF_ENABLE_ONEDNN_OPTS", "False")),
        "Conv3D runs at 42 % and its gradient at 54 % of the matrix product: oneDNN is off; set "
        "TF_ENABLE_ONEDNN_OPTS=1.",
    ),
    "a build without oneDNN": (
        NO_ONEDNN,
        "Conv3D runs at 20 % and its gradient at 0.07 % of the matrix product: this build of TensorFlow has no oneDNN; "
        "install TensorFlow from PyPI on Linux.",
    ),
    "a fast build without oneDNN": ((("machine", "onednn", dict(enabled=False)),), AS_EXPECTED),
    "oneDNN limited": (
        (("machine", "onednn", dict(enabled=True, max_cpu_isa="avx2")),),
        "ONEDNN_MAX_CPU_ISA=AVX2 keeps oneDNN from using the CPU's avx512f: unset it.",
    ),
    "oneDNN limited on an older CPU": (
        (("machine", "onednn", dict(enabled=True, max_cpu_isa="AVX")), ("machine", "instruction_sets", ["avx2"])),
        "ONEDNN_MAX_CPU_ISA=AVX keeps oneDNN from using the CPU's avx2: unset it.",
    ),
    "a limit above the CPU": (
        (("machine", "onednn", dict(enabled=True, max_cpu_isa="AVX2")), ("machine", "instruction_sets", ["avx2"])),
        AS_EXPECTED,
    ),
    "a limit of bfloat16 alone": (
        (("machine", "onednn", dict(enabled=True, max_cpu_isa="AVX512_CORE")),),
        AS_EXPECTED,
    ),
    "slow with oneDNN": (
        (("speed", "shares", dict(conv3d=0.0199, conv3d_gradient=0.5)),),
        "Conv3D runs at 2 % and its gradient at 50 % of the matrix product, which is slow: please open an issue with "
        "this output.",
    ),
    "the threshold": (
        (("speed", "shares", dict(conv3d=0.02, conv3d_gradient=0.02)),),
        "Everything is as expected: Conv3D runs at 2 % and its gradient at 2 % of the matrix product.",
    ),
    "a TensorFlow that does not tell": ((("machine", "onednn", dict(enabled=None)),), AS_EXPECTED),
    "idle cores": (
        (("environment", "TF_NUM_INTRAOP_THREADS", "1"),),
        "TF_NUM_INTRAOP_THREADS=1 leaves 7 of 8 cores idle: unset it, unless runs must be reproducible bit for bit.",
    ),
    "threads by default": ((("environment", "TF_NUM_INTRAOP_THREADS", "0"),), AS_EXPECTED),
    "a quota": (
        (("limits", "cpu_quota", 1.5),),
        "TensorFlow starts 8 threads, but the CPU quota is 1.5 cores: set TF_NUM_INTRAOP_THREADS=2.",
    ),
    "a quota that the threads fit": (
        (("limits", "cpu_quota", 1.5), ("environment", "TF_NUM_INTRAOP_THREADS", "2")),
        AS_EXPECTED,
    ),
    "more threads than cores": (
        (("environment", "TF_NUM_INTRAOP_THREADS", "16"),),
        "TensorFlow starts 16 threads, but this process may use 8 cores: set TF_NUM_INTRAOP_THREADS=8.",
    ),
    "a quota above the cores": ((("limits", "cpu_quota", 64.0),), AS_EXPECTED),
    "little memory": (
        (("limits", "memory_available_gb", 1.26),),
        "Only 1.3 GB of memory is available: train on fewer frames or smaller crops, since S3D-G takes 3 GB for one "
        "clip of 64x224x224.",
    ),
    "a limit of memory": (
        (("limits", "memory_limit_gb", 2.0),),
        "Only 2.0 GB of memory is available: train on fewer frames or smaller crops, since S3D-G takes 3 GB for one "
        "clip of 64x224x224.",
    ),
    "a system that does not tell its memory": ((("limits", "memory_available_gb", None),), AS_EXPECTED),
    "little disk": (
        (("limits", "disk_free_gb", 0.4),),
        "Only 0.4 GB of disk is free here: make room, since a run keeps 0.5 GB of checkpoints.",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_the_sentence(changes, sentence):
    assert advise(facts(*changes)) == sentence


def test_the_most_serious_problem_comes_first():
    """Each problem gives the same sentence alone and together with all that follow."""
    problems = [
        [SEEN],
        ONEDNN_OFF,
        [("machine", "onednn", dict(enabled=True, max_cpu_isa="AVX2"))],
        [("speed", "shares", SLOW_GRADIENT)],
        [("limits", "cpu_quota", 2.0)],
        [("limits", "memory_available_gb", 1.0)],
        [("limits", "disk_free_gb", 0.1)],
    ]
    for place, problem in enumerate(problems):
        later = [change for other in problems[place + 1 :] for change in other]
        assert advise(facts(*later, *problem)) == advise(facts(*problem)), problem


@pytest.mark.parametrize(
    ("share", "text"), [(1.124, "112 %"), (0.4249, "42 %"), (0.0962, "9.6 %"), (0.0007, "0.07 %"), (0.02, "2 %")]
)
def test_percent(share, text):
    assert percent(share) == text
