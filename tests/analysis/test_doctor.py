"""Facts about the machine: signs of a GPU, speeds of known seconds, and the lines that are printed."""

import os

import pytest

from s3d_tf.analysis import ceilings, doctor, timing


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Puts a program in place of nvidia-smi."""

    def write(text: str) -> None:
        path = tmp_path / "bin/nvidia-smi"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    return write


def test_no_gpu(tmp_path, smi):
    smi("echo 'NVIDIA-SMI has failed'; exit 9")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()  # of the driver, not of a GPU
    assert doctor.nvidia(tmp_path) == dict(driver=[], devices=[], smi=[])


def test_signs_of_a_gpu(tmp_path, smi):
    smi('[ "$2" = --format=csv,noheader ] && echo "NVIDIA L4, 550.54"')
    for name in ("proc/driver/nvidia", "dev/nvidia0", "dev/nvidia1", "dev/nvidia-uvm"):
        (tmp_path / name).mkdir(parents=True)
    assert doctor.nvidia(tmp_path) == dict(
        driver=[f"{tmp_path}/proc/driver/nvidia"],
        devices=[f"{tmp_path}/dev/nvidia0", f"{tmp_path}/dev/nvidia1"],
        smi=["NVIDIA L4, 550.54"],
    )


def test_speeds_and_shares_of_known_seconds(monkeypatch):
    """A round that is slow for all leaves the shares alone."""
    seconds = dict(matmul=[1.0, 9.0, 1.0], conv3d=[0.1, 0.9, 0.1], conv3d_gradient=[0.2, 1.8, 0.2])
    monkeypatch.setattr(timing, "interleave", lambda runs, rounds: {name: seconds[name][:rounds] for name in runs})
    found = doctor.measure(3)
    matrix, conv = 1024**3, 4 * 12 * 12 * 64 * 3 * 7 * 7 * 3
    assert found["rates"] == pytest.approx(dict(matmul=matrix, conv3d=10 * conv, conv3d_gradient=5 * conv))
    assert found["shares"] == pytest.approx(dict(conv3d=10 * conv / matrix, conv3d_gradient=5 * conv / matrix))


@pytest.mark.parametrize(("strides", "padding", "outputs"), [((1, 1, 1), "SAME", 4 * 5 * 6), ((2, 2, 1), "VALID", 8)])
def test_a_gradient_is_as_many_multiply_adds_as_its_conv(strides, padding, outputs):
    conv = ceilings.Conv((1, 4, 5, 6, 2), (3, 3, 3, 2, 7), strides, padding)
    for work in (ceilings.forward(conv), ceilings.kernel_gradient(conv)):
        assert work.multiply_adds == outputs * 27 * 2 * 7
        assert work.run() > 0


def test_lines():
    facts = dict(
        versions=dict(tensorflow="2.21.0", os="Debian"),
        machine=dict(
            cpu="AMD EPYC",
            instruction_sets=["avx2"],
            cores=2,
            memory_gb=25.3,
            gpus=[],
            onednn=dict(enabled=True, max_cpu_isa="AVX2"),
        ),
        devices=["CPU:0"],
        nvidia=dict(driver=["/proc/driver/nvidia"], devices=["/dev/nvidia0"], smi=[]),
        limits=dict(cpu_quota=1.5, memory_limit_gb=8.0, memory_available_gb=7.5, disk_free_gb=3.1),
        environment=dict(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES=""),
        speed=dict(
            rates=dict(matmul=50e9, conv3d=10e9, conv3d_gradient=0.035e9),
            shares=dict(conv3d=0.2, conv3d_gradient=0.0007),
        ),
        advice="Buy another one.",
    )
    assert doctor.lines(facts) == [
        "versions    tensorflow 2.21.0, os Debian",
        "CPU         AMD EPYC: avx2",
        "cores       2 for this process, CPU quota 1.5 cores",
        "memory      25.3 GB, 7.5 GB available, limit 8.0 GB",
        "disk        3.1 GB free in the working directory",
        "oneDNN      on, limited to AVX2",
        "devices     CPU:0",
        "NVIDIA      /proc/driver/nvidia, /dev/nvidia0",
        "environment OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=",
        "speed       matrix product 50.00 G multiply-adds/s on one thread, Conv3D 10.00 (20 %), its gradient 0.04 "
        "(0.07 %)",
        "",
        "Buy another one.",
    ]
