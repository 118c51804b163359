"""A small exported network, and a server of it in a process of its own."""

import multiprocessing
import re
import socket
from typing import NamedTuple

import cv2
import numpy as np
import pytest

LABELS = ("ape", "bear", "cat")


@pytest.fixture(scope="session")
def model():
    import keras

    from s3d_tf.networks import build_model
    from s3d_tf.weights import Preprocessing
    from s3d_tf.weights.own import attach

    keras.utils.set_random_seed(0)
    model = build_model("s3d_g", 3, width=0.1, norm_momentum=0.0)
    model(np.random.default_rng(2).uniform(-1, 1, (4, 8, 64, 64, 3)), training=True)  # statistics as after training
    head = model.get_layer("Conv2d_0c_1x1")
    head.kernel.assign(np.random.default_rng(0).normal(0, 0.2, head.kernel.shape))  # logits of a few units
    attach(model, Preprocessing(resize=(40, 40), crop=32, min_frames=8, labels=LABELS))
    return model


@pytest.fixture(scope="session")
def folder(model, tmp_path_factory):
    """Version 1 of `animals`, which takes 2 clips of 100 frames of 10,000 pixels."""
    from s3d_tf.serving.classifier import Classifier
    from s3d_tf.serving.decoding import Limits
    from s3d_tf.serving.export import export

    limits = Limits(max_clips=2, max_frames=100, max_pixels=10_000)
    return export(Classifier({"rgb": model}, limits=limits), tmp_path_factory.mktemp("model") / "animals")


def server_commands(text: str) -> list[str]:
    """The commands in Markdown that start TensorFlow Serving, each on one line."""
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [" ".join(line.split()) for line in lines if re.search(r"\b(docker run|tensorflow_model_server)\b", line)]


def enables_onednn(command: str) -> bool:
    """Whether TensorFlow Serving gets the variable: docker takes it before the image, a shell before the program."""
    if command.startswith("docker run "):
        return " -e TF_ENABLE_ONEDNN_OPTS=1 " in command.partition(" tensorflow/serving")[0] + " "
    return command.startswith("TF_ENABLE_ONEDNN_OPTS=1 tensorflow_model_server ")


class Server(NamedTuple):
    grpc: str
    rest: str
    process: multiprocessing.process.BaseProcess


@pytest.fixture(scope="session")
def serve(processes):
    """`serve(folder of versions, name)` -> a `Server`, stopped at the end."""
    from s3d_tf.analysis import stand_in

    started = []

    def start(directory, name="animals"):
        ours, theirs = multiprocessing.Pipe()
        process = processes.Process(target=stand_in.serve, args=(directory, name, theirs))
        process.start()
        theirs.close()
        started.append((process, ours))
        assert ours.poll(120), "the server does not come up"
        grpc_port, rest_port = ours.recv()
        return Server(f"localhost:{grpc_port}", f"http://localhost:{rest_port}", process)

    yield start
    for process, ours in started:
        ours.close()
        process.join(10)
        process.kill()


@pytest.fixture(scope="session")
def server(folder, serve):
    return serve(folder.parent)


@pytest.fixture
def lie():
    """`lie(info, outputs, code)` -> the address of a `Lying` server and itself."""
    from concurrent import futures

    import grpc
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    from .lying import Lying, described

    servers = []

    def start(info=None, outputs=None, code=None):
        servicer = Lying([described() if info is None else info], outputs or {}, code)
        server = grpc.server(futures.ThreadPoolExecutor(1))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"localhost:{port}", servicer

    yield start
    for server in servers:
        server.stop(None)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def frames(batch=2, num_frames=9, height=40, width=40, seed=1):
    """Smooth random frames, which survive JPEG: `[B, T, H, W, 3]` uint8."""
    coarse = np.random.default_rng(seed).integers(0, 256, (batch * num_frames, 5, 5, 3), dtype=np.uint8)
    smooth = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in coarse]
    return np.stack(smooth).reshape(batch, num_frames, height, width, 3)


def jpegs(clips, quality=98):
    """`[B, T, H, W, 3]` uint8 RGB -> nested lists of JPEGs."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return [[cv2.imencode(".jpg", frame[..., ::-1], options)[1].tobytes() for frame in clip] for clip in clips]


def header_says(jpeg, side):
    """The same JPEG whose header tells another size."""
    changed = bytearray(jpeg)
    place = changed.index(b"\xff\xc0")
    changed[place + 5 : place + 9] = side.to_bytes(2, "big") * 2
    return bytes(changed)


def in_memory(model, clip):
    """Logits of frames `[B, T, 40, 40, 3]` uint8."""
    return model(clip[:, :, 4:36, 4:36].astype(np.float32) / 127.5 - 1, training=False).numpy()
