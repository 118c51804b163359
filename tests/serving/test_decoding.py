"""What callers send becomes what training saw; what cannot be taken is refused with a sentence, before memory is."""

import dataclasses
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import clips
from s3d_tf.serving.decoding import Limits, from_jpegs, from_pixels, to_clip
from s3d_tf.weights import Preprocessing

from .conftest import frames, header_says, jpegs

P = Preprocessing(resize=(40, 40), crop=32, min_frames=8)
LIMITS = Limits(max_clips=3, max_frames=50, max_pixels=10_000)
CLIPS = frames(2, 4)


@tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None], tf.string)])
def decode(strings):
    return from_jpegs(strings, P, LIMITS)


@tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8)])
def crop(pixels):
    return from_pixels(pixels, P, LIMITS)


def test_jpegs_become_the_pixels_that_training_decodes():
    strings = tf.constant(jpegs(CLIPS))
    box = tf.tile([[4, 4, 32, 32]], [2, 1])
    chosen = clips.Chosen({"rgb": strings}, box, tf.tile([[40, 40]], [2, 1]), tf.constant([False, False]))
    (expected,) = clips.decode(chosen, 32).values()
    np.testing.assert_array_equal(decode(strings), expected)
    assert np.abs(expected.numpy().astype(int) - CLIPS[:, :, 4:36, 4:36]).mean() < 3


def test_jpegs_of_other_sizes_are_resized_like_pixels_each_clip_from_its_own():
    large = frames(1, 4, 60, 90)
    decoded = tf.io.decode_jpeg(jpegs(large)[0][2], dct_method="INTEGER_ACCURATE")
    found = decode(jpegs(large) + jpegs(CLIPS[:1]))
    np.testing.assert_array_equal(found[0, 2], crop(decoded[None, None])[0, 0])
    np.testing.assert_array_equal(found[1], decode(jpegs(CLIPS[:1]))[0])
    resized = tf.image.resize(large[0], (40, 40), antialias=True).numpy().round()
    np.testing.assert_array_equal(crop(large)[0], resized[:, 4:36, 4:36])


def test_grey_jpegs_are_seen_as_grey():
    grey = tf.io.encode_jpeg(CLIPS[0, 0, :, :, :1])
    found = decode([[grey]]).numpy()
    np.testing.assert_array_equal(found[..., 0], found[..., 2])


def test_short_clips_are_looped_and_scaled():
    clip = to_clip(tf.constant(CLIPS[:, :3, :32, :32]), P)
    assert clip.shape == (2, 8, 32, 32, 3)
    np.testing.assert_allclose(clip[0], CLIPS[0, [0, 1, 2, 0, 1, 2, 0, 1], :32, :32] / 127.5 - 1, atol=1e-6)


def test_flow_of_another_size_is_refused():
    flow = dataclasses.replace(P, modality="flow")
    fits = from_pixels(tf.zeros([1, 2, 40, 40, 2], tf.uint8), flow, LIMITS)
    assert fits.shape == (1, 2, 32, 32, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have \[40 40\] pixels.*received \[50 40\]"):
        from_pixels(tf.zeros([1, 2, 50, 40, 2], tf.uint8), flow, LIMITS)


GOOD = jpegs(CLIPS[:1])[0]
HOSTILE = {
    "no frame": ([[]], "at least one clip of one frame; received 1 clips of 0 frames"),
    "no clip": (np.zeros((0, 4), "S1"), "at least one clip of one frame; received 0 clips of 4 frames"),
    "empty strings": ([[*GOOD, b""]], "Frame 4 of clip 0 is no JPEG"),
    "random bytes": ([GOOD, [*GOOD[:3], os.urandom(300)]], "Frame 3 of clip 1 is no JPEG"),
    "a PNG": ([[tf.io.encode_png(CLIPS[0, 0]).numpy()]], "Frame 0 of clip 0 is no JPEG"),
    "half a header": ([[GOOD[0][:20]]], "Invalid JPEG data"),
    "half a JPEG": ([[GOOD[0][: len(GOOD[0]) // 2]]], "Invalid JPEG data"),
    "a huge header": ([[header_says(jpeg, 60_000) for jpeg in GOOD]], "may have 10000 pixels.*received 60000x60000"),
    "mixed sizes": ([[*GOOD, *jpegs(frames(1, 1, 48))[0]]], "Frame 4 of clip 0 is of another size"),
    "too many": ([GOOD[:1] * 10_000], "at most 3 clips of 50 frames; received 1 clips of 10000"),
    "too many clips": ([GOOD] * 4, "at most 3 clips of 50 frames; received 4 clips of 4"),
    "a larger frame": (jpegs(frames(1, 1, 101, 100)), "may have 10000 pixels.*received 101x100"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_taken_is_refused_with_a_sentence(name):
    strings, sentence = HOSTILE[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        decode(tf.constant(strings, tf.string, shape=np.shape(strings)))


def test_a_frame_that_resizing_would_blow_up_is_refused():
    """A row of 9,000 pixels whose shorter side is to be 40: 40 x 360,000."""
    shorter = dataclasses.replace(P, resize=40)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"also when resized; received 1x9000"):
        from_pixels(tf.zeros([1, 1, 1, 9000, 3], tf.uint8), shorter, LIMITS)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((1, 51, 8, 8, 3), "received 1 clips of 51"),
        ((4, 1, 8, 8, 3), "received 4 clips of 1"),
        ((1, 0, 8, 8, 3), "received 1 clips of 0"),
        ((1, 1, 0, 8, 3), r"at least one pixel; received \[0 8\]"),
    ],
)
def test_pixels_out_of_the_limits_are_refused(shape, sentence):
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        crop(tf.zeros(shape, tf.uint8))


def test_a_clip_counts_as_long_as_it_is_looped():
    long = dataclasses.replace(P, min_frames=60)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 3 clips of 50 frames; received 1 clips of 1"):
        from_pixels(tf.zeros([1, 1, 8, 8, 3], tf.uint8), long, LIMITS)
    with pytest.raises(ValueError, match=r"must admit 60 frames of 40x40 pixels.*Received: Limits\(max_clips=3"):
        LIMITS.check(long)


def test_long_thin_frames_are_cropped_one_at_a_time():
    """Each of them resized has 40x4000 pixels, of which 32x32 are kept: together they would take 115 MB as uint8."""
    shorter, wide = dataclasses.replace(P, resize=40), Limits(max_frames=300, max_pixels=200_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = from_pixels(tf.zeros([1, 240, 1, 100, 3], tf.uint8), shorter, wide)
    assert found.shape == (1, 240, 32, 32, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 90 << 10  # KiB


def test_limits_are_positive():
    with pytest.raises(ValueError, match=r"Received: Limits\(max_clips=4, max_frames=0"):
        Limits(max_frames=0)
