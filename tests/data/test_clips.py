"""Each op eagerly and inside tf.data, with numbers worked out by hand."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import clips


def in_dataset(function):
    """The function's result computed inside a tf.data map."""
    return next(iter(tf.data.Dataset.range(1).map(lambda _: function()))).numpy()


def both(function):
    eager, mapped = function().numpy(), in_dataset(function)
    np.testing.assert_array_equal(eager, mapped)
    return eager


def seed(n):
    return tf.constant([n, 7], tf.int64)


def test_random_clip_is_consecutive_and_reaches_every_start():
    starts = set()
    for n in range(300):
        chosen = clips.random_clip(tf.constant(100), 64, seed(n)).numpy()
        np.testing.assert_array_equal(chosen, chosen[0] + np.arange(64))
        starts.add(int(chosen[0]))
    assert min(starts) == 0
    assert max(starts) == 36
    assert len(starts) == 37


def test_random_clip_of_a_short_video_is_looped():
    np.testing.assert_array_equal(both(lambda: clips.random_clip(tf.constant(3), 8, seed(0))), [0, 1, 2, 0, 1, 2, 0, 1])


def test_the_same_seed_gives_the_same_clip():
    chosen = [both(lambda n=n: clips.random_clip(tf.constant(100), 16, seed(n))) for n in (1, 1, 2)]
    np.testing.assert_array_equal(chosen[0], chosen[1])
    assert chosen[0][0] != chosen[2][0]


@pytest.mark.parametrize(
    ("available", "at_least", "backwards", "expected"),
    [
        (5, 3, False, [0, 1, 2, 3, 4]),
        (3, 7, False, [0, 1, 2, 0, 1, 2, 0]),
        (5, 3, True, [4, 3, 2, 1, 0]),
        (3, 5, True, [2, 1, 0, 2, 1]),
    ],
)
def test_all_frames(available, at_least, backwards, expected):
    np.testing.assert_array_equal(both(lambda: clips.all_frames(tf.constant(available), at_least, backwards)), expected)


def test_boxes():
    np.testing.assert_array_equal(
        both(lambda: clips.centre_box(tf.constant(256), tf.constant(340), 224)), [16, 58, 224, 224]
    )
    drawn = np.array([clips.random_box(tf.constant(36), tf.constant(32), 32, seed(n)).numpy() for n in range(200)])
    assert set(drawn[:, 0]) == {0, 1, 2, 3, 4}
    assert set(drawn[:, 1]) == {0}


def test_decode_gives_the_box_of_the_whole_picture():
    image = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    box = tf.constant([3, 5, 32, 32])
    crop = both(lambda: clips.decode(tf.constant([jpeg, jpeg]), box, 32))
    whole = tf.image.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE").numpy()
    assert crop.shape == (2, 32, 32, 3)
    # the decoder interpolates colour a pixel beyond the box; inside they are equal
    np.testing.assert_array_equal(crop[0, 2:-2, 2:-2], whole[5:33, 7:35])


def test_flip_mirrors_the_whole_clip_or_nothing():
    clip = tf.reshape(tf.range(2 * 2 * 3 * 1), [2, 2, 3, 1])
    flipped = [both(lambda n=n: clips.random_flip(clip, seed(n))) for n in range(20)]
    mirrored = [np.array_equal(f, clip.numpy()[:, :, ::-1]) for f in flipped]
    kept = [np.array_equal(f, clip.numpy()) for f in flipped]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 4 < sum(mirrored) < 16


def test_scale_maps_bytes_to_minus_one_to_one():
    np.testing.assert_allclose(both(lambda: clips.scale(tf.constant([0, 51, 255], tf.uint8))), [-1, -0.6, 1], atol=1e-6)


def test_resize_averages_and_keeps_constants():
    clip = tf.concat(
        [tf.fill([1, 4, 4, 3], tf.constant(10, tf.uint8)), tf.fill([1, 4, 4, 3], tf.constant(200, tf.uint8))], 0
    )
    resized = both(lambda: clips.resize(clip, (2, 6)))
    assert resized.shape == (2, 2, 6, 3)
    assert (resized[0] == 10).all()
    assert (resized[1] == 200).all()


def test_crop_centre():
    picture = tf.reshape(tf.range(36, dtype=tf.int32), [1, 6, 6, 1])
    np.testing.assert_array_equal(both(lambda: clips.crop_centre(picture, 2))[0, :, :, 0], [[14, 15], [20, 21]])
