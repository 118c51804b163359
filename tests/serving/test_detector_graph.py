"""A detector's graph, saved and loaded: JPEGs and pixels in, boxes out, refusals in sentences."""

import dataclasses
import json

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.serving import detector_companions
from s3d_tf.serving.detector_graph import DetectorGraph
from s3d_tf.serving.export import export
from tests.detection.tiny import RECIPE, build, example


@pytest.fixture(scope="module")
def detector():
    return build()


@pytest.fixture(scope="module")
def folder(detector, tmp_path_factory):
    return export(DetectorGraph(detector), tmp_path_factory.mktemp("exports") / "detector", detector_companions)


@pytest.fixture(scope="module")
def served(folder):
    return tf.saved_model.load(str(folder)).signatures


def test_the_saved_graph_answers_as_the_detector(detector, served):
    clip, expected = example()["clip"], detector(example())
    found = served["frames"](frames=clip)
    np.testing.assert_allclose(found["scores"], expected["scores"], rtol=1e-4)
    np.testing.assert_allclose(found["boxes"], expected["boxes"], rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found["count"], expected["count"])
    names = [b"class 0", b"class 1", b"class 2", b""]
    assert found["classes"].numpy().tolist() == [[names[c] for c in row] for row in expected["classes"].numpy()]


def test_jpegs_are_what_they_decode_to_and_any_size_is_resized(served):
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    frames = [np.roll(cv2.resize(small, (90, 70), interpolation=cv2.INTER_CUBIC), number, 1) for number in range(8)]
    jpegs = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]
    decoded = np.stack([tf.image.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE") for jpeg in jpegs])
    one, other = served["serving_default"](jpegs=tf.constant([jpegs])), served["frames"](frames=decoded[None])
    assert one["boxes"].shape == (1, RECIPE.detections, 4)
    for name in ("boxes", "scores", "classes", "count"):
        np.testing.assert_array_equal(one[name], other[name])


def test_what_lies_beside_it(folder):
    readme = (folder.parent / "README.md").read_text()
    assert "i2d and top_heavy_s3d_1" in readme and "| `jpegs`, JPEG strings `[B, 8]` |" in readme and "frame 4 of a clip" in readme
    assert (folder / "assets.extra/labels.txt").read_text().split("\n") == ["class 0", "class 1", "class 2", ""]
    api = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    (record,) = tf.data.TFRecordDataset(str(folder / "assets.extra/tf_serving_warmup_requests"))
    request = api.PredictionLog.FromString(record.numpy()).predict_log.request
    assert tf.make_ndarray(request.inputs["jpegs"]).shape == (1, 8)


def test_what_a_client_needs_to_know(served):
    info = json.loads(served["info"](query=tf.constant([""]))["info"].numpy()[0])
    assert (info["num_frames"], info["key_frame"], info["resize"]) == (8, 4, [32, 48])
    assert info["labels"] == ["class 0", "class 1", "class 2"] and info["max_clips"] == 2


@pytest.mark.parametrize(
    "signature, given, message",
    [
        (
            "frames",
            dict(frames=np.zeros((1, 7, 32, 48, 3), np.uint8)),
            "1 to 2 clips of 8 frames; received 1 clips of 7",
        ),
        ("frames", dict(frames=np.zeros((3, 8, 32, 48, 3), np.uint8)), "received 3 clips"),
        ("frames", dict(frames=np.zeros((1, 8, 0, 48, 3), np.uint8)), "1 to 8294400 pixels; received .0 48."),
        ("serving_default", dict(jpegs=np.array([[b"GIF89a"] * 8])), "Frame 0 of clip 0 is no JPEG"),
    ],
)
def test_what_cannot_be_taken(served, signature, given, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[signature](**{name: tf.constant(value) for name, value in given.items()})


def test_streams_of_different_length_are_refused(tmp_path):
    graph = DetectorGraph(build(dataclasses.replace(RECIPE, streams=("rgb", "flow"))))
    frames, flow = example()["clip"], example()["flow"]
    answer = graph.signatures()["frames"]
    assert answer(frames, flow)["count"].shape == (2,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="as many clips; received 2 and 1"):
        answer(frames, flow[:1])
    detector_companions.write_beside(tmp_path, graph)
    readme = (tmp_path / "README.md").read_text()
    assert "`frames`, uint8 `[B, 8, H, W, 3]` and `flow`, uint8 `[B, 8, H, W, 2]`" in readme
    assert "`jpegs`, JPEG strings `[B, 8]` and `flow_jpegs`, JPEG strings `[B, 8]`" in readme
