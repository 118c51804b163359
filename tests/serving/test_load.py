"""Many clients at once, some of them hostile, while the version is swapped: nothing is lost, nothing grows."""

import collections
import concurrent.futures
import os
import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.decoding import Limits
from s3d_tf.serving.export import export
from s3d_tf.serving.grpc_transport import GrpcTransport
from s3d_tf.serving.transport import ServerError

from .conftest import frames, header_says, jpegs

REQUESTS, CLIENTS = 500, 8
GOOD = jpegs(frames(1, 8))
HOSTILE = [  # signature, inputs, what the server says
    ("serving_default", {"jpegs": [[os.urandom(500)] * 8]}, "Frame 0 of clip 0 is no JPEG"),
    ("serving_default", {"jpegs": [[b"\xff\xd8\xff" + bytes(range(250))] * 8]}, "Invalid JPEG data"),
    ("serving_default", {"jpegs": [[b""] * 8]}, "Frame 0 of clip 0 is no JPEG"),
    ("serving_default", {"jpegs": np.zeros((1, 0), "S1")}, "at least one clip of one frame"),
    ("serving_default", {"jpegs": np.array(GOOD[0])}, r"shape|rank"),
    ("serving_default", {"jpegs": [[header_says(GOOD[0][0], 60_000)] * 8]}, "received 60000x60000"),
    ("serving_default", {"jpegs": [GOOD[0][:1] * 10_000]}, "received 1 clips of 10000"),
    ("nonsense", {"jpegs": GOOD}, "nonsense"),
    ("serving_default", {"frames": frames(1, 8)}, "does not match signature"),
    ("frames", {"frames": frames(1, 8).astype(np.float32)}, "float32"),
]


def resident(process):
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


@pytest.mark.slow
def test_five_hundred_requests_hostile_ones_and_a_swap(model, serve, tmp_path):
    directory, limits = tmp_path / "animals", Limits(max_clips=2, max_frames=100, max_pixels=10_000)
    bias = model.get_layer("Conv2d_0c_1x1").bias
    export(Classifier({"rgb": model}, limits=limits), directory)
    bias.assign_add([3.0, 0.0, -3.0])
    other = export(Classifier({"rgb": model}, limits=limits), tmp_path / "other")
    bias.assign_add([-3.0, 0.0, 3.0])
    server = serve(directory)
    swap = threading.Barrier(CLIENTS + 1)

    def ask(client):
        """What each of a client's requests got: "right", the error of a hostile one, or what should not be."""
        transport, got = GrpcTransport(server.grpc, "animals"), []
        for number in range(client, REQUESTS, CLIENTS):
            if number == client + CLIENTS * 10:
                swap.wait(100)
            if number > CLIENTS * 10:
                time.sleep(0.1)  # the other half of it while the server loads
            hostile = HOSTILE[number // 20 % len(HOSTILE)] if number % 20 == 7 else None
            signature, inputs, sentence = hostile or ("serving_default", {"jpegs": GOOD}, None)
            try:
                got.append((sentence, transport.call(signature, inputs, 60)["logits"]))
            except ServerError as error:
                got.append((sentence, str(error)))
        transport.close()
        return got

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        jobs = [pool.submit(ask, client) for client in range(CLIENTS)]
        swap.wait(100)
        before = resident(server.process)
        other.rename(directory / "2")  # as export does it
        results = [one for job in jobs for one in job.result(300)]
    models = {version: tf.saved_model.load(str(directory / str(version))) for version in (1, 2)}
    right = {v: m.signatures["serving_default"](jpegs=tf.constant(GOOD))["logits"] for v, m in models.items()}
    counts = collections.Counter()
    for sentence, answer in results:
        if sentence:
            assert isinstance(answer, str), sentence
            assert re.search(sentence, answer), (sentence, answer)
            counts["hostile"] += 1
        else:
            assert not isinstance(answer, str), answer
            (version,) = [v for v, logits in right.items() if np.allclose(answer, logits, atol=1e-4)]
            counts[version] += 1
    assert counts.total() == REQUESTS
    assert counts["hostile"] == REQUESTS // 20
    assert min(counts[1], counts[2]) > 20, counts  # the swap fell amid them
    assert server.process.is_alive()
    assert resident(server.process) < before + (150 << 20)  # two versions were loaded; 500 leaks would be more
