"""Whole runs: what they write, that a killed one goes on, that the wrong work_dir is refused."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from s3d_tf.data.split import open_split
from s3d_tf.training import checkpoints, devices, recipes, run
from tests.conftest import ROOT

RECIPE = recipes.recipe(
    *("embedded",), network="i2d", width=0.1, steps=6, batch_size=4, num_frames=8, boundaries=(4, 5)
)
FLAGS = "--recipe=embedded --network=i2d --width=0.1 --batch_size=4 --num_frames=8 --dropout=0".split()  # noqa: SIM905


ONE_THREAD = dict(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1", OMP_NUM_THREADS="1")


@pytest.fixture(scope="module")
def finished(motion_records, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("run")
    pace = run.Pace(steps_per_call=2, checkpoint_every=4)
    run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1), pace)
    return work_dir


def lines(work_dir):
    return [json.loads(line) for line in (work_dir / run.METRICS).read_text().splitlines()]


def test_a_run_writes_what_it_did(finished, motion_records):
    config = json.loads((finished / checkpoints.CONFIG).read_text())
    assert config["recipe"] == json.loads(json.dumps(dataclasses.asdict(RECIPE)))
    assert config["classes"] == ["drift_down", "drift_left", "drift_right", "drift_up"]
    assert config["data_dir"] == str(motion_records)
    assert [line["step"] for line in lines(finished)] == [2, 4, 6]
    assert all(0 <= line["input_wait"] <= 1 and line["clips_per_second"] > 0 for line in lines(finished))
    np.testing.assert_allclose([line["learning_rate"] for line in lines(finished)], [0.1, 0.01, 0.001], rtol=1e-6)
    result = json.loads((finished / run.RESULT).read_text())
    assert result["step"] == 6
    assert result["loss"] == lines(finished)[-1]["loss"]
    assert list((finished / "tensorboard").glob("events*"))


def test_a_finished_run_is_not_run_again(finished, motion_records):
    before = (finished / run.METRICS).read_bytes()
    assert run.train(RECIPE, motion_records, finished, devices.make_strategy(1))["step"] == 6
    assert (finished / run.METRICS).read_bytes() == before


def test_a_result_that_was_not_written_in_time_is_written_by_the_next_call(finished, motion_records):
    expected = json.loads((finished / run.RESULT).read_text())["loss"]
    (finished / run.RESULT).unlink()
    run.train(RECIPE, motion_records, finished, devices.make_strategy(1))
    assert json.loads((finished / run.RESULT).read_text())["loss"] == expected


def test_a_run_that_could_not_start_leaves_the_folder_free(motion_records, tmp_path):
    with pytest.raises(ValueError, match="Received: 64"):
        run.train(dataclasses.replace(RECIPE, crop=64), motion_records, tmp_path, devices.make_strategy(1))
    assert not (tmp_path / checkpoints.CONFIG).exists()


def test_shards_that_are_not_as_they_were_written_are_named(motion_records, tmp_path):
    shutil.copytree(motion_records, tmp_path / "records")
    shard = sorted((tmp_path / "records").glob("train*.tfrecord"))[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{shard.name}.*prepare again"):
        run.train(RECIPE, tmp_path / "records", tmp_path / "work", devices.make_strategy(1))


def test_another_configuration_is_refused_by_name(finished, motion_records):
    other = dataclasses.replace(RECIPE, network="i3d")
    with pytest.raises(ValueError, match=r"another configuration: network 'i2d', now 'i3d'"):
        run.train(other, motion_records, finished, devices.make_strategy(1))


def test_killed_in_mid_training_it_goes_on_says_so_and_ends_with_the_weights_of_an_undisturbed_run(
    motion_records, tmp_path
):
    """Of one thread, whose sums are always the same."""
    undisturbed, tmp_path = tmp_path / "undisturbed", tmp_path / "killed"
    command = [
        *(sys.executable, str(ROOT / "scripts/train.py"), *FLAGS, f"--data_dir={motion_records}", "--dropout=0.2"),
        *("--checkpoint_every=2", "--steps_per_call=2", "--boundaries=2,3"),
    ]
    whole, command = [*command, f"--work_dir={undisturbed}"], [*command, f"--work_dir={tmp_path}"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **ONE_THREAD}
    with subprocess.Popen([*command, "--steps=100000"], env=env, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "checkpoints/checkpoint").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    # the interrupted run was to be longer than a test: let it end two steps after what it saved
    saved = checkpoints.load_model(tmp_path)[2]
    assert saved >= 2
    config = json.loads((tmp_path / checkpoints.CONFIG).read_text())
    config["recipe"]["steps"] = saved + 2
    (tmp_path / checkpoints.CONFIG).write_text(json.dumps(config))
    again = subprocess.run([*command, f"--steps={saved + 2}"], env=env, capture_output=True, text=True, timeout=200)
    assert again.returncode == 0, again.stderr
    assert f"going on from step {saved} of {saved + 2}" in again.stdout
    assert [line["step"] for line in lines(tmp_path)] == list(range(2, saved + 3, 2))
    subprocess.run([*whole, f"--steps={saved + 2}"], env=env, check=True, capture_output=True, timeout=200)
    weights = [[v.numpy() for v in checkpoints.load_model(folder)[0].variables] for folder in (undisturbed, tmp_path)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_damaged_checkpoint_is_named(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (data,) = (tmp_path / "run/checkpoints").glob("step-6.data*")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(ValueError, match="step-6 does not fit or is damaged"):
        checkpoints.load_model(tmp_path / "run")


def test_folders_without_a_run_are_named(tmp_path):
    with pytest.raises(ValueError, match="No training run"):
        checkpoints.load_model(tmp_path)
    (tmp_path / checkpoints.CONFIG).write_text('{"recipe": {"nonsense": 1}}')
    with pytest.raises(ValueError, match="no configuration of a training run"):
        checkpoints.load_model(tmp_path)


def test_more_damaged_records_than_allowed_stop_a_run_with_their_names(motion_records, tmp_path):
    copy = shutil.copytree(motion_records, tmp_path / "records")
    split = open_split(copy, "train")
    with open(split.files[split.file[5]], "r+b") as file:
        file.seek(split.offset[5] + 500)
        file.write(b"damaged!")
    pace = run.Pace(steps_per_call=6, checkpoint_every=6, max_damaged=0)
    with pytest.raises(ValueError, match=f"More than 0 of 24 records are damaged.*Received: {split.media_ids[5]}$"):
        run.train(RECIPE, copy, tmp_path / "run", devices.make_strategy(1), pace)
