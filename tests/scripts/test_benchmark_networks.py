"""The benchmark prints its tables and names what is missing; how fast anything is, no test says."""

import json

import pytest

from s3d_tf.analysis import ceilings


def small_products():
    """Instead of those that take seconds each."""
    ceilings.MATMULS = ((64, 32, 16), (25088, 16, 8))


@pytest.mark.slow
def test_a_small_run(run_script, tmp_path):
    done = run_script(
        *("benchmark_networks.py", "--networks=i2d", "--repeats=1", "--threads=1", "--torch_python=/no/python"),
        *("--openvino_python=", "--forward_clip=1,8,32", "--train_clip=1,8,32", f"--output={tmp_path}/b.json"),
        before=small_products,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "| forward, 1x8x32x32 | seconds | x i2d | G multiply-adds/s | of matmul | of Conv3D | of convs |" in done.stdout
    )
    assert "| training step, 1x8x32x32 | seconds |" in done.stdout
    assert "torchvision S3D is missing: " in done.stdout
    result = json.loads((tmp_path / "b.json").read_text())
    assert result["threads"] == 1
    assert result["machine"]["onednn"] == dict(enabled=True)
    assert {"matmul 64x32x16", "matmul 25088x16x8"} <= set(result["parts"]["forward"]["medians"])
    forward, train = result["parts"]["forward"], result["parts"]["train"]
    assert forward["ratios"]["i2d"] == train["ratios"]["i2d"] == 1
    assert train["multiply_adds"]["i2d"] == 3 * forward["multiply_adds"]["i2d"]


def test_bad_clips_and_parts(run_script):
    for flag, said in (("--train_clip=1,4,32", "Received: 1,4,32"), ("--parts=backward", "Received: backward")):
        done = run_script("benchmark_networks.py", flag)
        assert done.returncode == 1
        assert said in done.stderr
