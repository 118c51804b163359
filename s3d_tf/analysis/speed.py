"""Seconds of forwards and training steps, ours and the peers', with the multiply-adds behind them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from ..networks import build_model, cost
from ..training.devices import make_strategy
from ..training.loop import Trainer
from ..training.recipes import recipe
from . import ceilings, peer_openvino, peer_torch, timing

TORCHVISION = "torchvision S3D"


def use_threads(threads: int) -> None:
    """Makes TensorFlow use `threads` threads; before it has computed anything."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def forward(names: Sequence[str], clip: Sequence[int], threads: int, repeats: int, pythons: Mapping[str, str]) -> dict:
    """Times the forward of networks, of the peers, and what the ceilings are made of, in float32.

    Args:
        names: of networks; the first one's convs are timed, too.
        clip: batch, frames, rows and columns (as many).
        threads: of the peers; ours are set by `use_threads`.
        repeats: rounds.
        pythons: the Python of "torch" and of "openvino"; a peer without one is left out.

    Returns:
        `seconds`, name -> one a round; `multiply_adds`, name -> number; `convs`, the labels of the first network's
        convs; `versions` of the peers; `missing`, peer -> why.
    """
    models = {name: build_model(name) for name in names}
    pixels = tf.random.uniform([*clip, 3], -1, 1)
    spec = tf.TensorSpec(pixels.shape, tf.float32, name="clip")
    graphs = {
        name: tf.function(lambda x, m=model: m(x, training=False), input_signature=[spec])
        for name, model in models.items()
    }
    convs, labels = ceilings.convs(models[names[0]], tuple(clip))
    work = ceilings.matmuls() | convs
    runs = {name: timing.timed(graph, pixels) for name, graph in graphs.items()}
    runs |= {name: w.run for name, w in work.items()}
    with tempfile.TemporaryDirectory() as folder:
        commands = _torch("forward", clip, threads, pythons)
        if pythons.get("openvino"):
            saved = {name: f"{folder}/{name}" for name in models}
            for name, path in saved.items():
                _save(models[name], graphs[name], path)
            config = json.dumps(dict(threads=threads, models=saved, clip=clip))
            commands["OpenVINO"] = [pythons["openvino"], peer_openvino.__file__, config]
        seconds, versions, missing = _interleave(runs, commands, repeats)
    multiply_adds = {name: _multiply_adds(model, clip) for name, model in models.items()}
    multiply_adds |= {name: w.multiply_adds for name, w in work.items()}
    return dict(seconds=seconds, multiply_adds=multiply_adds, convs=labels, versions=versions, missing=missing)


def train(names: Sequence[str], clip: Sequence[int], threads: int, repeats: int, pythons: Mapping[str, str]) -> dict:
    """Times the training step of networks, as `training.loop` takes it, and of the peers; see `forward`.

    A step counts as three forwards.
    """
    batch, frames, size, _ = clip
    pixels = np.random.default_rng(0).integers(0, 256, (*clip, 3), np.uint8)
    data = dict(clip=pixels, label=np.arange(batch, dtype=np.int64))
    fields = dict(batch_size=batch, clips_per_replica=batch, num_frames=frames, crop=size)
    fields |= dict(learning_rates=(1e-3,), boundaries=())  # too small for noise to make the loss run away
    runs, multiply_adds = {}, {}
    for name in names:
        trainer = Trainer(recipe("kinetics", network=name, **fields), lambda n=name: build_model(n), make_strategy(1))
        batches = trainer.distribute(lambda **_: tf.data.Dataset.from_tensors(data).cache().repeat())
        runs[name] = timing.timed(trainer.train, batches, 1)
        multiply_adds[name] = 3 * _multiply_adds(trainer.model, clip)
    seconds, versions, missing = _interleave(runs, _torch("train", clip, threads, pythons), repeats)
    return dict(seconds=seconds, multiply_adds=multiply_adds, versions=versions, missing=missing)


def summary(measured: Mapping) -> dict:
    """What follows from the result of `forward` or `train`.

    Returns:
        `medians` in seconds; `ratios` to the first network, each the median of the rounds' ratios; `rates` in
        multiply-adds a second; of `forward` also `ceilings`, likewise, and `fastest`, which product and which conv
        these are of.
    """
    seconds, multiply_adds = measured["seconds"], measured["multiply_adds"]
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    ratios = {name: timing.ratio(seconds, name, next(iter(seconds))) for name in seconds}
    rates = {name: number / medians[name] for name, number in multiply_adds.items()}
    found = dict(medians=medians, ratios=ratios, rates=rates)
    if labels := measured.get("convs"):
        best = {kind: max((n for n in rates if n.startswith(f"{kind} ")), key=rates.get) for kind in ("matmul", "conv")}
        whole = sum(multiply_adds[label] for label in labels) / sum(medians[label] for label in labels)
        limits = dict(matmul=rates[best["matmul"]], Conv3D=rates[best["conv"]], convs=whole)
        found |= dict(ceilings=limits, fastest=best)
    return found


def _interleave(runs: dict, commands: Mapping[str, Sequence[str]], repeats: int) -> tuple[dict, dict, dict]:
    with timing.peers(commands) as (peers, missing):
        runs = runs | {f"{name} {what}": run for name, peer in peers.items() for what, run in peer.runs.items()}
        versions = {key: value for peer in peers.values() for key, value in peer.versions.items()}
        return timing.interleave(runs, repeats), versions, missing


def _torch(part: str, clip: Sequence[int], threads: int, pythons: Mapping[str, str]) -> dict[str, list[str]]:
    if not pythons.get("torch"):
        return {}
    config = json.dumps(dict(threads=threads, part=part, clip=clip))
    return {TORCHVISION: [pythons["torch"], peer_torch.__file__, config]}


def _save(model, graph, path: str) -> None:
    module = tf.Module()
    module.variables_of_graph = [variable.value for variable in model.variables]  # else the graph is not saved
    tf.saved_model.save(module, path, signatures=graph.get_concrete_function())


def _multiply_adds(model, clip: Sequence[int]) -> int:
    batch, frames, size, _ = clip
    return batch * cost.total(model, frames, size).multiply_adds
