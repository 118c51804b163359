import itertools
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import records
from s3d_tf.data.damage import Damage
from s3d_tf.data.split import open_split
from s3d_tf.detection import examples, truth
from s3d_tf.detection.annotations import of_items

from .conftest import SIZE

FRAMES = 6


def train(data_dir, **changes):
    options = dict(num_frames=FRAMES, size=SIZE, flip=False, batch_size=3, seed=5, max_boxes=4) | changes
    return examples.training_batches(open_split(data_dir, "train"), **options)


def take(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in itertools.islice(dataset, count)]


def evaluate(data_dir, split="val", **changes):
    options = dict(num_frames=FRAMES, size=SIZE, batch_size=3, max_boxes=4) | changes
    batches = take(examples.evaluation_batches(open_split(data_dir, split), **options), 99)
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


def test_around_a_key_frame_the_ends_are_repeated():
    assert examples.around(tf.constant(4), 5, 9).numpy().tolist() == [2, 3, 4, 5, 6]
    assert examples.around(tf.constant([[0], [8]]), 4, 9).numpy().tolist() == [[0, 0, 0, 1], [6, 7, 8, 8]]
    assert examples.around(tf.constant(1), 8, 3).numpy().tolist() == [0, 0, 0, 0, 1, 2, 2, 2]


def test_evaluation_sees_every_frame_of_every_video_with_its_boxes(data_dir, listed):
    found = evaluate(data_dir)
    split = open_split(data_dir, "val")
    assert found["video"].tolist() == [name.encode() for name in split.media_ids for _ in range(8)]
    assert found["frame"].tolist() == [*range(8)] * 2
    assert {key: (value.shape[1:], str(value.dtype)) for key, value in found.items() if value.ndim > 1} == {
        "clip": ((FRAMES, *SIZE, 3), "uint8"),
        "boxes": ((4, 4), "float32"),
        "labels": ((4,), "int32"),
    }
    items = {item.media_id: item for item in listed.items}
    for video, frame, boxes, labels in zip(*(found[key] for key in ("video", "frame", "boxes", "labels")), strict=True):
        true = [box for box in items[video.decode()].boxes if box.frame == frame]
        assert labels.tolist() == [box.label for box in true] + [-1] * (4 - len(true))
        np.testing.assert_allclose(boxes[: len(true)], [box[1:5] for box in true], atol=1e-6)
        assert not boxes[len(true) :].any()


def test_the_key_frame_lies_in_the_middle_and_no_number_depends_on_the_batch(data_dir):
    few, many = evaluate(data_dir), evaluate(data_dir, batch_size=100)
    np.testing.assert_array_equal(few["clip"], many["clip"])
    frames = few["clip"][:8, FRAMES // 2]  # of the first video, each as a key frame
    for frame in range(8):
        wanted = np.clip(frame - FRAMES // 2 + np.arange(FRAMES), 0, 7)
        np.testing.assert_array_equal(few["clip"][frame], frames[wanted])


def test_training_takes_frames_with_boxes_and_of_a_video_without_any_one_as_background(data_dir):
    clips = take(train(data_dir), 8)
    empty = [not (labels >= 0).any() for batch in clips for labels in batch["labels"]]
    assert sum(empty) == 4  # 24 clips are 4 epochs of 6 videos, of which one is empty
    assert clips[0]["clip"].shape == (3, FRAMES, *SIZE, 3)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_clips_and_a_resumed_run_goes_on(data_dir):
    first, again, other = (take(train(data_dir, flip=True, seed=seed), 5) for seed in (5, 5, 6))
    for key in first[0]:
        np.testing.assert_array_equal([batch[key] for batch in first], [batch[key] for batch in again])
    assert any((one["clip"] != two["clip"]).any() for one, two in zip(first, other, strict=True))
    resumed = take(train(data_dir, flip=True, first_batch=3), 2)
    np.testing.assert_array_equal([batch["boxes"] for batch in first[3:]], [batch["boxes"] for batch in resumed])
    np.testing.assert_array_equal([batch["clip"] for batch in first[3:]], [batch["clip"] for batch in resumed])


def test_boxes_follow_a_flip(data_dir):
    options = dict(streams=("rgb", "flow"), batch_size=6)
    plain, flipped = (take(train(data_dir, flip=flip, **options), 2) for flip in (False, True))
    turned = 0
    for one, other in zip(plain, flipped, strict=True):
        for number in range(6):
            if (one["clip"][number] == other["clip"][number]).all():
                np.testing.assert_array_equal(one["boxes"][number], other["boxes"][number])
                continue
            turned += 1
            np.testing.assert_array_equal(one["clip"][number], other["clip"][number][:, :, ::-1])
            flow = np.stack([255 - other["flow"][number][..., 0], other["flow"][number][..., 1]], -1)
            np.testing.assert_array_equal(one["flow"][number], flow[:, :, ::-1])
            real = one["labels"][number] >= 0
            ymin, xmin, ymax, xmax = one["boxes"][number][real].T
            expected = np.stack([ymin, 1 - xmax, ymax, 1 - xmin], -1)
            np.testing.assert_allclose(other["boxes"][number][real], expected, atol=1e-6)
            assert not other["boxes"][number][~real].any()
    assert 0 < turned < 12


def test_frames_are_resized_and_boxes_are_not(data_dir):
    whole, half = (evaluate(data_dir, size=size, streams=("rgb", "flow")) for size in (SIZE, (24, 32)))
    np.testing.assert_array_equal(whole["boxes"], half["boxes"])
    assert half["clip"].shape == (16, FRAMES, 24, 32, 3)
    averaged = whole["clip"].reshape(16, FRAMES, 24, 2, 32, 2, 3).mean((3, 5))
    assert abs(averaged - half["clip"]).mean() < 5
    flow = whole["flow"].astype(float).reshape(16, FRAMES, 24, 2, 32, 2, 2).mean((3, 5)) - 127.5
    assert abs(flow / 2 - (half["flow"] - 127.5)).mean() < 1  # half the size, half the pixels a frame


def test_the_boxes_of_the_records_are_those_of_the_list(data_dir, listed):
    stored = truth.of_split(open_split(data_dir, "train"))
    direct = of_items(listed.items, listed.classes, "train")
    assert sorted(stored.videos) == sorted(direct.videos)
    assert stored.classes == direct.classes

    def rows(some):
        names = [some.videos[number] for number in some.video]
        fields = (names, some.frame.tolist(), some.label.tolist(), some.track.tolist(), some.boxes.round(5).tolist())
        return sorted(zip(*fields, strict=True))

    assert rows(stored) == rows(direct)


def test_a_frame_of_too_many_boxes_counts_as_damage(data_dir, listed):
    boxes = tf.ragged.constant([[[0.0, 0.0, 1.0, 1.0]] * 3], ragged_rank=1)
    some = records.Boxes(boxes, tf.ragged.constant([[1, 0, 1]]), tf.ragged.constant([[0, 1, 2]]))
    assert examples.frame_boxes(some, tf.constant(0), 3)[1].numpy().tolist() == [1, 0, 1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="more boxes than max_boxes"):
        examples.frame_boxes(some, tf.constant(0), 2)
    found = Damage(open_split(data_dir, "train"))
    take(train(data_dir, max_boxes=1, damage=found), 4)
    crowded = [item.media_id for item in listed.items if item.split == "train" and len(item.boxes) > 8]
    assert sorted(found.names) == sorted(crowded)
    assert crowded


def test_what_cannot_be_is_one_sentence(data_dir, motion_records):
    with pytest.raises(ValueError, match=r"None of 24 records has a box: .*Received: videos"):
        train(motion_records)
    with pytest.raises(ValueError, match="No record has a box"):
        truth.of_split(open_split(motion_records, "val"))
    with pytest.raises(ValueError, match=r"The records hold rgb; .*Received: flow"):
        train(motion_records, streams=("rgb", "flow"))
    with pytest.raises(ValueError, match="A clip has 1 frame or more"):
        train(data_dir, num_frames=0)


def test_a_damaged_record_is_named_by_the_truth_and_left_out_of_evaluation(data_dir, tmp_path):
    folder = shutil.copytree(data_dir, tmp_path / "copy")
    split = open_split(folder, "val")
    shard = pathlib.Path(split.files[0])
    content = bytearray(shard.read_bytes())
    content[int(split.offset[1]) + 500] ^= 1  # in the second of two records
    shard.write_bytes(content)
    with pytest.raises(ValueError, match=f"A record is damaged: .*Received: {split.media_ids[1]}"):
        truth.of_split(split)
    assert set(evaluate(folder)["video"].tolist()) == {split.media_ids[0].encode()}


def test_short_videos_are_spoken_of_once(data_dir, monkeypatch):
    said = []
    monkeypatch.setattr("absl.logging.log", lambda level, text, *values: said.append(text % values))
    monkeypatch.setattr("absl.logging._log_counter_per_token", {})
    for _ in range(2):
        train(data_dir)
    assert said == ["1 of 6 videos have fewer than 6 frames, the shortest 3: their first and last frames are repeated"]
