"""Many workers: who they are, how they meet, and two real processes that train together and lose one another."""

import contextlib
import json
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

from s3d_tf.training import devices
from tests import forked
from tests.training.test_run import FLAGS, lines, newest, saved, wait_for


def free_addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return addresses


def config(workers, index):
    return json.dumps(dict(cluster=dict(worker=workers), task=dict(type="worker", index=index)))


def test_a_cluster_is_read():
    assert devices.read_cluster({}) == ([], 0)
    assert devices.read_cluster(dict(TF_CONFIG=config(["a:1", "[::1]:2"], 1))) == (["a:1", "[::1]:2"], 1)


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"cluster": {}}', config([], 0), config(["a:1"], 1), config(["a"], 0), config(["a:x"], 0)),
        config(["a:1"], 0).replace('"type": "worker"', '"type": "chief"'),
    ],
)
def test_a_cluster_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match=r"TF_CONFIG must be .*Received: "):
        devices.read_cluster(dict(TF_CONFIG=text))


def test_workers_wait_for_the_last_one():
    addresses, met = free_addresses(3), []

    def meet(index):
        with contextlib.suppress(OSError):  # of those that see the first one leave
            met.append(devices.meet(addresses, index, 3))

    threads = [threading.Thread(target=meet, args=(index,)) for index in range(3)]
    for thread in threads[:2]:
        thread.start()
    time.sleep(0.5)
    assert not met
    threads[2].start()
    # who has met the others starts TensorFlow's server; here the first one's port stays shut
    for thread in threads:
        thread.join()
    assert met


def test_a_worker_that_does_not_come_is_named_within_the_time():
    addresses = free_addresses(2)
    began = time.monotonic()
    with pytest.raises(OSError, match=rf"Cannot reach 1 of 2 workers within 1 s .*Received: {addresses[1]}"):
        devices.meet(addresses, 0, 1)
    assert time.monotonic() - began < 5
    with (
        socket.create_server(("127.0.0.1", int(addresses[0].rpartition(":")[2]))),
        pytest.raises(OSError, match="cannot listen at its address"),
    ):
        devices.meet(addresses, 0, 1)


@pytest.mark.slow
def test_two_workers_equal_one_process_and_go_on_after_one_was_killed(motion_records, tmp_path, processes, monkeypatch):
    """Of each step's 8 clips each takes 4; one process takes them in two micro-batches."""
    flags = [*FLAGS, "--batch_size=8", "--clips_per_replica=4", f"--data_dir={motion_records}", "--steps=16"]
    flags += ["--boundaries=3,5", "--checkpoint_every=2", "--steps_per_call=1", "--peer_timeout=60", "--deterministic"]

    def start(name, work_dir):
        folder = tmp_path / name
        folder.mkdir()
        return forked.start(processes, "train.py", (*flags, f"--work_dir={work_dir}"), folder), folder

    def both(name):
        workers = free_addresses(2)
        found = []
        for index in (0, 1):
            monkeypatch.setenv("TF_CONFIG", config(workers, index))
            found.append(start(f"{name}{index}", tmp_path / "two"))
        monkeypatch.delenv("TF_CONFIG")
        return found

    (first, first_folder), (second, second_folder) = both("killed")
    wait_for(lambda: newest(tmp_path / "two") >= 2, first)
    os.kill(second.pid, signal.SIGKILL)
    ended = forked.finish(first, first_folder)
    assert ended.returncode == 1
    assert "A worker was lost; start all of them again, the run goes on from step" in ended.stderr
    assert "Received: UnavailableError, task:1" in ended.stderr
    assert forked.finish(second, second_folder).returncode == -signal.SIGKILL
    assert newest(tmp_path / "two") < 16
    again = [forked.finish(*started) for started in both("again")]
    assert [ended.returncode for ended in again] == [0, 0], again[0].stderr + again[1].stderr
    assert "going on from step" in again[0].stdout
    alone = forked.finish(*start("alone", tmp_path / "one"))
    assert alone.returncode == 0, alone.stderr
    losses = [[line["loss"] for line in lines(tmp_path / name)] for name in ("one", "two")]
    assert len(losses[0]) == 16
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert len(saved(tmp_path / "one")) > 200
    for name, value in saved(tmp_path / "one").items():
        np.testing.assert_allclose(value, saved(tmp_path / "two")[name], rtol=1e-5, atol=1e-6, err_msg=name)
