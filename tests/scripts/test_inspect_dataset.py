import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.analysis import clip_sheet, contact_sheet
from s3d_tf.data import flow, inspection, listing, prepare, records

SETTINGS = prepare.Settings(size=(40, 40), shard_size=5)


def problems(folder):
    return list(inspection.check(folder, inspection.open_manifest(folder)))


@pytest.fixture
def copy(motion_records, tmp_path):
    return shutil.copytree(motion_records, tmp_path / "records")


def test_what_was_written_is_as_the_manifest_says(motion_records):
    assert problems(motion_records) == []


def test_a_flipped_byte_names_shard_and_record(copy):
    shard = copy / "train-00001-of-00005.tfrecord"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1  # in the third of five records of one size
    shard.write_bytes(content)
    assert problems(copy) == [
        "train-00001-of-00005.tfrecord: its SHA-256 is not that of the manifest",
        f"train-00001-of-00005.tfrecord: {paths(copy, shard.name)[2]}: the record is damaged",
    ]


def paths(folder, name):
    written = prepare.read_json(folder / ".shards" / f"{name}.json")
    return [video["path"] for video in written["videos"]]


def test_a_lost_and_a_shortened_shard_are_named(copy):
    (copy / "val-00000-of-00002.tfrecord").unlink()
    shard = copy / "val-00001-of-00002.tfrecord"
    size = shard.stat().st_size
    shard.write_bytes(shard.read_bytes()[:-1])
    found = problems(copy)
    assert found[0] == "val-00000-of-00002.tfrecord: the shard is missing"
    assert found[1] == f"val-00001-of-00002.tfrecord: {size - 1} bytes instead of {size}"
    assert found[2:] == [f"{shard.name}: {paths(copy, shard.name)[4]}: the record is damaged"]


def test_other_frames_than_the_manifest_says_are_named(copy):
    shard = copy / "val-00000-of-00002.tfrecord"
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(str(shard))]
    example = tf.train.SequenceExample.FromString(serialized[-1])
    del example.feature_lists.feature_list["image/encoded"].feature[7:]
    with tf.io.TFRecordWriter(str(shard)) as writer:  # the last one: those before it stay in their places
        for record in (*serialized[:-1], example.SerializeToString()):
            writer.write(record)
    name = paths(copy, shard.name)[-1]
    assert f"{shard.name}: {name}: it has 7 frames of rgb instead of 12" in problems(copy)
    manifest = inspection.open_manifest(copy)
    lines = [line for line in manifest["videos"] if line.get("shard") == shard.name][:2]
    lines[0]["path"], lines[1]["path"] = lines[1]["path"], lines[0]["path"]
    found = list(inspection.check(copy, manifest))
    assert f"{shard.name}: {lines[0]['path']}: in its place is {lines[1]['path']}" in found


def test_the_binary_checks_and_draws(motion_records, copy, run_script, tmp_path):
    picture = tmp_path / "sheet.png"
    done = run_script("inspect_dataset.py", f"--data_dir={copy}", "--check", f"--output={picture}", "--num_clips=3")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "7 shards checked: all as the manifest says" in done.stdout
    assert "train: 24 of 24 videos (0 missing, 0 unreadable), 288 frames (12 to 12 a video), 5 shards" in done.stdout
    image = cv2.imread(str(picture))
    assert image.shape == (3 * 142, 250 + 8 * 128, 3)
    (copy / "val-00000-of-00002.tfrecord").unlink()
    done = run_script("inspect_dataset.py", f"--data_dir={copy}", "--check")
    assert done.returncode == 1
    assert "val-00000-of-00002.tfrecord: the shard is missing" in done.stdout


def test_clips_show_flow_and_boxes_inside_the_crop(motion_videos, tmp_path):
    box = records.Box(0, 0.25, 0.5, 0.75, 0.75, 0, 0)
    boxes = tuple(box._replace(frame=frame, label=1) for frame in range(12))
    item = listing.Item(str(motion_videos / "val/drift_up/00002.avi"), "a", "train", "v", boxes=boxes)
    settings = prepare.Settings(size=(40, 40), streams=("rgb", "flow"))
    manifest = prepare.prepare(listing.Listing([item], ["a", "b"]), tmp_path, settings)
    clip = inspection.random_clips(tmp_path, manifest, 4, 8, 10, 32, seed=3)
    assert len(clip) == 1  # there is one video, and none is drawn twice
    clip = clip[0]
    assert {name: pixels.shape[:3] for name, pixels in clip.streams.items()} == dict.fromkeys(
        ("rgb", "flow"), (8, 32, 32)
    )
    np.testing.assert_array_equal(clip.boxes[3], [[0.25, 0.5, 0.75, 0.75]])
    sheet = clip_sheet.clip_sheet([clip], ["a", "b"])
    assert sheet.shape == (2 * 128 + 14, 250 + 8 * 128, 3)
    named = sheet[94:106, 10:60].reshape(-1, 3).astype(int)
    assert (abs(named - contact_sheet.colour_of(1, 2)).max(1) < 40).any()  # "b", beside the clip's own class
    left = round((0.5 * 40 - clip.corner[1]) * 125 / 32)
    middle = sheet[60, 250 + left].astype(int)
    assert clip.box_labels[3].tolist() == [1] and clip.label == 0
    assert abs(middle - contact_sheet.colour_of(1, 2)).max() < 60  # the left edge of the box


def test_the_hue_of_flow_is_its_direction():
    still = np.zeros((1, 4, 4, 2), np.float32)
    assert (clip_sheet.colour_flow(still + flow.STEP) == 255).all()
    for direction, colour in (((5, 0), (255, 0, 0)), ((-5, 0), (0, 255, 255))):
        assert clip_sheet.colour_flow(still + np.float32(direction))[0, 0, 0].tolist() == list(colour)


def test_a_folder_without_a_manifest_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"No prepared data set: .*manifest.json is missing"):
        inspection.open_manifest(tmp_path)
