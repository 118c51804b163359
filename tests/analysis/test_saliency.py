"""Grad-CAM against closed forms, and its pictures."""

import cv2
import keras
import numpy as np
import pytest

from s3d_tf.analysis import heat
from s3d_tf.analysis.explanation import explain, index_of
from s3d_tf.analysis.saliency import Saliency, enlarge, grad_cam
from s3d_tf.data import video
from s3d_tf.networks import build_model, endpoints
from s3d_tf.serving import video_input
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach

LABELS = ("up", "down", "still")
VIDEO = "val/drift_up/00002.avi"  # 12 frames, 40x40


def build(**changes):
    keras.utils.set_random_seed(0)
    model = build_model("i3d", 3, width=0.1, norm_momentum=0.0, **changes)
    model(np.random.default_rng(2).uniform(-1, 1, (2, 16, 64, 64, 3)), training=True)
    attach(model, Preprocessing(resize=(40, 40), crop=32, min_frames=16, labels=LABELS))
    return model


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.mark.parametrize("head", ["pairs", "global"])
def test_above_the_last_block_a_channel_counts_by_the_kernel_of_the_logits(head):
    """Both heads are linear in the mean over all positions but for the frames at the ends, so the gradients of all
    positions add up to the kernel's column."""
    model = build(head=head)
    clip = np.random.default_rng(3).uniform(-1, 1, (32, 64, 64, 3)).astype(np.float32)
    found = endpoints(model, ["Mixed_5c", "Logits"])(clip[None], training=False)
    activations = found["Mixed_5c"].numpy()[0]  # [4, 2, 2, C]
    kernel = model.get_layer("Conv2d_0c_1x1").kernel.numpy()[0, 0, 0]
    logits, maps = Saliency(model).logits_and_maps(clip, [2, 0])
    np.testing.assert_allclose(logits, found["Logits"].numpy()[0], atol=1e-5)
    expected = np.maximum(activations @ kernel[:, [2, 0]], 0) / (4 * 2 * 2)
    assert expected.std() > 1e-5
    np.testing.assert_allclose(maps, np.moveaxis(expected, -1, 0), rtol=1e-3, atol=1e-7)


def test_the_heat_is_where_the_clip_is_hot():
    inputs = keras.Input((None, None, None, 1))
    cells = keras.layers.AveragePooling3D((4, 8, 8), name="cells")(inputs)
    pooled = keras.layers.GlobalAveragePooling3D()(cells)
    model = keras.Model(inputs, keras.layers.Dense(2, use_bias=False)(pooled))
    model.layers[-1].kernel.assign([[1.0, -1.0]])
    clip = np.zeros((16, 32, 32, 1), np.float32)
    clip[4:8, 16:24, 0:8] = 0.7  # cell 1, 2, 0
    cell = np.zeros((4, 4, 4), np.float32)
    cell[1, 2, 0] = 1
    heat_for = grad_cam(model, clip, 0, "cells")
    assert heat_for.shape == (16, 32, 32) and heat_for.dtype == np.float32
    np.testing.assert_allclose(heat_for, enlarge(cell, (16, 32, 32)), atol=1e-6)
    hot = heat_for > 0.7
    assert hot.sum() > 0 and clip[hot].min() > 0.6 and 0.8 < heat_for.max() <= 1
    assert grad_cam(model, clip, 1, "cells").max() == 0


def test_enlarging_is_linear_between_the_middles_of_the_cells():
    small = np.random.default_rng(0).uniform(size=(3, 4, 5)).astype(np.float32)
    frames = np.stack([cv2.resize(frame, (40, 28), interpolation=cv2.INTER_LINEAR) for frame in small])
    np.testing.assert_allclose(enlarge(small, (3, 28, 40)), frames, atol=1e-5)
    time = enlarge(np.arange(3, dtype=np.float32).reshape(3, 1, 1), (12, 1, 1))[:, 0, 0]
    np.testing.assert_allclose(time, [0, 0, 0.125, 0.375, 0.625, 0.875, 1.125, 1.375, 1.625, 1.875, 2, 2], atol=1e-6)


def test_a_video_is_shown_as_it_is_classified(model, motion_videos):
    path = motion_videos / VIDEO
    found = explain(model, path)
    frames = np.stack([frame.rgb for frame in video.read_video(path, (40, 40)).frames])[:, 4:36, 4:36]
    np.testing.assert_array_equal(found.frames, frames)
    clip = frames[np.arange(16) % 12].astype(np.float32) / 127.5 - 1  # looped
    logits = model(clip[None], training=False).numpy()[0]
    top = int(logits.argmax())
    np.testing.assert_allclose(found.heat, grad_cam(model, clip, top)[:12], atol=1e-4)
    assert (found.label, found.more, index_of("down", LABELS)) == (LABELS[top], False, 1)
    scores = np.exp(logits) / np.exp(logits).sum()
    assert dict(found.ranking) == pytest.approx(dict(zip(LABELS, scores, strict=True)), rel=1e-4)


def test_a_network_of_flow_sees_flow_and_its_heat_lies_over_the_frames(motion_videos):
    keras.utils.set_random_seed(0)
    model = build_model("i2d", 2, width=0.1, input_shape=(None, None, None, 2))
    attach(model, Preprocessing(modality="flow", resize=(40, 40), crop=32, labels=("up", "down")))
    path = motion_videos / VIDEO
    found = explain(model, path, "up")
    frames = np.stack([frame.rgb for frame in video.read_video(path, (40, 40)).frames])[:, 4:36, 4:36]
    np.testing.assert_array_equal(found.frames, frames)
    (shown,) = video_input.windows(path, {"flow": model.preprocessing})
    clip = shown.streams["flow"][:, 4:36, 4:36].astype(np.float32) / 127.5 - 1
    np.testing.assert_allclose(found.heat, grad_cam(model, clip, 0), atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(label="left"), "There is no such class; there are up, down, still. Received: 'left'"),
        (dict(endpoint="Mixed_9"), "Unknown endpoint: choose among clip, Conv2d_1a_7x7.*Received: Mixed_9"),
        (dict(endpoint="Logits"), "An endpoint has frames, rows and columns.*Received: Logits"),
        (dict(window=1), "fewer windows of 250 frames. Received: window=1"),
    ],
)
def test_what_is_refused(model, motion_videos, changes, told):
    with pytest.raises(ValueError, match=told):
        explain(model, motion_videos / VIDEO, **changes)


def test_of_many_classes_the_first_are_named():
    with pytest.raises(ValueError, match=r"there are 0, 1, 2, 3, 4, 5, 6, 7, \.\.\. \(400 in all\)\. Received: 'x'"):
        index_of("x", [str(number) for number in range(400)])


def test_the_pictures(tmp_path):
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (10, 32, 32, 3), np.uint8)
    grey = heat.overlay(frames, np.zeros((10, 32, 32)))
    np.testing.assert_array_equal(grey[..., 0], grey[..., 1])
    warm = heat.overlay(frames, np.ones((10, 32, 32)))
    assert (warm[..., 0].astype(int) - warm[..., 2]).min() > 50  # red, not blue
    sheet = heat.heat_sheet(frames, random.uniform(size=(10, 32, 32)), 7, [("up", 0.9), ("down", 0.1)], "Grad-CAM")
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3
    for name in ("a.gif", "a.mp4"):
        heat.write_animation(tmp_path / name, frames, np.zeros((10, 32, 32)), 25.0)
        read = video.read_video(tmp_path / name).frames
        assert len(read) == 10
        assert abs(read[3].rgb[:224, :224].astype(int) - frames[3].repeat(7, 0).repeat(7, 1)).mean() < 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.mp4"]
    with pytest.raises(ValueError, match=r"must end in \.gif or \.mp4. Received: a\.avi"):
        heat.check_animation(tmp_path.__class__("a.avi"))
