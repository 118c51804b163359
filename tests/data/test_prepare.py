import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import listing, prepare, records, video
from tests.conftest import ROOT


def checksums(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*")) if p.is_file()}


def test_every_video_is_written_once_with_its_frames(motion_videos, motion_records):
    manifest = json.loads((motion_records / prepare.MANIFEST).read_text())
    assert {name: (s["listed"], s["written"], s["unreadable"]) for name, s in manifest["splits"].items()} == {
        "train": (24, 24, 0),
        "val": (10, 10, 0),
    }
    assert len(manifest["splits"]["train"]["shards"]) == 5
    seen = {}
    for file in sorted(motion_records.glob("*.tfrecord")):
        for serialized in tf.data.TFRecordDataset(str(file)):
            record = records.parse(serialized)
            seen[record.media_id.numpy().decode()] = record
    assert sorted(seen) == [line["path"] for line in manifest["videos"]]
    name = "val/drift_up/00002.avi"
    assert manifest["classes"][int(seen[name].label)] == "drift_up"
    decoded = np.stack([tf.image.decode_jpeg(j).numpy() for j in seen[name].streams["rgb"].numpy()]).astype(int)
    original = np.stack([frame.rgb for frame in video.read_video(motion_videos / name).frames]).astype(int)
    assert decoded.shape == (12, 40, 40, 3)
    assert abs(decoded - original).mean() < 4  # JPEG of quality 95


def test_a_record_holds_the_documented_keys(motion_records):
    serialized = next(iter(tf.data.TFRecordDataset(str(next(iter(sorted(motion_records.glob("val*"))))))))
    example = tf.train.SequenceExample.FromString(serialized.numpy())
    assert set(example.context.feature) == {
        *("image/format", "image/height", "image/width", "image/frame_rate"),
        *("clip/label/index", "clip/label/text", "clip/media_id"),
    }
    assert set(example.feature_lists.feature_list) == {"image/encoded", "image/timestamp"}
    assert example.context.feature["image/height"].int64_list.value == [40]
    stamps = [f.int64_list.value[0] for f in example.feature_lists.feature_list["image/timestamp"].feature]
    assert stamps == [40_000 * i for i in range(12)]


def test_bad_files_are_named_and_counted(motion_videos, tmp_path):
    shutil.copytree(motion_videos / "val", tmp_path / "videos")
    (tmp_path / "videos/drift_up/empty.mp4").write_bytes(b"")
    (tmp_path / "videos/drift_down/notes.txt").write_text("not a video")
    items = listing.assign_splits(listing.list_folder(tmp_path / "videos"), 0, 0)
    classes = listing.class_names(items)
    manifest = prepare.prepare(listing.Listing(items, classes), tmp_path / "out", prepare.Settings(size=(32, 32)))
    split = manifest["splits"]["train"]
    assert {key: value for key, value in split.items() if key not in ("shards", "sha256")} == dict(
        **dict(listed=12, written=10, missing=0, unreadable=2, shortest=12, longest=12, classes_without_video=[]),
        **dict(frames=120, decoded=120, declared_frames=120),
    )
    reasons = {v["path"]: v["reason"] for v in manifest["videos"] if v["status"] == "unreadable"}
    assert reasons == {
        "drift_up/empty.mp4": "empty file",
        "drift_down/notes.txt": "a text file, not a video",
    }
    lines = (tmp_path / "out" / prepare.MANIFEST).read_text().splitlines()
    assert sum('"path"' in line for line in lines) == 12  # one line a file


def test_nothing_readable_is_an_error(tmp_path):
    for label in "ab":
        (tmp_path / "videos" / label).mkdir(parents=True)
        (tmp_path / "videos" / label / "x.mp4").write_bytes(b"")
    items = listing.assign_splits(listing.list_folder(tmp_path / "videos"), 0, 0)
    with pytest.raises(ValueError, match="None of the 2 listed videos could be read"):
        prepare.prepare(listing.Listing(items, ["a", "b"]), tmp_path / "out", prepare.Settings())


def test_a_file_that_was_out_of_reach_is_tried_again(motion_videos, tmp_path):
    shutil.copytree(motion_videos / "val", tmp_path / "videos")
    items = listing.assign_splits(listing.list_folder(tmp_path / "videos"), 0, 0)
    away = tmp_path / "videos/drift_up/00002.avi"
    away.rename(tmp_path / "away.avi")
    arguments = (listing.Listing(items, listing.class_names(items)), tmp_path / "out", prepare.Settings(size=(32, 32)))
    split = prepare.prepare(*arguments)["splits"]["train"]
    assert (split["written"], split["missing"], split["unreadable"]) == (9, 1, 0)
    (tmp_path / "away.avi").rename(away)
    split = prepare.prepare(*arguments)["splits"]["train"]
    assert (split["written"], split["missing"], split["unreadable"]) == (10, 0, 0)


def test_the_binary_with_more_processes_than_shards_ends_without_a_trace(motion_videos, run_script, tmp_path):
    arguments = (f"--videos={motion_videos}", f"--output_dir={tmp_path}", "--resize=32x32", "--workers=2")
    done = run_script("prepare_videos.py", *arguments)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (
        "val: 10 listed, 10 written, 0 missing, 0 unreadable, 1 shards; 120 frames decoded of 120 declared"
        in done.stdout
    )


def test_two_processes_write_the_same_bytes_as_one(motion_videos, motion_records, tmp_path):
    items = listing.list_folder(motion_videos)
    settings = prepare.Settings(size=(40, 40), shard_size=5)
    prepare.prepare(listing.Listing(items, listing.class_names(items)), tmp_path, settings, workers=2)
    assert checksums(tmp_path) == checksums(motion_records)


def test_killed_and_started_again_it_ends_with_the_same_bytes(motion_videos, motion_records, tmp_path):
    command = [
        *(sys.executable, str(ROOT / "scripts/prepare_videos.py"), f"--videos={motion_videos}", "--workers=1"),
        *(f"--output_dir={tmp_path / 'out'}", "--resize=40x40", "--shard_size=5"),
    ]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/*.tfrecord")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(tmp_path.glob("out/*.tfrecord")))
    assert done >= 1
    subprocess.run(command, env=env, check=True, capture_output=True, timeout=120)
    assert checksums(tmp_path / "out") == checksums(motion_records)


def test_shards_of_other_settings_are_not_mixed(motion_videos, tmp_path):
    items = listing.list_folder(motion_videos)
    classes = listing.class_names(items)
    prepare.prepare(listing.Listing(items, classes), tmp_path, prepare.Settings(size=(40, 40)))
    with pytest.raises(ValueError, match=r"differing: size"):
        prepare.prepare(listing.Listing(items, classes), tmp_path, prepare.Settings(size=(32, 32)))
    with pytest.raises(ValueError, match=r"differing: listed"):
        prepare.prepare(listing.Listing(items[1:], classes), tmp_path, prepare.Settings(size=(40, 40)))


@pytest.mark.parametrize("fields", [dict(size=(8, 8)), dict(quality=0), dict(min_decoded=0.0), dict(shard_size=0)])
def test_settings_out_of_range(fields):
    with pytest.raises(ValueError, match="Received"):
        prepare.Settings(**fields)
