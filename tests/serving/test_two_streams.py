"""RGB and flow in one exported graph, and flow alone: logits are added, both are taken, both come from one video."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import flow, video
from s3d_tf.networks import build_model, endpoints
from s3d_tf.serving import video_input
from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.export import export
from s3d_tf.serving.predict import load_predictor
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach

from .conftest import LABELS, frames

VIDEO = "val/drift_up/00002.avi"  # 12 frames of 40x40


@pytest.fixture(scope="module")
def flow_model():
    keras.utils.set_random_seed(1)
    model = build_model("i2d", 3, width=0.1, input_shape=(None, None, None, 2), norm_momentum=0.0)
    model(np.random.default_rng(3).uniform(-1, 1, (4, 8, 64, 64, 2)), training=True)
    head = model.get_layer("Conv2d_0c_1x1")
    head.kernel.assign(np.random.default_rng(0).normal(0, 0.2, head.kernel.shape))  # logits of a few units
    attach(model, Preprocessing(modality="flow", resize=(40, 40), crop=32, min_frames=8, labels=LABELS))
    return model


@pytest.fixture(scope="module")
def both(model, flow_model, tmp_path_factory):
    classifier = Classifier({"rgb": model, "flow": flow_model}, factors={"rgb": 1.0, "flow": 1.5})
    return export(classifier, tmp_path_factory.mktemp("both") / "both")


def scaled(clip):
    return clip[:, :, 4:36, 4:36].astype(np.float32) / 127.5 - 1


def test_logits_are_added_with_their_factors(model, flow_model, both):
    rgb, levels = frames(2, 9), frames(2, 9, seed=5)[..., :2]
    signatures = tf.saved_model.load(str(both)).signatures
    outputs = signatures["frames"](frames=tf.constant(rgb), flow=tf.constant(levels))
    expected = model(scaled(rgb), training=False) + 1.5 * flow_model(scaled(levels), training=False)
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)
    strings = dict(
        jpegs=[[video_input.encode(frame) for frame in clip] for clip in rgb],
        flow_jpegs=[[video_input.encode(frame) for frame in clip] for clip in levels],
    )
    strings = {name: tf.constant(value) for name, value in strings.items()}
    served = signatures["serving_default"](**strings)["logits"]
    assert np.abs(served - expected).max() < 0.3 * np.std(expected)
    found = signatures["frames_features"](frames=tf.constant(rgb), flow=tf.constant(levels))
    for name, network, clip in (("features", model, rgb), ("flow_features", flow_model, levels)):
        wanted = endpoints(network, ["Mixed_5c"])(scaled(clip), training=False)["Mixed_5c"].numpy().mean((1, 2, 3))
        np.testing.assert_allclose(found[name], wanted, atol=1e-4)
    strings["flow_jpegs"] = strings["flow_jpegs"][:, :5]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be as many; received \[2 9\] and \[2 5\]"):
        signatures["serving_default"](**strings)


def test_a_video_is_seen_by_both(model, flow_model, both, motion_videos):
    shown = np.stack([frame.rgb for frame in video.read_video(motion_videos / VIDEO, (40, 40)).frames])
    grey = [np.dot(frame, [0.299, 0.587, 0.114]).round().astype(np.uint8) for frame in shown]
    method = flow.TVL1()
    levels = [flow.levels(method(a, b)) for a, b in itertools.pairwise(grey)]
    levels = np.stack([*levels, levels[-1]])
    expected = model(scaled(shown[None]), training=False) + 1.5 * flow_model(scaled(levels[None]), training=False)
    found = load_predictor(both).predict(motion_videos / VIDEO)
    np.testing.assert_allclose(found.logits, expected[0], atol=2e-2)  # grey levels are rounded otherwise


def test_flow_alone(flow_model, motion_videos, tmp_path):
    folder = export(Classifier({"flow": flow_model}), tmp_path / "flow")
    signatures = tf.saved_model.load(str(folder)).signatures
    levels = frames(1, 9)[..., :2]
    expected = flow_model(scaled(levels), training=False)
    np.testing.assert_allclose(signatures["frames"](flow=tf.constant(levels))["logits"], expected, atol=1e-4)
    assert list(signatures["frames_features"](flow=tf.constant(levels))) == ["features"]
    found = load_predictor(folder).predict(motion_videos / VIDEO)
    assert (found.num_frames, found.sample) == (12, {})
