"""What serving costs beside the graph's own work: calls over loopback beside the bare call of the same graph."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from ..serving import video_input
from ..serving.classifier import JPEGS, PIXELS
from ..serving.decoding import UNLIMITED, from_pixels, to_clip
from ..serving.grpc_transport import GrpcTransport, make_request
from . import peer_saved_model, timing


class Measured(NamedTuple):
    """Of one signature at one batch size; seconds."""

    batch: int
    signature: str
    served: list[float]  # each request, from before it is made to after its answer is read
    bare: list[float]  # each call of the loaded graph in this process, in turn with them
    request_bytes: int


@contextlib.contextmanager
def stand_in_server(directory: Path, name: str) -> Iterator[str]:
    """The address of a stand-in for TensorFlow Serving in a process of its own."""
    from . import stand_in

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=stand_in.serve, args=(directory, name, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(300):
            raise OSError("The stand-in server did not come up within 300 s.")
        yield f"localhost:{ours.recv()[0]}"
    finally:
        ours.close()
        process.join(10)
        process.kill()


def measure(
    address: str, name: str, version: Path, frames: np.ndarray, batches: list[int], repeats: int
) -> list[Measured]:
    """Times requests and bare calls in turn.

    Args:
        address, name: of a server of gRPC that serves `version`.
        version: the exported folder, which is loaded in this process too.
        frames: `[T, H, W, 3]` uint8 RGB.
        batches: clips in a request.
        repeats: rounds after the first.

    Returns:
        `Measured` of each batch size and signature.
    """
    loaded = tf.saved_model.load(str(version))
    transport = GrpcTransport(address, name)
    jpegs = [video_input.encode(frame) for frame in frames]
    found = []
    for batch in batches:
        given = {
            "serving_default": {JPEGS["rgb"]: [jpegs] * batch},
            "frames": {PIXELS["rgb"]: np.stack([frames] * batch)},
        }
        runs = {}
        for signature, inputs in given.items():
            runs[f"served {signature}"] = timing.timed(transport.call, signature, inputs, 600.0)
            runs[f"bare {signature}"] = timing.timed(bare(loaded.signatures[signature], inputs))
        seconds = timing.interleave(runs, repeats)
        for signature, inputs in given.items():
            size = make_request(name, None, signature, inputs).ByteSize()
            found.append(Measured(batch, signature, seconds[f"served {signature}"], seconds[f"bare {signature}"], size))
    transport.close()
    return found


def bare(signature: Callable, inputs: dict) -> Callable[[], np.ndarray]:
    """Calls the loaded graph with what a server has after it has read the message."""
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    return lambda: signature(**tensors)["logits"].numpy()


def against_memory(model: keras.Model, version: Path, frames: np.ndarray, repeats: int) -> dict[str, list[float]]:
    """Seconds of the exported graph and of the network in memory, in turn, both from the same pixels.

    Args:
        model: what was exported, with its `preprocessing`.
        frames: `[T, H, W, 3]` uint8 RGB.
    """
    p = model.preprocessing

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None, 3], tf.uint8)])
    def in_memory(pixels):
        return model(to_clip(from_pixels(pixels, p, UNLIMITED), p), training=False)

    loaded = tf.saved_model.load(str(version))
    pixels = tf.constant(frames[None])
    runs = dict(
        exported=timing.timed(lambda: loaded.signatures["frames"](frames=pixels)["logits"].numpy()),
        memory=timing.timed(lambda: in_memory(pixels).numpy()),
    )
    return timing.interleave(runs, repeats)


def against_eigen(version: Path, shape: tuple[int, ...], repeats: int) -> dict:
    """Times the exported graph with and without oneDNN, each in a process of its own, in turn, on the CPU.

    Args:
        version: the exported folder.
        shape: of the frames, `[B, T, H, W, 3]`.
        repeats: rounds after the first.

    Returns:
        `seconds` of `onednn` and `eigen`, one a round; `max_difference` of their logits, as a share
        of the largest absolute logit.

    Raises:
        ValueError: TensorFlow does not enable oneDNN when told to, or it cannot load the folder.
    """
    command = [sys.executable, peer_saved_model.__file__, json.dumps(dict(version=str(version), shape=shape))]
    with contextlib.ExitStack() as stack:
        peers = {}
        for name, setting in (("onednn", "1"), ("eigen", "0")):
            peers[name] = timing.Peer(command, dict(TF_ENABLE_ONEDNN_OPTS=setting))
            stack.callback(peers[name].close)
        enabled = {name: peer.greeting["onednn"] for name, peer in peers.items()}
        if enabled != dict(onednn=True, eigen=False):
            raise ValueError(f"This build of TensorFlow cannot turn oneDNN on and off. Received: {enabled}")
        seconds = timing.interleave({name: peer.runs["frames"] for name, peer in peers.items()}, repeats)
        ours, eigens = (np.array(peer.greeting["logits"]) for peer in peers.values())
    return dict(seconds=seconds, max_difference=float(np.abs(ours - eigens).max() / np.abs(ours).max()))
