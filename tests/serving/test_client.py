"""The client against a server of the API's own messages: it answers as the network in memory does."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import video
from s3d_tf.serving import rest_transport, video_input
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import connect
from s3d_tf.serving.grpc_transport import GrpcTransport
from s3d_tf.serving.transport import ServerError

from .conftest import LABELS, frames, free_port, in_memory, jpegs

VIDEO = "val/drift_up/00002.avi"  # 12 frames of 40x40


@pytest.fixture(params=["grpc", "rest"])
def address(request, server):
    return getattr(server, request.param)


@pytest.fixture
def client(address):
    return Client(connect(address, "animals"))


def decoded(shown):
    """Frames as a server sees them: JPEGs there and back, `[T, H, W, 3]` uint8."""
    return np.stack([tf.io.decode_jpeg(video_input.encode(frame), dct_method="INTEGER_ACCURATE") for frame in shown])


def test_a_video_gets_the_logits_of_the_network_in_memory(client, model, motion_videos):
    answer = client.classify(motion_videos / VIDEO)
    shown = np.stack([frame.rgb for frame in video.read_video(motion_videos / VIDEO, (40, 40)).frames])
    expected = in_memory(model, decoded(shown)[None])[0]
    np.testing.assert_allclose(answer.logits, expected, atol=1e-4)
    assert np.abs(in_memory(model, shown[None])[0] - expected).max() < 0.3 * expected.std()  # JPEG's error, of textures
    assert (answer.start, answer.num_frames, sorted(answer.sample)) == (0, 12, list(range(12)))
    assert [label for label, _ in answer.ranking] == [LABELS[i] for i in np.argsort(-expected)]
    assert sum(score for _, score in answer.ranking) == pytest.approx(1)


def test_pixels_get_the_logits_of_the_network_in_memory(client, model):
    np.testing.assert_allclose(client.classify_frames(frames()), in_memory(model, frames()), atol=1e-4)


def test_features_are_the_mean_of_the_endpoint(client, model, motion_videos):
    from s3d_tf.networks import endpoints

    shown = np.stack([frame.rgb for frame in video.read_video(motion_videos / VIDEO, (40, 40)).frames])
    clip = decoded(shown)[None, :, 4:36, 4:36] / np.float32(127.5) - 1
    expected = endpoints(model, ["Mixed_5c"])(clip, training=False)["Mixed_5c"].numpy().mean((1, 2, 3))
    np.testing.assert_allclose(client.features(motion_videos / VIDEO), expected, atol=1e-4)


def test_windows_and_their_average(client, motion_videos):
    path = motion_videos / VIDEO
    parts = list(client.classify_windows(path, 8, 2))
    assert [(part.start, part.num_frames) for part in parts] == [(0, 8), (2, 8), (4, 8)]
    halves = list(client.classify_windows(path, 9))
    assert [(part.start, part.num_frames) for part in halves] == [(0, 6), (6, 6)]
    whole = client.classify(path, 9)
    np.testing.assert_allclose(whole.logits, np.mean([part.logits for part in halves], axis=0), atol=1e-5)
    assert whole.num_frames == 12


def test_a_folder_of_frames_is_a_video(client, motion_videos, tmp_path):
    shown = [frame.rgb for frame in video.read_video(motion_videos / VIDEO).frames]
    for number, frame in enumerate(shown):
        (tmp_path / f"{number}.png").write_bytes(tf.io.encode_png(frame).numpy())
    expected = client.classify(motion_videos / VIDEO).logits
    np.testing.assert_allclose(client.classify(tmp_path).logits, expected, atol=1e-5)
    assert video_input.find_videos([str(tmp_path)]) == [tmp_path]


def test_what_is_no_video_in_a_folder_is_counted_and_named_once(motion_videos, tmp_path, caplog):
    for name in (
        "a.MP4",
        "b/c.avi",
        "notes.txt",
        "b/c.srt",
        ".DS_Store",
        "b/p.jpg",
        "frames/1.jpg",
        "frames/s.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with caplog.at_level("WARNING", logger="absl"):
        found = video_input.find_videos([str(tmp_path), str(tmp_path / "notes.txt")])
    inside = [path.relative_to(tmp_path).as_posix() for path in found]
    assert inside == ["a.MP4", "b/c.avi", "frames", "notes.txt"]  # what is named itself is tried
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == (
        f"{tmp_path}: 5 files are skipped, no videos by their endings: .DS_Store, b/c.srt, b/p.jpg, frames/s.txt, "
        "notes.txt"
    )
    for name in ("a.MP4", "b/c.avi", "frames/1.jpg", "b/p.jpg"):
        (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=r"no videos, but 4 other files \(.DS_Store.*they end in .mp4.*Received: "):
        video_input.find_videos([str(tmp_path)])


@pytest.mark.parametrize(("name", "version", "code"), [("birds", None, "NOT_FOUND"), ("animals", 7, "NOT_FOUND")])
def test_what_is_not_served_is_named(address, name, version, code):
    with pytest.raises(ServerError, match=f"does not serve that.*{name}") as caught:
        Client(connect(address, name, version))
    assert caught.value.code == code


def test_the_servers_own_sentence_arrives(client):
    with pytest.raises(ServerError, match=r"cannot take this: Frame 1 of clip 0 is no JPEG\.$") as caught:
        client._call("serving_default", {"jpegs": [[*jpegs(frames(1, 1))[0], b"\xff\xd8 no"]]})
    assert caught.value.code == "INVALID_ARGUMENT"
    with pytest.raises(ServerError, match="at most 2 clips of 100 frames"):
        client.classify_frames(frames(1, 101))


def test_no_proxy_stands_between_here_and_here(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "grpc_proxy"):
        monkeypatch.setenv(name, f"http://localhost:{free_port()}")
    for address in (server.grpc, server.rest):
        assert Client(connect(address, "animals"), retries=0).labels == LABELS


@pytest.mark.skipif("TFS_ADDRESS" not in os.environ, reason="no TensorFlow Serving: TFS_ADDRESS=host:port names one")
def test_tensorflow_serving_itself(motion_videos):
    """Of the folder that TFS_MODEL_DIR names, under the name `animals`; CONTRIBUTING.md says how to start it."""
    from s3d_tf.serving.predict import load_predictor

    expected = load_predictor(Path(os.environ["TFS_MODEL_DIR"])).predict(motion_videos / VIDEO).logits
    transport = connect(os.environ["TFS_ADDRESS"], "animals")
    assert np.abs(Client(transport).classify(motion_videos / VIDEO).logits - expected).max() < 0.3 * expected.std()
    assert isinstance(transport, GrpcTransport | rest_transport.RestTransport)
