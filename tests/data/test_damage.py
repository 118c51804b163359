"""Records that were damaged after preparation: every one is named, and none stops a run before the limit."""

import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import pipeline
from s3d_tf.data.damage import Damage
from s3d_tf.data.split import open_split


@pytest.fixture
def copy(motion_records, tmp_path):
    return shutil.copytree(motion_records, tmp_path / "records")


def flip_bytes(split, index, seed, count=1):
    """Changes random bytes of record `index`, anywhere between its length and its checksum."""
    rng = np.random.default_rng(seed)
    start = int(split.offset[index])
    with open(split.files[split.file[index]], "r+b") as file:
        file.seek(start)
        length = int.from_bytes(file.read(8), "little")
        for place in start + rng.integers(0, length + 16, count):
            file.seek(place)
            (old,) = file.read(1)
            file.seek(place)
            file.write(bytes([old ^ int(rng.integers(1, 256))]))


def train(split, damage, **changes):
    options = dict(num_frames=8, crop=32, flip=False, batch_size=4, seed=3, damage=damage) | changes
    return pipeline.training_batches(split, **options)


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bytes_are_found_named_and_passed_over(copy, seed):
    """An epoch over 24 records, of which 5 are damaged somewhere."""
    split = open_split(copy, "train")
    chosen = np.random.default_rng(seed).choice(split.num_videos, 5, replace=False)
    for index in chosen:
        flip_bytes(split, index, seed=index, count=1 + seed)
    damaged = {split.media_ids[index] for index in chosen}
    damage = Damage(split, 5)
    batches = [batch["media_id"].numpy() for batch in itertools.islice(train(split, damage), 6)]
    seen = {name.decode() for name in np.concatenate(batches)}
    assert set(damage.names) == damaged
    assert seen == set(split.media_ids) - damaged
    evaluated = pipeline.evaluation_batches(split, at_least=8, crop=32, batch_size=4)
    names = [
        n.decode() for b in evaluated for n, w in zip(b["media_id"].numpy(), b["weight"].numpy(), strict=True) if w
    ]
    assert sorted(names) == sorted(set(split.media_ids) - damaged)


@pytest.mark.parametrize("cut", [0, 20])  # nothing, within the header
def test_a_jpeg_that_was_stored_damaged_is_passed_over(motion_records, tmp_path, cut):
    split = open_split(motion_records, "val")
    (tmp_path / "manifest.json").write_bytes((motion_records / "manifest.json").read_bytes())
    example = tf.train.SequenceExample.FromString(split.load(tf.constant(2, tf.int64)).numpy())
    for feature in example.feature_lists.feature_list["image/encoded"].feature:
        (jpeg,) = feature.bytes_list.value
        feature.bytes_list.value[:] = [jpeg[:cut] + bytes(len(jpeg) - cut)]  # of the same length
    serialized = [split.load(tf.constant(i, tf.int64)).numpy() for i in range(split.num_videos)]
    serialized[2] = example.SerializeToString(deterministic=True)
    for number, file in enumerate(split.files):
        with tf.io.TFRecordWriter(str(tmp_path / file.rsplit("/", 1)[1])) as writer:
            for index in np.flatnonzero(split.file == number):
                writer.write(serialized[index])
    damage = Damage(open_split(tmp_path, "val"))
    for _ in itertools.islice(train(damage.split, damage), 3):
        pass
    assert damage.names == [split.media_ids[2]]


def test_the_rest_of_the_order_stays_as_it_was(copy):
    split = open_split(copy, "train")
    before = [b["media_id"].numpy() for b in itertools.islice(train(split, None), 6)]
    flip_bytes(split, 7, seed=0)
    after = [b["media_id"].numpy() for b in itertools.islice(train(split, None), 6)]
    name, following = (split.media_ids[index].encode() for index in (7, 8))
    np.testing.assert_array_equal(np.where(np.array(before) == name, following, before), after)


@pytest.mark.parametrize("limit", [0, 3])
def test_past_the_limit_it_stops_with_the_list(copy, limit):
    split = open_split(copy, "train")
    for index in range(limit + 1):
        flip_bytes(split, index, seed=index)
    damage = Damage(split, limit)
    with (
        pytest.raises(ValueError, match=f"More than {limit} of 24 records are damaged.*Received: ") as error,
        damage.explained(),
    ):
        for _ in itertools.islice(train(split, damage), 6):
            pass
    assert all(name in str(error.value) for name in split.media_ids[: limit + 1])


def test_a_set_that_is_damaged_all_over_ends(copy):
    split = open_split(copy, "val")
    for index in range(split.num_videos):
        flip_bytes(split, index, seed=index)
    damage = Damage(split, 100)
    with pytest.raises(ValueError, match="records are damaged"), damage.explained():
        next(iter(train(split, damage)))
    assert sorted(damage.names) == sorted(split.media_ids)


def test_errors_that_are_no_damage_stay_themselves(motion_records):
    damage = Damage(open_split(motion_records, "train"))
    with pytest.raises(tf.errors.ResourceExhaustedError), damage.explained():
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
    with pytest.raises(ValueError, match=r"0 or more\. Received: -1"):
        Damage(damage.split, -1)


def test_a_shard_out_of_reach_is_no_damage(copy):
    split = open_split(copy, "train")
    shutil.move(split.files[0], copy / "elsewhere")
    damage = Damage(split)
    with pytest.raises(OSError, match=r"cannot be read: No such file.*Received: .*train-00000"), damage.explained():
        for _ in itertools.islice(train(split, damage), 6):
            pass
    assert damage.names == []
