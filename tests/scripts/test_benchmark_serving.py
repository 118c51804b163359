"""The benchmark of serving prints its table; how fast anything is, no test says."""

import json

import pytest


@pytest.mark.slow
def test_a_small_run(run_script, tmp_path):
    done = run_script(
        *("benchmark_serving.py", "--network=i2d", "--width=0.1", "--num_frames=8", "--crop=32", "--batch_sizes=1,2"),
        *("--repeats=2", "--onednn", f"--output={tmp_path}/b.json"),
    )
    assert done.returncode == 0, done.stderr
    assert "exported 0." in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| 1 |", "| 2 |"))]
    assert [row.split("|")[2].strip() for row in rows] == ["serving_default", "frames"] * 2
    result = json.loads((tmp_path / "b.json").read_text())
    assert {name: len(seconds) for name, seconds in result["onednn"]["seconds"].items()} == dict(onednn=2, eigen=2)
    assert result["onednn"]["max_difference"] < 1e-5  # rounding: other kernels, the same numbers
    assert f"{result['onednn']['max_difference']:.0e} of their largest" in done.stdout
    requests = result["requests"]
    assert all(len(one["served"]) == len(one["bare"]) == 2 for one in requests)
    pixels = [one["request_bytes"] for one in requests if one["signature"] == "frames"]
    assert [size // (8 * 36 * 36 * 3) for size in pixels] == [1, 2]


def test_a_server_needs_its_export(run_script):
    done = run_script("benchmark_serving.py", "--server=localhost:1")
    assert done.returncode == 1
    assert "error: A server goes with the export" in done.stderr
