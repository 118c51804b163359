"""Preparations that are killed, crash, meet each other or a full disk: real processes, really killed."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from s3d_tf.data import encoding, listing, locks, prepare, runners, shards, synthetic
from tests import forked

SETTINGS = prepare.Settings(size=(40, 40), shard_size=5)


def checksums(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*")) if p.is_file()}


def listed(folder):
    items = listing.list_folder(folder)
    return listing.Listing(items, listing.class_names(items))


def slowly(folder, output_dir, settings, pause):
    """A preparation that takes `pause` seconds a video, so that it can be met at any moment."""
    encode = encoding.encode_video

    def late(*arguments):
        time.sleep(pause)
        return encode(*arguments)

    shards.encode_video = late
    prepare.prepare(listed(folder), output_dir, settings)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_killed_five_times_it_ends_with_the_same_bytes(motion_videos, motion_records, tmp_path, processes):
    killed_at = []
    for kill in range(5):
        before = {file.name for file in tmp_path.iterdir()}
        process = processes.Process(target=slowly, args=(motion_videos, tmp_path, SETTINGS, 0.01))
        process.start()
        ending = ".tfrecord" if kill % 2 else f".tmp-{process.pid}-"  # a shard more, or in the middle of one
        wait_for(lambda: any(ending in f.name and f.name not in before for f in tmp_path.iterdir()))  # noqa: B023
        time.sleep(0.007 * kill)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        killed_at.append(len(list(tmp_path.glob("*.tfrecord"))))
    assert killed_at[-1] < 7
    assert not (tmp_path / prepare.MANIFEST).exists()
    prepare.prepare(listed(motion_videos), tmp_path, SETTINGS)
    assert checksums(tmp_path) == checksums(motion_records)


@pytest.mark.slow
def test_the_binary_killed_and_started_again_ends_with_the_same_bytes(
    motion_videos, motion_records, tmp_path, processes, run_script
):
    flags = (f"--videos={motion_videos}", f"--output_dir={tmp_path / 'out'}", "--resize=40x40", "--shard_size=5")
    process = forked.start(processes, "prepare_videos.py", (*flags, "--workers=2"), tmp_path)
    wait_for(lambda: list(tmp_path.glob("out/*.tfrecord")))
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = run_script("prepare_videos.py", *flags, "--workers=2")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (
        "val: 10 listed, 10 written, 0 missing, 0 unreadable, 2 shards; 120 frames decoded of 120 declared"
        in done.stdout
    )
    assert checksums(tmp_path / "out") == checksums(motion_records)


def test_two_preparations_do_not_meet(motion_videos, motion_records, tmp_path, processes):
    process = processes.Process(target=slowly, args=(motion_videos, tmp_path, SETTINGS, 0.05))
    process.start()
    wait_for(lambda: list(tmp_path.glob("*.tmp-*")))
    for shard_range in (None, (6, 7)):
        with pytest.raises(ValueError, match=r"Another process is preparing some of these shards.*Received: /"):
            prepare.prepare(listed(motion_videos), tmp_path, SETTINGS, shard_range=shard_range)
    process.join()
    assert process.exitcode == 0
    assert checksums(tmp_path) == checksums(motion_records)


def test_ranges_do_not_lock_each_other_out(motion_videos, tmp_path, processes):
    process = processes.Process(target=hold_shards, args=(tmp_path, 0, 3))
    process.start()
    wait_for(lambda: (tmp_path / "held").exists())
    assert prepare.prepare(listed(motion_videos), tmp_path, SETTINGS, shard_range=(3, 7)) is None
    with pytest.raises(ValueError, match="Another process"):
        prepare.prepare(listed(motion_videos), tmp_path, SETTINGS, shard_range=(2, 4))
    process.kill()
    process.join()
    assert prepare.prepare(listed(motion_videos), tmp_path, SETTINGS)["splits"]["train"]["written"] == 24


def hold_shards(folder, first, last):
    (folder / shards.PARTS).mkdir(parents=True)
    with locks.hold(folder / shards.PARTS / "shards.lock", first, last - first) as locked:
        assert locked
        (folder / "held").touch()
        time.sleep(60)


def crash_at(name):
    """Lets this process die as FFmpeg would when it meets a file of that name."""
    encode = encoding.encode_video

    def crashing(item, *arguments):
        if item.path.endswith(name):
            os.kill(os.getpid(), signal.SIGSEGV)
        return encode(item, *arguments)

    shards.encode_video = crashing


class CrashingContext:
    """Processes whose decoder crashes at one file."""

    def __init__(self, context, name):
        self._context, self._name = context, name

    def Pipe(self):  # noqa: N802
        return self._context.Pipe()

    def Process(self, target, args, daemon):  # noqa: N802
        return self._context.Process(target=crash_and_serve, args=(self._name, target, *args), daemon=daemon)


def crash_and_serve(name, target, *arguments):
    crash_at(name)
    target(*arguments)


def test_a_crash_of_the_decoder_costs_one_video(motion_videos, tmp_path, processes, monkeypatch):
    monkeypatch.setattr(
        runners.multiprocessing, "get_context", lambda _: CrashingContext(processes, "drift_up/00002.avi")
    )
    manifest = prepare.prepare(listed(motion_videos), tmp_path, SETTINGS, workers=2)
    rows = {name: (s["listed"], s["written"], s["unreadable"]) for name, s in manifest["splits"].items()}
    assert rows == {"train": (24, 23, 1), "val": (10, 9, 1)}
    reasons = {v["path"]: v["reason"] for v in manifest["videos"] if v["status"] == "unreadable"}
    assert reasons == {f"{split}/drift_up/00002.avi": "the decoder crashed (SIGSEGV)" for split in ("train", "val")}


@contextlib.contextmanager
def small_disk(folder: Path, size: str):
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no permission to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_half_shard(motion_videos, motion_records, tmp_path):
    with small_disk(tmp_path / "disk", "200k") as folder:
        with pytest.raises(OSError, match=r"The shard cannot be written: .*space.*Received: .*tfrecord"):
            prepare.prepare(listed(motion_videos), folder, SETTINGS)
        shards_there = {name: content for name, content in checksums(folder).items() if name.endswith(".tfrecord")}
        assert shards_there.items() <= checksums(motion_records).items()
        assert not list(folder.rglob("*.tmp-*"))
        assert not (folder / prepare.MANIFEST).exists()


def test_a_folder_that_cannot_be_made_is_named(motion_videos, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"The output folder cannot be written: Not a directory. Received: .*file/out"):
        prepare.prepare(listed(motion_videos), tmp_path / "file" / "out", SETTINGS)


def test_a_source_that_vanishes_while_it_is_read_is_missing(motion_videos, tmp_path, monkeypatch):
    path = tmp_path / "gone.avi"
    path.write_bytes((motion_videos / "val/drift_up/00002.avi").read_bytes()[:4000])

    def vanish(*_):
        path.unlink()
        raise encoding.video.VideoError("not a video that OpenCV can open")

    monkeypatch.setattr(encoding.video, "open_video", vanish)
    outcome, record = encoding.encode_video(listing.Item(str(path), "a", "train", "gone.avi"), 0, SETTINGS)
    assert record is None
    assert (outcome["status"], "vanished" in outcome["reason"]) == ("missing", True)


def test_flipped_bytes_never_stop_a_preparation(tmp_path):
    rng = np.random.default_rng(0)
    spec = synthetic.SyntheticSet(classes=("zoom_in", "zoom_out"), num_train=2, num_val=2, num_frames=12)
    synthetic.write_set(spec, tmp_path / "source")
    whole = np.frombuffer(next((tmp_path / "source").rglob("*.avi")).read_bytes(), np.uint8)
    items = []
    for index in range(30):
        content = whole.copy()
        reach = 400 if index % 2 else len(content)  # the headers alone, or anywhere
        places = rng.integers(0, reach, 1 + 2 * index)
        content[places] = rng.integers(0, 256, len(places))
        path = tmp_path / f"{index:02d}.avi"
        path.write_bytes(content.tobytes())
        items.append(listing.Item(str(path), "ab"[index % 2], "train", path.name))
    manifest = prepare.prepare(listing.Listing(items, ["a", "b"]), tmp_path / "out", SETTINGS)
    split = manifest["splits"]["train"]
    assert [line["path"] for line in manifest["videos"]] == [item.media_id for item in items]
    assert split["listed"] == split["written"] + split["unreadable"] == 30
    assert 0 < split["unreadable"] < 30
