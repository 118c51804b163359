"""Signals: the first one stops a run, the second ends the process, also amid a graph."""

import json
import os
import re
import signal
import threading
import time

import pytest
import tensorflow as tf

from s3d_tf.data import clips
from s3d_tf.training import run, stopping
from tests import forked

from .test_run import FLAGS, lines, wait_for
from .tiny import saved


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    for _ in range(1000):  # a handler runs between two of these
        time.sleep(0.001)


def test_a_signal_interrupts_python_code_only_where_it_may():
    stop = stopping.Stop()
    with stop.listening(), pytest.raises(stopping.StoppedError), stop.interruptible():
        send()
        pytest.fail("not interrupted")
    assert stop.requested() and stop.name == "SIGINT"
    stop = stopping.Stop()
    with stop.listening():
        with stop.interruptible():
            pass
        send()
    assert stop.requested()
    with pytest.raises(stopping.StoppedError):
        stop.check()


def test_the_same_signal_at_the_same_time_counts_once_and_later_means_it():
    """As timeout(1) signals a process and then its group."""
    now = [0.0]
    ended = []
    stop = stopping.Stop(end=ended.append, clock=lambda: now[0])
    with stop.listening():
        send(signal.SIGTERM)
        now[0] = 0.4
        send(signal.SIGTERM)
        now[0] = 1.0
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)
            pytest.fail("not interrupted")
    assert ended == []


def test_the_message_says_when_and_what_a_second_one_does(capfd):
    stop = stopping.Stop()
    stop.observer.until = lambda: "after this micro-batch, about 6 s"
    with stop.listening():
        send(signal.SIGINT)
    assert capfd.readouterr().err == (
        "\nSIGINT: stopping after this micro-batch, about 6 s; press Ctrl-C again to end at once without saving\n"
    )


def test_a_second_signal_ends_the_process_when_the_main_thread_runs_no_python(capfd, monkeypatch):
    monkeypatch.setattr(stopping, "GRACE", 0.1)
    ended = threading.Event()
    statuses = []

    def end(status):
        statuses.append(status)
        ended.set()

    stop = stopping.Stop(end=end)
    with stop.listening():
        stop._writer.send(bytes([signal.SIGINT]))  # what Python writes at a signal, whose handler does not run here
        stop._writer.send(bytes([signal.SIGTERM]))
        assert ended.wait(60)
    assert statuses == [128 + signal.SIGTERM]
    assert "SIGTERM: ended at once, without saving" in capfd.readouterr().err


def hang(entered):
    """Has each micro-batch wait inside its graph, for longer than the test."""
    scale = clips.scale

    def wait(clip):
        with open(entered, "w"):
            time.sleep(3000)
        return clip

    def slow(clip, *others):
        waited = tf.numpy_function(wait, [clip], clip.dtype)
        waited.set_shape(clip.shape)
        return scale(waited, *others)

    clips.scale = slow


@pytest.mark.slow
def test_two_signals_end_a_process_inside_a_graph(motion_records, processes, tmp_path):
    flags = (*FLAGS, f"--data_dir={motion_records}", f"--work_dir={tmp_path / 'run'}", "--steps=2", "--boundaries=2,3")
    before = Hang(tmp_path / "entered")
    process = forked.start(processes, "train.py", flags, tmp_path, before)
    wait_for((tmp_path / "entered").exists, process)
    os.kill(process.pid, signal.SIGINT)
    wait_for(lambda: "SIGINT: stopping after the first micro-batch" in (tmp_path / "stderr").read_text(), process)
    assert process.is_alive()
    os.kill(process.pid, signal.SIGTERM)
    ended = forked.finish(process, tmp_path, 60)
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr.endswith("SIGTERM: ended at once, without saving\n")
    assert not (tmp_path / "run/checkpoints").exists()


class Hang:
    """Calls `hang` in another process."""

    def __init__(self, entered):
        self.entered = entered

    def __call__(self):
        hang(self.entered)


def without_progress():
    run.Training._on_micro_batch = None


def with_advice():
    run.advice.DAY = 0


@pytest.mark.slow
def test_progress_changes_no_number_of_a_run(motion_records, processes, tmp_path, monkeypatch):
    """One thread, so that TensorFlow rounds alike."""
    for pool in ("INTEROP", "INTRAOP"):
        monkeypatch.setenv(f"TF_NUM_{pool}_THREADS", "1")
    flags = [*FLAGS, f"--data_dir={motion_records}", "--steps=5", "--boundaries=2,3", "--clips_per_replica=2"]
    flags += ["--steps_per_call=3", "--deterministic"]
    found = []
    for before in (without_progress, with_advice):
        folder = tmp_path / before.__name__
        folder.mkdir()
        work_dir = folder / "run"
        ended = forked.finish(
            forked.start(processes, "train.py", (*flags, f"--work_dir={work_dir}"), folder, before), folder
        )
        assert ended.returncode == 0, ended.stderr
        timed = ("clips_per_second", "input_wait", "seconds")
        rows = [{key: value for key, value in line.items() if key not in timed} for line in lines(work_dir)]
        found.append((rows, {name: value.tobytes() for name, value in saved(work_dir).items()}))
    assert found[0] == found[1]
    assert [row["step"] for row in found[0][0]] == [3, 5]
    shown = [line.partition(", ")[2] for line in ended.stderr.replace("\r", "\n").splitlines() if "[00:" in line]
    assert any(text.startswith("compiling the training step") for text in shown)
    assert any(text.startswith("step 1: micro-batch 2 of 2]") for text in shown)
    before_any_loss = r"first step [\d.]+ s with compilation, at most .* left, step 2: micro-batch 1 of 2\]"
    assert any(re.fullmatch(before_any_loss, text.strip()) for text in shown)
    assert ended.stdout.count("Try a shorter run") == 1
    assert json.loads((work_dir / run.RESULT).read_text())["step"] == 5
