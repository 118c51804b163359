"""The command prints the facts and one sentence that follows from them; how fast anything is, no test says."""

import json
import os
import subprocess
import sys

import pytest

from s3d_tf.analysis.advice import advise
from tests.forked import ROOT

NO_GPU = dict(driver=[], devices=[], smi=[])


def test_it_ends_with_the_advice_that_the_facts_give(run_script, tmp_path):
    done = run_script("doctor.py", f"--output={tmp_path}/doctor.json")
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "doctor.json").read_text())
    lines = done.stdout.splitlines()
    assert lines[-1] == facts["advice"] == advise(facts)
    heads = ["versions", "CPU", "cores", "memory", "disk", "oneDNN", "devices", "NVIDIA", "environment", "speed"]
    assert [line.split()[0] for line in lines[:-2]] == heads
    assert {"s3d_tf", "tensorflow", "keras", "numpy", "opencv-contrib-python-headless", "python", "os"} == set(
        facts["versions"]
    )
    assert facts["machine"]["onednn"]["enabled"] is True
    assert facts["environment"]["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert "CPU:0" in facts["devices"]
    assert facts["limits"]["disk_free_gb"] > 0 and facts["machine"]["memory_gb"] > 0
    assert all(rate > 0 for rate in facts["speed"]["rates"].values())


@pytest.mark.slow
def test_it_says_that_onednn_is_off(tmp_path):
    """In a Python of its own: TensorFlow reads the variable during its import."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_ENABLE_ONEDNN_OPTS": "0"}
    command = [sys.executable, str(ROOT / "scripts/doctor.py"), f"--output={tmp_path}/doctor.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "doctor.json").read_text())
    assert "oneDNN      off" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == advise(facts)
    without_gpu = advise(facts | dict(nvidia=NO_GPU))  # a GPU that TensorFlow does not see matters more
    assert without_gpu.endswith("of the matrix product: oneDNN is off; set TF_ENABLE_ONEDNN_OPTS=1.")
