"""What serving costs: requests over loopback beside the bare call of the same graph, for JPEGs and for pixels.

    python scripts/benchmark_serving.py --output=benchmark.json
    python scripts/benchmark_serving.py --server=localhost:8500 --export=model --model=model
    python scripts/benchmark_serving.py --network=i2d --width=0.1 --num_frames=8 --crop=32 --batch_sizes=1 --repeats=3
    python scripts/benchmark_serving.py --num_frames=16 --crop=112 --batch_sizes=1 --onednn

Exports a network with fresh weights and serves it by the stand-in of s3d_tf/analysis/stand_in.py, or asks a TensorFlow
Serving that serves the newest version of --export. Requests and bare calls run in turn; "x bare" is the median over the
rounds of their ratio. First the exported graph runs beside the network in memory; with --onednn, also with oneDNN on
and off (TF_ENABLE_ONEDNN_OPTS), in two processes in turn. About 5 minutes on two cores.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from s3d_tf import cli, machine
from s3d_tf.analysis import serving_speed, timing
from s3d_tf.files import write_json
from s3d_tf.networks import build_model
from s3d_tf.serving.classifier import Classifier
from s3d_tf.serving.decoding import Limits
from s3d_tf.serving.export import export
from s3d_tf.serving.predict import find_version
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach

NETWORK = flags.DEFINE_string("network", "s3d_g", "Which network.")
WIDTH = flags.DEFINE_float("width", 1.0, "Factor on its channels.", lower_bound=0)
NUM_FRAMES = flags.DEFINE_integer("num_frames", 64, "Frames of a clip.", lower_bound=8)
CROP = flags.DEFINE_integer(
    "crop", 224, "Rows and columns that the network sees; frames are a seventh larger.", lower_bound=32
)
BATCH_SIZES = flags.DEFINE_list("batch_sizes", ["1", "2", "4"], "Clips in a request.")
REPEATS = flags.DEFINE_integer("repeats", 15, "Rounds.", lower_bound=1)
SERVER = flags.DEFINE_string("server", None, "A TensorFlow Serving, host:port of gRPC, instead of the stand-in.")
EXPORT = flags.DEFINE_string("export", None, "What it serves, as scripts/export.py wrote it.")
MODEL = flags.DEFINE_string("model", "model", "The model's name there.")
ONEDNN = flags.DEFINE_bool("onednn", False, "Time the exported graph with oneDNN on and off, too.")
OUTPUT = flags.DEFINE_string("output", None, "Write the numbers here, as JSON.")


def main(_):
    if bool(SERVER.value) != bool(EXPORT.value):
        raise ValueError(f"A server goes with the export that it serves. Received: {SERVER.value} and {EXPORT.value}")
    if not BATCH_SIZES.value or not all(text.isdecimal() and int(text) for text in BATCH_SIZES.value):
        raise ValueError(f"batch_sizes are whole numbers. Received: {','.join(BATCH_SIZES.value)}")
    side = CROP.value * 8 // 7
    frames = smooth_frames(NUM_FRAMES.value, side)
    batches, result = [int(text) for text in BATCH_SIZES.value], {}
    with contextlib.ExitStack() as stack:
        if SERVER.value:
            version, address = find_version(Path(EXPORT.value)), SERVER.value
            if version is None:
                raise ValueError(f"No exported model. Received: {EXPORT.value}")
        else:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / MODEL.value
            model = build_model(NETWORK.value, width=WIDTH.value)
            attach(model, Preprocessing(resize=(side, side), crop=CROP.value))
            version = export(Classifier({"rgb": model}, limits=Limits(max(batches), NUM_FRAMES.value)), directory)
            result["memory"] = serving_speed.against_memory(model, version, frames, REPEATS.value)
            print(beside_memory(result["memory"]), flush=True)
            address = stack.enter_context(serving_speed.stand_in_server(directory, MODEL.value))
        if ONEDNN.value:
            result["onednn"] = serving_speed.against_eigen(version, (1, *frames.shape), REPEATS.value)
            print(with_and_without_onednn(result["onednn"]), flush=True)
        measured = serving_speed.measure(address, MODEL.value, version, frames, batches, REPEATS.value)
    result["requests"] = [one._asdict() for one in measured]
    print("\n".join(table(measured)))
    result["machine"] = machine.describe()
    print(machine.one_line(result["machine"]))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), result)


def smooth_frames(count: int, side: int) -> np.ndarray:
    """`[count, side, side, 3]` uint8 of blurred noise, whose JPEGs are about as long as those of real frames."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, side // 8, side // 8, 3), dtype=np.uint8)
    return np.stack([cv2.resize(frame, (side, side), interpolation=cv2.INTER_CUBIC) for frame in coarse])


def beside_memory(seconds: dict[str, list[float]]) -> str:
    exported, memory = (float(np.median(seconds[name])) for name in ("exported", "memory"))
    faster = timing.ratio(seconds, "exported", "memory")
    return f"exported {exported:.3f} s, in memory {memory:.3f} s: {faster:.2f} x (bare calls, one clip of pixels)"


def with_and_without_onednn(found: dict) -> str:
    with_it, without = (float(np.median(found["seconds"][name])) for name in ("onednn", "eigen"))
    times = timing.ratio(found["seconds"], "eigen", "onednn")
    return (
        f"exported with oneDNN {with_it:.3f} s, without {without:.3f} s: {times:.2f} x (bare, one clip of pixels); "
        f"logits differ by at most {found['max_difference']:.0e} of their largest"
    )


def table(measured: list[serving_speed.Measured]) -> list[str]:
    """A Markdown table."""
    heads = ["batch", "signature", "MB a request", "requests/s", "p50 s", "p95 s", "p99 s", "bare p50 s", "x bare"]
    lines = ["", f"| {' | '.join(heads)} |", "|---|---" + "|---:" * (len(heads) - 2) + "|"]
    for one in measured:
        middle, high, highest = np.percentile(one.served, (50, 95, 99))
        ratio = timing.ratio(dict(served=one.served, bare=one.bare), "served", "bare")
        cells = [one.batch, one.signature, f"{one.request_bytes / 1e6:.2f}", f"{1 / np.mean(one.served):.2f}"]
        cells += [f"{value:.3f}" for value in (middle, high, highest, np.median(one.bare))]
        lines.append(f"| {' | '.join(map(str, cells))} | {ratio:.3f} |")
    return lines


if __name__ == "__main__":
    cli.run(main)
