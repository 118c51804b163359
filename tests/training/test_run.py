"""Whole runs: what they write, that a killed one goes on, that the wrong work_dir is refused."""

import dataclasses
import itertools
import json
import os
import re
import resource
import shutil
import signal
import time

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import clips, listing, locks, prepare
from s3d_tf.training import checkpoints, config, devices, loop, run, stopping
from s3d_tf.training.stopping import StoppedError
from tests import forked

from .tiny import RECIPE, lines, newest, saved

FLAGS = "--recipe=embedded --network=i2d --width=0.1 --batch_size=4 --num_frames=8 --dropout=0.2".split()  # noqa: SIM905


PACE = run.Pace(steps_per_call=2, checkpoint_every=4)


@pytest.fixture(scope="module")
def finished(motion_records, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp("run")
    run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1), PACE)
    return work_dir


def test_a_run_writes_what_it_did(finished, motion_records):
    written = json.loads((finished / config.CONFIG).read_text())
    assert written["recipe"] == json.loads(json.dumps(dataclasses.asdict(RECIPE)))
    assert written["preprocessing"]["labels"] == ["drift_down", "drift_left", "drift_right", "drift_up"]
    assert written["data_dir"] == str(motion_records)
    assert [line["step"] for line in lines(finished)] == [2, 4, 6]
    assert all(0 <= line["input_wait"] <= 1 and line["clips_per_second"] > 0 for line in lines(finished))
    np.testing.assert_allclose([line["learning_rate"] for line in lines(finished)], [0.025, 0.025, 0.00025], rtol=1e-6)
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
    assert not (tmp_path / config.CONFIG).exists()


def test_shards_that_are_not_as_they_were_written_are_named(motion_records, tmp_path):
    shutil.copytree(motion_records, tmp_path / "records")
    shard = sorted((tmp_path / "records").glob("train*.tfrecord"))[0]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{shard.name}.*prepare again"):
        run.train(RECIPE, tmp_path / "records", tmp_path / "work", devices.make_strategy(1))


def test_another_configuration_is_refused_by_name(finished, motion_records):
    other = dataclasses.replace(RECIPE, network="i3d")
    with pytest.raises(ValueError, match=r"another configuration: network 'i2d', now 'i3d'\. Name another"):
        run.train(other, motion_records, finished, devices.make_strategy(1))


def test_told_to_stop_while_the_graph_is_traced_it_ends_before_the_graph_is_there(
    motion_records, tmp_path, monkeypatch
):
    scale, scaled = clips.scale, []

    def tell(*arguments):  # the first thing that is traced of a micro-batch
        os.kill(os.getpid(), signal.SIGTERM)
        scaled.append(arguments)
        return scale(*arguments)

    monkeypatch.setattr(clips, "scale", tell)
    monkeypatch.setattr(loop.Trainer, "_apply", lambda _: pytest.fail("traced on"))
    result = run.train(RECIPE, motion_records, tmp_path, devices.make_strategy(1), PACE)
    assert (result["step"], result["stopped"], len(scaled)) == (0, "SIGTERM", 1)
    assert checkpoints.load_model(tmp_path)[2] == 0
    assert not lines(tmp_path)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_run_can_be_made_longer(finished, motion_records, tmp_path, capsys, monkeypatch):
    work_dir = shutil.copytree(finished, tmp_path / "run")
    longer, train = dataclasses.replace(RECIPE, steps=8), loop.Trainer.train

    def step(self, *arguments):
        assert not (work_dir / run.RESULT).exists()  # that of six steps is none of this run
        return train(self, *arguments)

    monkeypatch.setattr(loop.Trainer, "train", step)
    result = run.train(longer, motion_records, work_dir, devices.make_strategy(1), PACE)
    assert result["step"] == json.loads((work_dir / run.RESULT).read_text())["step"] == 8
    assert "going on from step 6 of 8" in capsys.readouterr().out
    assert [line["step"] for line in lines(work_dir)] == [2, 4, 6, 8]
    with pytest.raises(ValueError, match=r"steps 8, now 6 \(steps can only be raised\)"):
        run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1))


def test_other_videos_are_refused(finished, motion_videos, tmp_path):
    items = [item for item in listing.list_folder(motion_videos) if "drift" in item.label][1:]
    prepare.prepare(listing.Listing(items, listing.class_names(items)), tmp_path, prepare.Settings(size=(40, 40)))
    with pytest.raises(ValueError, match=r"data 'videos, 24 videos .*, now 'videos, 23 videos "):
        run.train(RECIPE, tmp_path, finished, devices.make_strategy(1))


@pytest.mark.slow
def test_killed_and_told_to_stop_it_goes_on_and_ends_with_the_weights_of_an_undisturbed_run(
    motion_records, tmp_path, processes, monkeypatch
):
    """Real processes, kill -9 and SIGTERM; S3D_TF_KILLS=10 for more of the former, at random moments.

    On one thread: with two, now and then a process rounds some gradient otherwise than others do, from its first step
    on and without being disturbed, which training makes larger.
    """
    for pool in ("INTEROP", "INTRAOP"):
        monkeypatch.setenv(f"TF_NUM_{pool}_THREADS", "1")
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    kills, steps = int(os.environ.get("S3D_TF_KILLS", "1")), int(os.environ.get("S3D_TF_KILL_STEPS", "40"))
    flags = [*FLAGS, f"--data_dir={motion_records}", f"--steps={steps}", "--deterministic", "--seed=1"]
    flags += ["--boundaries=2,3", "--checkpoint_every=2", "--steps_per_call=2"]

    def start(work_dir):
        folder = tmp_path / f"output_{len(list(tmp_path.glob('output_*')))}"
        folder.mkdir()
        return forked.start(processes, "train.py", (*flags, f"--work_dir={work_dir}"), folder), folder

    whole = start(undisturbed)
    random, told = np.random.default_rng(kills), []
    for number in range(kills + 1):
        process, folder = start(disturbed)
        before = newest(disturbed)
        wait_for(lambda b=before: newest(disturbed) > b, process)
        time.sleep(random.uniform(0, 0.3 if kills == 1 else 1.0))
        last = number == kills
        began = time.monotonic()
        os.kill(process.pid, signal.SIGTERM if last else signal.SIGKILL)
        ended = forked.finish(process, folder)
        told.append(ended.stdout)
        if last:
            assert ended.returncode == stopping.STATUS, ended.stderr
            assert "SIGTERM: saved; the same command goes on from there" in ended.stderr
            assert time.monotonic() - began < 10
            assert newest(disturbed) == lines(disturbed)[-1]["step"] < steps
        else:
            assert ended.returncode == -signal.SIGKILL
    ended = forked.finish(*start(disturbed), seconds=600)
    assert ended.returncode == 0, ended.stderr
    assert f"of {steps} ({disturbed})" in ended.stdout
    for text in told[1:]:
        assert "going on from step" in text
    ended = forked.finish(*whole, seconds=600)
    assert ended.returncode == 0, ended.stderr
    for folder in (undisturbed, disturbed):
        assert [line["step"] for line in lines(folder)][-1] == steps
        assert json.loads((folder / run.RESULT).read_text())["damaged"] == []
        assert sorted(path.name for path in (folder / "checkpoints").iterdir() if "temp" in path.name) == []
    steps_told = [line["step"] for line in lines(disturbed)]
    assert steps_told == sorted(set(steps_told))
    assert lines(undisturbed)[-1]["loss"] == lines(disturbed)[-1]["loss"]
    for name, value in saved(undisturbed).items():
        np.testing.assert_array_equal(value, saved(disturbed)[name], err_msg=name)


def test_a_work_dir_is_one_processs(finished, motion_records, processes, tmp_path):
    work_dir = shutil.copytree(finished, tmp_path / "run")
    holder = processes.Process(target=hold_for_ever, args=(work_dir / "run.lock", tmp_path / "held"))
    holder.start()
    wait_for((tmp_path / "held").exists, holder)
    with pytest.raises(ValueError, match=f"Another process trains there.*Received: {work_dir}"):
        run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1))
    holder.kill()
    holder.join()
    assert run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1))["step"] == 6


def hold_for_ever(path, held):
    with locks.hold(path, 0, 1):
        held.touch()
        time.sleep(300)


def wait_for(condition, process, seconds=200):
    deadline = time.monotonic() + seconds
    while not condition() and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.is_alive()
    assert condition()


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(finished, tmp_path, caplog):
    work_dir = shutil.copytree(finished, tmp_path / "run")
    data = [work_dir / f"checkpoints/step-{step}.data-00000-of-00001" for step in (4, 6)]
    whole = checkpoints.load_model(work_dir)
    assert whole[2] == 6
    data[1].write_bytes(data[1].read_bytes()[:1000])  # cut off
    model, _, step = checkpoints.load_model(work_dir)
    assert step == 4
    (told,) = caplog.messages  # and not a line for each variable
    assert re.search(r"damaged, the checkpoint before is taken \(step 4\): .*step-6 \((?!\{)", told)
    assert any((a.numpy() != b.numpy()).any() for a, b in zip(model.variables, whole[0].variables, strict=True))
    content = np.frombuffer(data[0].read_bytes(), np.uint8).copy()
    content[::997] ^= 1  # single bits
    data[0].write_bytes(content.tobytes())
    with pytest.raises(ValueError, match=r"No checkpoint is whole; all are damaged.*step-6.*step-4"):
        checkpoints.load_model(work_dir)


def test_a_checkpoint_that_cannot_be_opened_is_no_damage(finished, tmp_path, motion_records):
    """It may be whole, so nothing of it is deleted."""
    work_dir = shutil.copytree(finished, tmp_path / "run")
    data = work_dir / "checkpoints/step-6.data-00000-of-00001"
    data.unlink()
    data.mkdir()  # root opens whatever its permissions, but no folder
    with pytest.raises(OSError, match=rf"The checkpoint cannot be read \(.+\)\. Received: {data}$"):
        run.train(RECIPE, motion_records, work_dir, devices.make_strategy(1))
    assert (work_dir / "checkpoints/step-6.index").exists()


def test_what_a_killed_save_leaves_is_no_checkpoint(finished, tmp_path):
    work_dir = shutil.copytree(finished, tmp_path / "run")
    folder = work_dir / "checkpoints"
    (folder / "step-8.data-00000-of-00001").write_bytes(b"half")
    (folder / "partial").mkdir()
    (folder / "checkpoint").unlink()  # TensorFlow's list of them: not needed
    assert checkpoints.load_model(work_dir)[2] == 6
    model = checkpoints.load_model(work_dir)[0]
    checkpoints.Checkpoints(work_dir, model).clear()
    assert {path.name.split(".")[0] for path in folder.iterdir()} == {"step-4", "step-6"}


def test_a_full_disk_leaves_the_last_checkpoint(finished, tmp_path):
    """A limit on the size of files stands for the disk: it fails at the same call."""
    work_dir = shutil.copytree(finished, tmp_path / "run")
    model = checkpoints.load_model(work_dir)[0]
    kept = checkpoints.Checkpoints(work_dir, model, keep=1)
    assert kept.restore() == 6
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="Cannot write the checkpoint of step 8; the one of step 6 stays"):
            kept.save(8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name.split(".")[0] for path in kept.folder.iterdir()} == {"step-4", "step-6", "checkpoint"}
    assert checkpoints.load_model(work_dir)[2] == 6
    kept.save(8)
    assert tf.train.latest_checkpoint(str(kept.folder)) == str(kept.folder / "step-8")
    assert kept.steps() == [8]


@pytest.mark.slow
def test_the_best_checkpoint_is_kept_beside_the_newest(motion_records, tmp_path, monkeypatch, capsys):
    pace = dataclasses.replace(PACE, evaluate_every=2, keep=1)
    recipe = dataclasses.replace(RECIPE, steps=4, boundaries=(), learning_rates=(0.1,))
    with monkeypatch.context() as patch:
        seconds = itertools.count()  # one more at each look
        patch.setattr(run.Training, "clock", staticmethod(lambda: float(next(seconds))))
        result = run.train(recipe, motion_records, tmp_path, devices.make_strategy(1), pace)
    # at the start 0, around each evaluation and after it 1 to 3 and 4 to 6, at the end 7 and 8
    assert (result["seconds_of_this_session"], result["evaluation_seconds"], result["evaluation_share"]) == (7, 2, 0.25)
    assert json.loads((tmp_path / run.RESULT).read_text()) == result
    shown = capsys.readouterr()
    assert re.findall(r"step (\d): validation .*; evaluation takes (\d+%) of the time", shown.out) == [
        ("2", "33%"),
        ("4", "33%"),
    ]
    assert shown.err.count("evaluating (compiling):   0%") == 2 and "0/10 [" in shown.err
    evaluations = [json.loads(line) for line in (tmp_path / "evaluations.jsonl").read_text().splitlines()]
    assert [line["step"] for line in evaluations] == [2, 4]
    best = max(evaluations, key=lambda line: (line["top1"], -line["step"]))
    assert checkpoints.load_model(tmp_path, best=True)[2] == best["step"]
    assert checkpoints.load_model(tmp_path)[2] == 4
    kept = checkpoints.Best(tmp_path, checkpoints.load_model(tmp_path)[0])
    assert not kept.offer(6, best["top1"])
    assert kept.offer(8, 1.1)
    assert kept.offer(6, 1.2)  # of a run that went back
    assert checkpoints.load_model(tmp_path, best=True)[2] == 6
    (tmp_path / "evaluations.jsonl").write_text("")  # killed amid its last evaluation
    (tmp_path / "best/best.json").unlink()
    (tmp_path / run.RESULT).unlink()

    def stopped(*arguments, **options):
        raise StoppedError

    with monkeypatch.context() as patch:  # and told to stop amid the same one
        patch.setattr(run, "evaluate", stopped)
        assert "stopped" in run.train(recipe, motion_records, tmp_path, devices.make_strategy(1), pace)
    assert not (tmp_path / run.RESULT).exists()
    run.train(recipe, motion_records, tmp_path, devices.make_strategy(1), pace)
    assert [json.loads(line)["step"] for line in (tmp_path / "evaluations.jsonl").read_text().splitlines()] == [4]
    assert checkpoints.load_model(tmp_path, best=True)[2] == 4


def test_a_work_dir_that_cannot_be_made_is_named(motion_records, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"work_dir cannot be made .*Received: {tmp_path}/file$"):
        run.train(RECIPE, motion_records, tmp_path / "file", devices.make_strategy(1))


def test_folders_without_a_run_are_named(tmp_path):
    with pytest.raises(ValueError, match="No training run"):
        checkpoints.load_model(tmp_path)
    (tmp_path / config.CONFIG).write_text('{"recipe": {"nonsense": 1}}')
    with pytest.raises(ValueError, match="no run of a classifier of this version: its nonsense"):
        checkpoints.load_model(tmp_path)
