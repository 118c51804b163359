import dataclasses
import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import listing, pipeline, prepare
from s3d_tf.data.split import open_split


def train(records, **changes):
    options = dict(num_frames=8, crop=32, flip=False, batch_size=4, seed=3) | changes
    return pipeline.training_batches(open_split(records, "train"), **options)


def take(dataset, count):
    return [{k: v.numpy() for k, v in batch.items()} for batch in itertools.islice(dataset, count)]


def test_training_batches_have_the_shape_that_was_asked_for(motion_records):
    (batch,) = take(train(motion_records), 1)
    assert batch["clip"].shape == (4, 8, 32, 32, 3)
    assert batch["clip"].dtype == np.uint8
    assert batch["label"].dtype == np.int64


def test_an_epoch_sees_every_video_once_and_epochs_differ(motion_records):
    names = np.concatenate([b["media_id"] for b in take(train(motion_records), 12)])
    first, second = names[:24], names[24:]
    assert len(set(first)) == len(set(second)) == 24
    assert list(first) != list(second)


@pytest.fixture(scope="module")
def undisturbed(motion_records):
    return take(train(motion_records, flip=True), 15)


@pytest.mark.parametrize("first_batch", [3, 6, 13])  # within an epoch, at its end, two epochs on
def test_going_on_at_a_step_gives_the_same_batches(motion_records, undisturbed, first_batch):
    resumed = take(train(motion_records, flip=True, first_batch=first_batch), 2)
    for a, b in zip(undisturbed[first_batch : first_batch + 2], resumed, strict=True):
        assert list(a["media_id"]) == list(b["media_id"])
        np.testing.assert_array_equal(a["clip"], b["clip"])


def test_another_seed_gives_another_order(motion_records):
    a, b = (take(train(motion_records, seed=seed), 6) for seed in (1, 2))
    assert [list(x["media_id"]) for x in a] != [list(x["media_id"]) for x in b]


@pytest.mark.parametrize("batch_size", [1, 4, 16])
@pytest.mark.parametrize("at_least", [8, 12, 20])
def test_evaluation_sees_every_video_once_with_all_its_frames(motion_records, at_least, batch_size):
    split = open_split(motion_records, "val")
    batches = take(pipeline.evaluation_batches(split, at_least=at_least, crop=32, batch_size=batch_size), None)
    real = np.concatenate([b["weight"] for b in batches]) > 0
    names = np.concatenate([b["media_id"] for b in batches])[real]
    assert len(set(names)) == len(names) == split.num_videos == 10
    assert {b["clip"].shape[1] for b in batches} == {max(at_least, 12)}


def test_evaluation_does_not_depend_on_the_batch_size(motion_records):
    split = open_split(motion_records, "val")
    seen = []
    for size in (1, 3):
        batches = take(pipeline.evaluation_batches(split, at_least=16, crop=32, batch_size=size), None)
        clips = {n: c for b in batches for n, c, w in zip(b["media_id"], b["clip"], b["weight"], strict=True) if w}
        seen.append(clips)
    assert seen[0].keys() == seen[1].keys()
    for name in seen[0]:
        np.testing.assert_array_equal(seen[0][name], seen[1][name])


def test_backwards_is_backwards(motion_records):
    split = open_split(motion_records, "val")
    forwards, backwards = (
        take(pipeline.evaluation_batches(split, at_least=8, crop=32, batch_size=1, backwards=b), 1)[0]
        for b in (False, True)
    )
    assert forwards["media_id"] == backwards["media_id"]
    np.testing.assert_array_equal(forwards["clip"][:, ::-1], backwards["clip"])


def test_what_is_missing_is_named(motion_records, tmp_path):
    with pytest.raises(ValueError, match="No prepared data set"):
        open_split(tmp_path, "train")
    with pytest.raises(ValueError, match="no split 'test', only train, val"):
        open_split(motion_records, "test")
    with pytest.raises(ValueError, match=r"smaller side is 40 pixels.*Received: 48"):
        train(motion_records, crop=48)
    (tmp_path / "manifest.json").write_text(json.dumps({"splits": {"train": {}}}))
    with pytest.raises(ValueError, match="prepare again"):
        open_split(tmp_path, "train")


def test_clips_of_a_video_start_lie_and_flip_anywhere_and_are_slices_of_it(motion_records):
    """Over 12 epochs each clip of one video is found in the decoded record, and not always at the same place."""
    split = open_split(motion_records, "train")
    batches = take(train(motion_records, flip=True), 72)
    name = batches[0]["media_id"][0]
    clips = [c for b in batches for n, c in zip(b["media_id"], b["clip"], strict=True) if n == name]
    record = pipeline.records.parse(split.load(split.media_ids.index(name.decode())))
    assert record.media_id.numpy() == name
    frames = record.streams["rgb"]
    video = np.stack([pipeline.tf.image.decode_jpeg(j, dct_method="INTEGER_ACCURATE").numpy() for j in frames.numpy()])
    inner = video[..., 0].astype(int)
    places = set()
    for clip in clips:
        for flipped, c in ((False, clip), (True, clip[:, :, ::-1])):
            for start, top, left in itertools.product(range(5), range(9), range(9)):
                window = inner[start, top + 4 : top + 28, left + 4 : left + 28]  # the border's colour is interpolated
                if (window == c[0, 4:28, 4:28, 0]).all():
                    places.add((start, top, left, flipped))
                    whole = inner[start : start + 8, top + 4 : top + 28, left + 4 : left + 28]
                    np.testing.assert_array_equal(whole, c[:, 4:28, 4:28, 0])
    assert len(clips) == 12
    for axis, least in ((0, 3), (1, 4), (2, 4), (3, 2)):
        assert len({place[axis] for place in places}) >= least


def test_the_order_changes_within_a_shard(motion_records):
    names = np.concatenate([b["media_id"] for b in take(train(motion_records), 12)])
    split = open_split(motion_records, "train")
    (first, *_) = [
        [pipeline.records.parse(s).media_id.numpy() for s in pipeline.tf.data.TFRecordDataset(f)] for f in split.files
    ]
    orders = [[n for n in epoch if n in first] for epoch in (names[:24], names[24:])]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(first)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("replicas", [1, 2])
def test_workers_share_out_the_batches_of_one_process(motion_records, undisturbed, replicas):
    options = dict(flip=True, first_batch=4, num_workers=2, replicas=replicas)
    parts = [take(train(motion_records, worker=w, **options), 2 * replicas) for w in (0, 1)]
    order = [(w, turn * replicas + r) for turn in range(2) for w in (0, 1) for r in range(replicas)]
    for batch, (worker, number) in zip(undisturbed[4:], order, strict=False):
        for key in batch:
            np.testing.assert_array_equal(batch[key], parts[worker][number][key])


def test_going_on_amid_what_workers_share_is_refused(motion_records):
    with pytest.raises(ValueError, match=r"multiple of 2 replicas x 3 workers. Received: 3"):
        train(motion_records, num_workers=3, replicas=2, first_batch=3)


def test_an_order_of_many_starts_late_at_once(motion_records):
    """Step a million of a large set: nothing is read on the way there."""
    split = open_split(motion_records, "train")
    positions, indices = next(iter(pipeline.order(split, 6, seed=0, first_batch=1_000_000)))
    np.testing.assert_array_equal(positions, 6_000_000 + np.arange(6))
    assert indices.shape == (6,)


def test_views_are_clips_of_the_video(motion_records):
    split = open_split(motion_records, "val")
    options = dict(at_least=8, crop=32, batch_size=2)
    (whole,) = take(pipeline.evaluation_batches(split, **options), 1)
    (batch,) = take(pipeline.evaluation_batches(split, **options, views=pipeline.Views(3, 1, 4)), 1)
    assert batch["clip"].shape == (2, 3, 4, 32, 32, 3)
    name = batch["media_id"][0]
    (video,) = whole["clip"][whole["media_id"] == name]
    np.testing.assert_array_equal(batch["clip"][0], np.stack([video[start : start + 4] for start in (0, 4, 8)]))
    (three,) = take(pipeline.evaluation_batches(split, **options, views=pipeline.Views(1, 3, 4)), 1)
    assert three["clip"].shape == (2, 3, 4, 32, 32, 3)
    np.testing.assert_array_equal(three["clip"][0, 0][:, 4:-4, 8:-4, 0], three["clip"][0, 2][:, 4:-4, :-12, 0])


@pytest.mark.parametrize("values", [(0, 1, 8), (1, 2, 8), (1, 1, 0)])
def test_views_out_of_range(values):
    with pytest.raises(ValueError, match="Received: Views"):
        pipeline.Views(*values)


def test_what_a_set_does_not_allow_is_refused(motion_records):
    split = dataclasses.replace(open_split(motion_records, "train"), may_flip=False, dataset="something_v1")
    options = dict(num_frames=8, crop=32, batch_size=4, seed=3)
    with pytest.raises(ValueError, match="something_v1 tell left from right"):
        pipeline.training_batches(split, flip=True, **options)
    with pytest.raises(ValueError, match=r"hold rgb; prepare them with --streams\. Received: flow"):
        pipeline.training_batches(split, flip=False, streams=("rgb", "flow"), **options)
    both_streams = dataclasses.replace(split, streams=("rgb", "flow"))
    with pytest.raises(ValueError, match="backwards takes RGB only"):
        pipeline.evaluation_batches(
            both_streams, at_least=8, crop=32, batch_size=1, backwards=True, streams=("rgb", "flow")
        )


def test_rgb_and_flow_share_frames_crop_and_flip(motion_videos, tmp_path):
    """Records whose flow is a picture of the frame itself: where the RGB is, there must be the flow, mirrored alike."""
    items = [item for item in listing.list_folder(motion_videos) if item.split == "val"][:4]
    names = sorted({item.label for item in items})
    settings = prepare.Settings(size=(40, 40), streams=("rgb", "flow"))
    prepare.prepare(listing.Listing(items, names), tmp_path, settings)
    _store_rgb_as_flow(tmp_path)
    split = open_split(tmp_path, "val")
    options = dict(num_frames=8, crop=32, flip=True, batch_size=4, seed=3, streams=("rgb", "flow"))
    sides = set()
    for batch in take(pipeline.training_batches(split, **options), 4):
        assert batch["flow"].shape == (4, 8, 32, 32, 2)
        for clip, flow in zip(batch["clip"], batch["flow"], strict=True):
            mirrored = bool((255 - flow[..., 0] == clip[..., 0]).all())
            assert mirrored or (flow[..., 0] == clip[..., 0]).all()
            np.testing.assert_array_equal(flow[..., 1], clip[..., 1])
            sides.add(mirrored)
    assert sides == {False, True}
    (whole,) = take(
        pipeline.evaluation_batches(split, at_least=8, crop=32, batch_size=1, streams=("flow",)).take(1), None
    )
    assert whole["flow"].shape == (1, 12, 32, 32, 2)
    assert "clip" not in whole


def _store_rgb_as_flow(folder):
    """Rewrites the shards; the manifest's offsets with them."""
    manifest = json.loads((folder / "manifest.json").read_text())
    lines = {line["path"]: line for line in manifest["videos"]}
    for shard in manifest["splits"]["val"]["shards"]:
        examples = [tf.train.SequenceExample.FromString(s.numpy()) for s in tf.data.TFRecordDataset(folder / shard)]
        offset = 0
        with tf.io.TFRecordWriter(str(folder / shard)) as writer:
            for example in examples:
                lists = example.feature_lists.feature_list
                lists["FORWARD_FLOW/encoded"].CopyFrom(lists["image/encoded"])
                (media_id,) = example.context.feature["clip/media_id"].bytes_list.value
                lines[media_id.decode()]["offset"] = offset
                serialized = example.SerializeToString()
                writer.write(serialized)
                offset += len(serialized) + 16
        manifest["splits"]["val"]["shards"][shard] = offset
    (folder / "manifest.json").write_text(json.dumps(manifest))
