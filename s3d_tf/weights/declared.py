"""What the JSON of a saved model declares, held against what its file of weights holds, before memory is taken."""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping

import h5py

from s3d_tf.networks import ROWS, Network, as_network
from s3d_tf.networks.build import scaled
from s3d_tf.networks.inception import Conv, MaxPool


def check_declared(model: Mapping, weights: pathlib.Path) -> None:
    """Compares the arguments of `build_model` with the conv kernels of a Keras file of weights.

    Raises:
        ValueError: the network declared has kernels that the file lacks, or the file declares more than it holds.
        OSError: no such file.
    """
    declared = Counter(kernel_channels(as_network(model["name"]), model))
    with h5py.File(weights, "r") as file:
        found = list(_datasets(file))
        total, size = sum(dataset.nbytes for dataset in found), weights.stat().st_size
        if total > size:
            raise ValueError(f"variables of {total} bytes in a file of {size}")
        held = Counter(dataset.shape[-2:] for dataset in found if len(dataset.shape) == 5 and 0 not in dataset.shape)
    if lacking := declared - held:
        (inputs, outputs), count = next(iter(lacking.items()))
        raise ValueError(f"it lacks {count} kernels from {inputs} to {outputs} channels of the network it names")


def num_variables(weights: pathlib.Path) -> int:
    """How many of layers a Keras file of weights holds; a compiled model's has those of its optimizer too."""
    with h5py.File(weights, "r") as file:
        return sum(1 for _ in _datasets(file["layers"]))


def kernel_channels(net: Network, model: Mapping) -> Iterator[tuple[int, int]]:
    """`(channels in, channels out)` of every spatial kernel and of the logits' of a network that is not built."""
    width, depth = model["width"], model["input_shape"][-1]
    depth *= 8 if net.stem == "space_to_depth" and net.kinds[0] != "2d" else 1
    for row in ROWS:
        if isinstance(row, MaxPool):
            continue
        channels = scaled(row.channels, width, net.min_channels)
        if isinstance(row, Conv):
            yield depth, channels
            depth = channels
            continue
        first, (reduce1, conv1), (reduce2, conv2), last = channels
        yield from ((depth, first), (depth, reduce1), (reduce1, conv1), (depth, reduce2), (reduce2, conv2))
        yield depth, last
        depth = first + conv1 + conv2 + last
    yield depth, model["num_classes"]


def _datasets(group: h5py.Group, seen: set[int] | None = None) -> Iterator[h5py.Dataset]:
    """Every dataset below `group`, once; a link to elsewhere is nothing that Keras writes."""
    seen = set() if seen is None else seen
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link to another place")
        item = group[name]
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            continue
        seen.add(address)
        if isinstance(item, h5py.Dataset):
            yield item
        elif isinstance(item, h5py.Group):
            yield from _datasets(item, seen)
