"""Asynchronous training: who is asked for what, and four real processes that train a detector together."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from s3d_tf.detection import run, start
from s3d_tf.training import devices
from tests.conftest import ROOT
from tests.detection.tiny import PACE, RECIPE, batches
from tests.training.test_workers import free_addresses


def config(kind, index=0, **addresses):
    cluster = dict(chief=["localhost:1"], ps=["localhost:2"], worker=["localhost:3"]) | addresses
    return json.dumps(dict(cluster=cluster, task=dict(type=kind, index=index)))


def test_parameter_servers_are_recognised(monkeypatch):
    assert devices.has_parameter_servers(dict(TF_CONFIG=config("chief")))
    for text in ("", "{", "[]", '{"cluster": {"worker": ["a:1"]}}', config("chief", ps=[])):
        assert not devices.has_parameter_servers(dict(TF_CONFIG=text))
    monkeypatch.setenv("TF_CONFIG", config("chief", chief=["localhost:1", "localhost:4"]))
    with pytest.raises(ValueError, match="needs one chief, ps and workers"):
        devices.make_strategy()
    monkeypatch.setenv("TF_CONFIG", config("chief"))
    with pytest.raises(ValueError, match="every worker uses all its devices"):
        devices.make_strategy(2)


def test_one_machine_is_not_asynchronous():
    assert not devices.is_asynchronous(tf.distribute.MirroredStrategy(["/cpu:0"]))


@pytest.mark.slow
def test_two_workers_and_a_parameter_server_train_a_detector_and_go_on(motion_records, tmp_path):
    for steps in (4, 6):
        chief, ps, *workers = free_addresses(4)
        addresses = dict(chief=[chief], ps=[ps], worker=workers)
        tasks = [("ps", 0), ("worker", 0), ("worker", 1), ("chief", 0)]
        arguments = [sys.executable, __file__, str(motion_records), str(tmp_path / "run"), str(steps)]
        children = [
            subprocess.Popen(
                arguments,
                env=os.environ | dict(TF_CONFIG=config(kind, index, **addresses), PYTHONPATH=str(ROOT)),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for kind, index in tasks
        ]
        try:
            told = children[-1].communicate(timeout=400)[0]
            assert children[-1].returncode == 0, told
        finally:
            for child in children:
                child.kill()
                child.wait()
    assert "going on from step 4 of 6" in told
    _, _, step = start.load_detector(tmp_path / "run")
    assert step == 6
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6] and lines[-1]["loss"] < lines[0]["loss"]


def child(records: str, work_dir: str, steps: str) -> None:

    recipe, pace = dataclasses.replace(RECIPE, steps=int(steps)), dataclasses.replace(PACE, steps_per_call=2)
    run.train(recipe, Path(records), Path(work_dir), devices.make_strategy(), pace, batches)


if __name__ == "__main__":
    child(*sys.argv[1:])
