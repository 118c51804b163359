"""Each op eagerly and inside tf.data, with numbers worked out by hand."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import clips
from s3d_tf.data.records import Record


def in_dataset(function):
    """The function's result computed inside a tf.data map."""
    return next(iter(tf.data.Dataset.range(1).map(lambda _: function()))).numpy()


def both(function):
    eager, mapped = function().numpy(), in_dataset(function)
    np.testing.assert_array_equal(eager, mapped)
    return eager


def record(rgb, size=(40, 48), **streams):
    streams = {name: tf.constant(jpegs, tf.string) for name, jpegs in dict(rgb=rgb, **streams).items()}
    return Record(streams, tf.constant(size), tf.constant(0, tf.int64), tf.constant("a.mp4"))


def chosen(rgb, box, mirrored=False, **streams):
    found = record(rgb, **streams)
    return clips.Chosen(found.streams, box, found.size, tf.constant(mirrored))


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
    crop = both(lambda: clips.decode(chosen([jpeg] * 2, box), 32)["rgb"])
    whole = tf.image.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE").numpy()
    assert crop.shape == (2, 32, 32, 3)
    # the decoder interpolates colour a pixel beyond the box; inside they are equal
    np.testing.assert_array_equal(crop[0, 2:-2, 2:-2], whole[5:33, 7:35])


@pytest.mark.parametrize("size", [(40, 40), (39, 48), (65500, 48)])
def test_a_jpeg_of_another_size_than_the_records_is_refused(size):
    jpeg = bytearray(cv2.imencode(".jpg", np.zeros((40, 48, 3), np.uint8))[1].tobytes())
    at = jpeg.index(b"\xff\xc0")  # the header's rows and columns
    jpeg[at + 5 : at + 9] = size[0].to_bytes(2, "big") + size[1].to_bytes(2, "big")
    with pytest.raises(tf.errors.InvalidArgumentError, match="another size"):
        clips.decode(chosen([bytes(jpeg)], tf.constant([0, 0, 32, 32])), 32)


def test_flow_has_two_channels_and_shares_the_box():
    image = np.full((40, 48, 3), (128, 60, 200), np.uint8)  # blue, green, red: red is u, green v
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    found = clips.decode(chosen([jpeg] * 2, tf.constant([0, 0, 32, 32]), flow=[jpeg] * 2), 32)
    assert {name: tuple(pixels.shape) for name, pixels in found.items()} == {
        "rgb": (2, 32, 32, 3),
        "flow": (2, 32, 32, 2),
    }
    np.testing.assert_allclose(found["flow"][0, 16, 16].numpy().astype(int), [200, 60], atol=2)


def test_streams_of_different_lengths_are_refused():
    for streams in (dict(rgb=[b"a", b"b"], flow=[b"a"]), dict(rgb=[])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="streams are of lengths"):
            clips.num_frames(record(**streams))
    assert int(clips.num_frames(record([b"a", b"b"], flow=[b"c", b"d"]))) == 2


def test_the_mirrored_flow_is_of_the_other_sign():
    flow = np.array([[[[10, 20], [30, 40]]]], np.uint8)  # [1, 1, 2, 2]: u, v of two pixels
    np.testing.assert_array_equal(clips.mirror(tf.constant(flow)), [[[[225, 40], [245, 20]]]])


@pytest.mark.parametrize(
    ("available", "num_clips", "backwards", "firsts"),
    [(10, 1, False, [3]), (10, 3, False, [0, 3, 6]), (10, 3, True, [9, 6, 3]), (2, 2, False, [0, 0])],
)
def test_clips_are_spread_from_the_first_frame_to_the_last(available, num_clips, backwards, firsts):
    spread = clips.spread_clips(tf.constant(available), 4, num_clips, backwards)
    step = -1 if backwards else 1
    expected = [[(first + step * i) % available for i in range(4)] for first in firsts]
    np.testing.assert_array_equal(tf.stack(spread), expected)


@pytest.mark.parametrize(
    ("size", "corners"), [((32, 40), [(2, 0), (2, 6), (2, 12)]), ((40, 32), [(0, 2), (6, 2), (12, 2)])]
)
def test_three_crops_lie_along_the_longer_side(size, corners):
    boxes = clips.spread_boxes(*(tf.constant(n) for n in size), 28, 3)
    np.testing.assert_array_equal(tf.stack(boxes), [(*corner, 28, 28) for corner in corners])


def test_clips_of_a_batch_have_each_their_own_box_size_and_side():
    images = [np.random.default_rng(n).integers(0, 256, (40 + n, 48, 3), dtype=np.uint8) for n in range(2)]
    jpegs = [cv2.imencode(".jpg", image)[1].tobytes() for image in images]
    boxes = tf.constant([[3, 5, 32, 32], [8, 0, 32, 32]])
    batch = clips.Chosen(
        {"rgb": tf.constant([[jpegs[0]] * 3, [jpegs[1]] * 3])}, boxes, tf.constant([[40, 48], [41, 48]]), [False, True]
    )
    found = both(lambda: clips.decode(batch, 32)["rgb"])
    assert found.shape == (2, 3, 32, 32, 3)
    for n, (mirrored, clip) in enumerate(zip((False, True), found, strict=True)):
        single = clips.Chosen({"rgb": tf.constant([jpegs[n]])}, boxes[n], batch.size[n], tf.constant(mirrored))
        alone = clips.decode(single, 32)["rgb"][0].numpy()
        for frame in clip:
            np.testing.assert_array_equal(frame, alone)
        whole = tf.image.decode_jpeg(jpegs[n], dct_method="INTEGER_ACCURATE").numpy()[boxes[n][0] :, boxes[n][1] :]
        side = alone[:, ::-1] if mirrored else alone
        np.testing.assert_array_equal(side[2:-2, 2:-2], whole[2:30, 2:30])


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
