"""A detector's graph, saved, loaded and served: JPEGs and pixels in, boxes out, refusals in sentences."""

import dataclasses
import json
import re

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.serving import detect, detector_companions, video_input
from s3d_tf.serving.connection import connect
from s3d_tf.serving.described import numbers
from s3d_tf.serving.detector_client import DetectorClient
from s3d_tf.serving.detector_graph import DetectorGraph
from s3d_tf.serving.export import export
from s3d_tf.serving.transport import ServerError
from tests.detection.tiny import RECIPE, build, example

from .conftest import enables_onednn, server_commands


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
    assert (
        "i2d and top_heavy_s3d_1" in readme
        and "| `jpegs`, JPEG strings `[B, 8]` |" in readme
        and "frame 4 of a clip" in readme
    )
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
    assert len(server_commands(readme)) == 4
    assert all(enables_onednn(command) for command in server_commands(readme))


@pytest.fixture(scope="module")
def running(folder, serve):
    return serve(folder.parent, "detector")


@pytest.mark.parametrize("address", ["grpc", "rest"])
def test_a_client_gets_the_boxes_of_every_frame(running, served, address, motion_videos):
    video = motion_videos / "val/drift_up/00002.avi"
    client = DetectorClient(connect(getattr(running, address), "detector"))
    found = list(client.detect(video, least_score=0.0))
    assert [number for number, _ in found] == list(range(12)) and any(boxes for _, boxes in found)
    frames = [video_input.encode(frame["rgb"]) for frame in detect.frames_of(video, ["rgb"], (32, 48))]
    for number in (0, 7, 11):
        clip = [frames[min(max(number - 4 + place, 0), 11)] for place in range(8)]
        expected = served["serving_default"](jpegs=tf.constant([clip]))
        count = int(expected["count"][0])
        boxes = found[number][1]
        assert [box.label.encode() for box in boxes] == expected["classes"][0, :count].numpy().tolist()
        np.testing.assert_allclose([box.score for box in boxes], expected["scores"][0, :count], rtol=1e-5)
        np.testing.assert_allclose([box.box for box in boxes], expected["boxes"][0, :count], rtol=1e-5, atol=1e-6)
    scores = [box.score for _, boxes in found for box in boxes]
    kept = client.detect(video, least_score=float(np.median(scores)))
    assert sum(len(boxes) for _, boxes in kept) == sum(score >= np.median(scores) for score in scores)


def test_a_binary_writes_what_a_served_detector_finds(running, run_script, motion_videos, tmp_path):
    video = motion_videos / "val/drift_up/00002.avi"
    flags = (f"--server={running.grpc}", "--model=detector", f"--video={video}", "--least_score=0")
    done = run_script("query_detector.py", *flags, f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"in 12 frames: {tmp_path}/00002.avi.json, .mp4, .png")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"00002.avi.{kind}" for kind in ("json", "mp4", "png")]
    content = json.loads((tmp_path / "00002.avi.json").read_text())
    assert content["classes"] == ["class 0", "class 1", "class 2"] and list(content["videos"]) == ["00002.avi"]
    done = run_script("query_server.py", *flags[:3])
    assert done.returncode == 1 and "The model is a detector, for scripts/query_detector.py." in done.stderr


def about(**changes):
    good = dict(detector="d", labels=["a", "b"], streams=["rgb"], resize=[32, 48], num_frames=8, key_frame=4)
    return json.dumps(good | dict(max_clips=2) | changes)


@pytest.mark.parametrize(
    "info, told",
    [
        (
            json.dumps(dict(labels=["a"], streams={}, max_frames=3)),
            "The model is a classifier, for scripts/query_server.py.",
        ),
        (about(labels=[]), "labels are no list of names"),
        (about(streams=["flow"]), "streams="),
        (about(num_frames=10**9), "2 clips of 1000000000 frames"),
        (about(max_clips=0), "0 clips of 8 frames"),
        (about(resize=[32, -1]), "32x-1"),
        (about(resize=[32]), "not enough values"),
        (about(key_frame=8), "key_frame=8"),
    ],
)
def test_what_a_server_says_of_its_detector_must_make_sense(lie, info, told):
    address, _ = lie([info])
    with pytest.raises(ServerError, match=re.escape(told)):
        DetectorClient(connect(address, "detector"))


GOOD = dict(
    boxes=np.zeros((2, 3, 4), np.float32),
    scores=np.zeros((2, 3)),
    classes=np.full((2, 3), b"a"),
    count=np.array([1, 3]),
)


@pytest.mark.parametrize(
    "changes, told",
    [
        (dict(count=np.array([1, 4])), r"a count of 0 to 3 detections. Received: \[1.0, 4.0\]"),
        (dict(count=np.array([1, -1])), "a count of 0 to 3 detections"),
        (dict(scores=np.full((2, 3), 1.5)), r"scores in \[0, 1\]. Received: 1.5 to 1.5"),
        (dict(scores=np.array([[0.1, 0.2, 0.3]] * 2)), "falling scores"),
        (dict(boxes=np.full((2, 3, 4), 1e30)), r"boxes .* in \[0, 1\]. Received: 1e\+30"),
        (dict(boxes=np.tile([0.5, 0, 0.2, 1], (2, 3, 1))), "boxes ymin, xmin, ymax, xmax"),
        (dict(boxes=np.full((2, 3, 4), np.nan)), "boxes that are not"),
        (dict(boxes=np.zeros((2, 2, 4))), "boxes that are not"),
        (dict(classes=np.full((2, 3), b"zebra")), "a class that its model has not: 'zebra'"),
        (dict(classes=np.full((2, 2), b"a")), r"classes \(2, 3\). Received: \(2, 2\)"),
    ],
)
def test_an_answer_must_be_one(lie, motion_videos, changes, told):
    address, servicer = lie([about()], GOOD)
    client = DetectorClient(connect(address, "detector"))
    video = motion_videos / "val/drift_up/00002.avi"
    assert [len(boxes) for _, boxes in client.detect(video, 0.0)] == [1, 3] * 6
    servicer.outputs = GOOD | changes
    with pytest.raises(ServerError, match=told):
        list(client.detect(video, 0.0))


def test_a_call_holds_no_more_frames_than_a_client_needs(lie):
    address, _ = lie([about(max_clips=10**9)])
    assert DetectorClient(connect(address, "detector")).about.max_clips == 128  # of 8 frames: 1024


def test_a_number_of_four_hundred_digits_is_none():
    with pytest.raises(ServerError, match="scores that are not"):
        numbers([[10**400]], "scores", (1, None))
