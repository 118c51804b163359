import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import listing, prepare, records, video


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
    left = sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert [name for name in left if not name.endswith(".lock")] == []  # a corrected list may have the folder


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


def test_done_shards_are_left_alone_until_a_missing_file_appears(motion_videos, tmp_path):
    source, records_dir = tmp_path / "videos", tmp_path / "out"
    shutil.copytree(motion_videos / "val", source)
    items = listing.assign_splits(listing.list_folder(source), 0, 0)
    arguments = (listing.Listing(items, listing.class_names(items)), records_dir)
    settings = prepare.Settings(size=(32, 32), shard_size=5)
    away = Path(items[3].path).rename(tmp_path / "away.avi")

    def prepared():
        written = prepare.prepare(*arguments, settings)["splits"]["train"]["written"]
        shards = sorted(records_dir.glob("*.tfrecord"))
        return written, [shard.stat().st_mtime_ns for shard in shards]

    first = prepared()
    assert (first[0], len(first[1])) == (9, 2)
    assert prepared() == first  # the file is still missing
    assert prepare.outdated_shards(*arguments, settings) == []
    source.rename(tmp_path / "unmounted")
    assert prepared() == first  # nothing is within reach: what is there stays
    shutil.copytree(tmp_path / "unmounted", source)
    away.rename(items[3].path)
    assert len(prepare.outdated_shards(*arguments, settings)) == 1
    assert prepared()[0] == 10
    assert len({*prepared()[1]} & {*first[1]}) == 1  # the other shard is as it was


def test_videos_may_move_between_two_calls(motion_videos, tmp_path):
    """What was listed counts, not where it lies: the claim on the folder holds."""
    path = Path(shutil.copy(motion_videos / "val/drift_up/00002.avi", tmp_path))
    item = listing.Item(str(path), "a", "train", "a/x.avi", listed="x")
    settings = prepare.Settings(size=(32, 32))
    lost = item._replace(path=str(tmp_path / "b/y.mp4"), media_id="b/y.mp4", listed="y")
    split = prepare.prepare(listing.Listing([item, lost], ["a"]), tmp_path / "out", settings)["splits"]["train"]
    assert (split["written"], split["missing"]) == (1, 1)
    found = lost._replace(path=str(path), media_id="c/y.webm")
    split = prepare.prepare(listing.Listing([item, found], ["a"]), tmp_path / "out", settings)["splits"]["train"]
    assert (split["written"], split["missing"]) == (2, 0)
    with pytest.raises(ValueError, match="differing: the list of videos"):
        prepare.prepare(listing.Listing([item, found._replace(listed="z")], ["a"]), tmp_path / "out", settings)


def test_a_relative_path_with_a_colon_is_a_file(motion_videos, tmp_path, monkeypatch):
    shutil.copy(motion_videos / "val/drift_up/00002.avi", tmp_path / "tfds:1.avi")
    monkeypatch.chdir(tmp_path)
    listed = listing.Listing([listing.Item("tfds:1.avi", "a", "train", "tfds:1.avi")], ["a"])
    assert prepare.prepare(listed, tmp_path / "out", prepare.Settings(size=(32, 32)))["splits"]["train"]["written"] == 1


def test_shards_in_ranges_by_several_jobs(motion_videos, motion_records, tmp_path):
    items = listing.list_folder(motion_videos)
    listed = listing.Listing(items, listing.class_names(items))
    settings = prepare.Settings(size=(40, 40), shard_size=5)
    names = sorted(file.name for file in motion_records.glob("*.tfrecord"))
    assert prepare.prepare(listed, tmp_path, settings, shard_range=(2, 5)) is None
    assert sorted(file.name for file in tmp_path.glob("*.tfrecord")) == names[2:5]
    assert prepare.missing_shards(listed, tmp_path, settings) == names[:2] + names[5:]
    assert prepare.prepare(listed, tmp_path, settings, shard_range=(5, 99)) is None
    prepare.prepare(listed, tmp_path, settings, shard_range=(0, 2))
    assert checksums(tmp_path) == checksums(motion_records)
    with pytest.raises(ValueError, match=r"of which there are 7\. Received: 3:3"):
        prepare.prepare(listed, tmp_path, settings, shard_range=(3, 3))


def test_the_manifest_says_what_the_files_hold(motion_records):
    manifest = json.loads((motion_records / prepare.MANIFEST).read_text())
    assert manifest["dataset"] == dict(name="videos", may_flip=True, eval_frames=250)
    assert manifest["settings"]["size"] == [40, 40]
    assert manifest["settings"]["resize"] == "40x40"
    for split in manifest["splits"].values():
        assert split["frames"] == split["decoded"] == split["declared_frames"] == 12 * split["written"]
        for name, digest in split["sha256"].items():
            content = (motion_records / name).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (digest, split["shards"][name])


def test_a_class_that_loses_its_only_video_of_a_split_is_named(motion_videos, tmp_path):
    shutil.copytree(motion_videos / "val", tmp_path / "videos")
    items = listing.assign_splits(listing.list_folder(tmp_path / "videos"), 0.3, 0)
    lost = next(item for item in items if (item.split, item.label) == ("val", "drift_up"))
    Path(lost.path).write_bytes(b"")
    listed = listing.Listing(items, listing.class_names(items))
    manifest = prepare.prepare(listed, tmp_path / "out", prepare.Settings(size=(32, 32)))
    assert manifest["splits"]["val"]["classes_without_video"] == ["drift_up"]
    assert manifest["splits"]["train"]["classes_without_video"] == []


def test_rgb_and_flow_of_a_span_at_another_rate(motion_videos, tmp_path):
    path = motion_videos / "val/drift_up/00002.avi"  # 12 frames, 25 a second
    items = [
        listing.Item(str(path), "a", "train", "whole"),
        listing.Item(str(path), "b", "train", "part", start=0.12, end=0.36),
    ]
    settings = prepare.Settings(size=24, fps=12.5, streams=("rgb", "flow"))
    manifest = prepare.prepare(listing.Listing(items, ["a", "b"]), tmp_path, settings)
    assert [(v["path"], v["frames"], v["decoded"]) for v in manifest["videos"]] == [("part", 3, 9), ("whole", 6, 12)]
    assert manifest["settings"]["flow"]["opencv"] == manifest["settings"]["opencv"]
    found = {}
    for serialized in tf.data.TFRecordDataset(str(tmp_path / "train-00000-of-00001.tfrecord")):
        record = records.parse(serialized, ("rgb", "flow"))
        found[record.media_id.numpy().decode()] = {name: jpegs.numpy() for name, jpegs in record.streams.items()}
        example = tf.train.SequenceExample.FromString(serialized.numpy())
        stamps = [f.int64_list.value[0] for f in example.feature_lists.feature_list["image/timestamp"].feature]
        assert stamps == [80_000 * i for i in range(len(record.streams["rgb"]))]
        kind, method = example.context.feature["FORWARD_FLOW/format"].bytes_list.value
        assert (kind, json.loads(method)["algorithm"]) == (b"JPEG", "DualTVL1")
    assert [len(found["whole"][name]) for name in ("rgb", "flow")] == [6, 6]
    assert found["whole"]["flow"][-1] == found["whole"]["flow"][-2]
    original = [video.resize(frame.rgb, 24) for frame in video.read_video(path).frames]
    for place, index in enumerate((3, 5, 7)):  # the frames shown at 0.12, 0.20 and 0.28 s
        decoded = tf.image.decode_jpeg(found["part"]["rgb"][place]).numpy().astype(int)
        differences = [abs(decoded - frame.astype(int)).mean() for frame in original]
        assert int(np.argmin(differences)) == index


def test_a_longer_video_than_a_record_may_hold_is_written_in_part(motion_videos, tmp_path):
    items = [item for item in listing.list_folder(motion_videos) if item.split == "val"][:2]
    settings = prepare.Settings(size=(32, 32), max_frames=7)
    manifest = prepare.prepare(listing.Listing(items, ["drift_down", "x"]), tmp_path, settings)
    for line in manifest["videos"]:
        assert (line["frames"], line["in_part"]) == (7, "only the first 7 frames (max_frames)")


def test_boxes_follow_the_frames_that_are_left(motion_videos, tmp_path):
    path = str(motion_videos / "val/drift_up/00002.avi")
    boxes = tuple(records.Box(frame, 0.0, 0.0, 0.5, frame / 12, 1, 0) for frame in range(12))
    item = listing.Item(path, "a", "train", "v", start=0.2, end=0.4, boxes=boxes)
    listed = listing.Listing([item], ["a", "b"])
    prepare.prepare(listed, tmp_path, prepare.Settings(size=(32, 32)))
    serialized = next(iter(tf.data.TFRecordDataset(str(tmp_path / "train-00000-of-00001.tfrecord"))))
    found = records.parse_boxes(serialized).corners.to_tensor().numpy()
    assert found.shape == (5, 1, 4)
    np.testing.assert_allclose(found[:, 0, 3], np.arange(5, 10) / 12, rtol=1e-6)
    with pytest.raises(ValueError, match=r"without --fps. Received: 10"):
        prepare.prepare(listed, tmp_path, prepare.Settings(fps=10))


def test_boxes_after_the_last_frame_are_counted(motion_videos, tmp_path):
    path = str(sorted(motion_videos.rglob("*.avi"))[0])  # 12 frames
    boxes = tuple(records.Box(frame, 0.0, 0.0, 0.5, 1.0, 1, 0) for frame in range(14))
    item = listing.Item(path, "a", "train", "v", boxes=boxes)
    manifest = prepare.prepare(listing.Listing([item], ["a", "b"]), tmp_path, prepare.Settings(size=(40, 40)))
    assert manifest["videos"][0]["in_part"] == "without 2 boxes of frames after the last one"
    assert manifest["splits"]["train"]["classes_without_video"] == ["a"]  # its boxes are of another class than itself
    late = item._replace(media_id="w", boxes=boxes[12:])
    manifest = prepare.prepare(listing.Listing([late], ["a", "b"]), tmp_path / "late", prepare.Settings(size=(40, 40)))
    assert manifest["videos"][0]["in_part"] == "without any of its 2 boxes of frames after the last one"
    assert manifest["splits"]["train"]["classes_without_video"] == ["a", "b"]


def test_shards_of_other_settings_are_not_mixed(motion_videos, tmp_path):
    items = listing.list_folder(motion_videos)
    classes = listing.class_names(items)
    prepare.prepare(listing.Listing(items, classes), tmp_path, prepare.Settings(size=(40, 40)))
    with pytest.raises(ValueError, match=r"differing: size"):
        prepare.prepare(listing.Listing(items, classes), tmp_path, prepare.Settings(size=(32, 32)))
    with pytest.raises(ValueError, match=r"differing: the list of videos"):
        prepare.prepare(listing.Listing(items[1:], classes), tmp_path, prepare.Settings(size=(40, 40)))


@pytest.mark.parametrize(
    "fields",
    [
        *(dict(size=(8, 8)), dict(size=8), dict(quality=0), dict(min_decoded=0.0), dict(shard_size=0)),
        *(dict(fps=-1.0), dict(fps=float("nan")), dict(max_frames=0), dict(streams=()), dict(streams=("depth",))),
    ],
)
def test_settings_out_of_range(fields):
    with pytest.raises(ValueError, match="Received"):
        prepare.Settings(**fields)


def test_a_video_that_opencv_stumbles_over_costs_itself_only(motion_videos, tmp_path, monkeypatch):
    items = [item for item in listing.list_folder(motion_videos) if item.split == "val"]
    open_video = video.open_video

    def stumble(path, fps=0.0):
        if path == items[3].path:
            raise cv2.error("(-215:Assertion failed)\n !src.empty()")
        if path == items[5].path:
            raise ValueError("a frame\N{MULTIPLICATION SIGN}2")
        return open_video(path, fps)

    monkeypatch.setattr(video, "open_video", stumble)
    listed = listing.Listing(items, sorted({item.label for item in items}))
    manifest = prepare.prepare(listed, tmp_path, prepare.Settings(size=(32, 32)))
    lines = [line for line in manifest["videos"] if line["status"] != "written"]
    assert [(line["path"], line["status"], line["reason"]) for line in lines] == [
        (items[3].media_id, "unreadable", "OpenCV fails on it ((-215:Assertion failed) !src.empty())"),
        (items[5].media_id, "unreadable", "it cannot be decoded (a frame\N{MULTIPLICATION SIGN}2)"),
    ]
