"""The variable tables of the sources, and weights and videos that follow from names: what the goldens are made of."""

from __future__ import annotations

import json
import os
import pathlib
import zlib

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
SHARED = pathlib.Path(os.environ.get("S3D_TF_SHARED", HERE.parents[2] / ".." / "shared")).resolve() / "golden"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of goldens is not beside the checkout")

BLOCKS = {  # channels in, then of the four branches
    "3b": (192, 64, (96, 128), (16, 32), 32),
    "3c": (256, 128, (128, 192), (32, 96), 64),
    "4b": (480, 192, (96, 208), (16, 48), 64),
    "4c": (512, 160, (112, 224), (24, 64), 64),
    "4d": (512, 128, (128, 256), (24, 64), 64),
    "4e": (512, 112, (144, 288), (32, 64), 64),
    "4f": (528, 256, (160, 320), (32, 128), 128),
    "5b": (832, 256, (160, 320), (32, 128), 128),
    "5c": (832, 384, (192, 384), (48, 128), 128),
}
ORDER = ("2c", *BLOCKS)


def golden(file: str, entry: str) -> dict:
    """An entry of the shared goldens."""
    return json.loads((SHARED / file).read_text())[entry]


def weight(name: str, shape: tuple[int, ...], pytorch: bool = False) -> np.ndarray:
    """The tensor that follows from a name."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    end = name.replace("/", ".").rsplit(".", 1)[-1]
    if end in ("num_batches_tracked", "global_step"):
        return np.zeros(shape, "int64")
    if end in ("moving_variance", "running_var") or (pytorch and len(shape) == 1 and end == "weight") or end == "gamma":
        return (0.5 + rng.random(shape)).astype("float32")
    if end in ("moving_mean", "beta", "biases", "running_mean", "bias", "b"):
        return (0.1 * rng.standard_normal(shape)).astype("float32")
    inputs = np.prod(shape[1:] if pytorch else shape[:-1])
    return (rng.standard_normal(shape) * np.sqrt(2 / inputs)).astype("float32")


def weights(shapes: dict, pytorch: bool = False) -> dict[str, np.ndarray]:
    return {name: weight(name, tuple(shape), pytorch) for name, shape in shapes.items()}


def video(shape) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(7)).uniform(-1, 1, shape).astype("float32")


def slim(
    classes=10, width=0.25, stem=3, first_3d="2c", first_gate="2c", separable=True, channels=3, scope="InceptionV1/"
):
    """Of s3dg.py and i3d.py: `first_3d` and `first_gate` are `temporal_conv_startat` and `gating_startat`, or None."""
    shapes = {}

    def depth(count):
        return max(int(count * width), 16)

    def conv(name, kernel, cin, cout):
        shapes[f"{scope}{name}/weights"] = (*kernel, cin, cout)
        for end in ("beta", "moving_mean", "moving_variance"):
            shapes[f"{scope}{name}/BatchNorm/{end}"] = (cout,)

    def conv3(name, block, cin, cout):
        three_d = first_3d is not None and ORDER.index(block) >= ORDER.index(first_3d)
        conv(name, (3 if three_d and not separable else 1, 3, 3), cin, cout)
        if three_d and separable:
            shapes[f"{scope}{name}/temporal/weights"] = (3, 1, 1, cout, cout)
            shapes[f"{scope}{name}/temporal/biases"] = (cout,)

    def gate(name, block, count):
        if first_gate is not None and ORDER.index(block) >= ORDER.index(first_gate):
            shapes[f"{scope}{name}/self_gating/transformer_W/weights"] = (1, 1, 1, count, count)

    conv("Conv2d_1a_7x7", (stem, 7, 7), channels, depth(64))
    conv("Conv2d_2b_1x1", (1, 1, 1), depth(64), depth(64))
    conv3("Conv2d_2c_3x3", "2c", depth(64), depth(192))
    gate("Conv2d_2c_3x3", "2c", depth(192))
    cin = depth(192)
    for block, (_, b0, b1, b2, b3) in BLOCKS.items():
        b0, b3, (a1, b1), (a2, b2) = depth(b0), depth(b3), map(depth, b1), map(depth, b2)
        conv(f"Mixed_{block}/Branch_0/Conv2d_0a_1x1", (1, 1, 1), cin, b0)
        gate(f"Mixed_{block}/Branch_0/Conv2d_0a_1x1", block, b0)
        for branch, a, b in ((1, a1, b1), (2, a2, b2)):
            conv(f"Mixed_{block}/Branch_{branch}/Conv2d_0a_1x1", (1, 1, 1), cin, a)
            conv3(f"Mixed_{block}/Branch_{branch}/Conv2d_0b_3x3", block, a, b)
            gate(f"Mixed_{block}/Branch_{branch}/Conv2d_0b_3x3", block, b)
        conv(f"Mixed_{block}/Branch_3/Conv2d_0b_1x1", (1, 1, 1), cin, b3)
        gate(f"Mixed_{block}/Branch_3/Conv2d_0b_1x1", block, b3)
        cin = b0 + b1 + b2 + b3
    shapes[f"{scope}Logits/Conv2d_0c_1x1/weights"] = (1, 1, 1, cin, classes)
    shapes[f"{scope}Logits/Conv2d_0c_1x1/biases"] = (classes,)
    return shapes


def inception_v1(classes=10, width=1.0):
    """Of inception_v1.py: the image network, with its one misnamed layer."""
    shapes = slim(classes, width, stem=1, first_3d=None, first_gate=None)
    shapes = {name: shape[1:] if len(shape) == 5 else shape for name, shape in shapes.items()}
    return {name.replace("5b/Branch_2/Conv2d_0b", "5b/Branch_2/Conv2d_0a"): shape for name, shape in shapes.items()}


def deepmind(classes=400, channels=3, scope="RGB/inception_i3d/", width=1.0):
    """Of i3d.py."""
    shapes = slim(classes, width, 7, "2c", None, False, channels, scope)
    renamed = {}
    for name, shape in shapes.items():
        name = name.replace("Conv2d", "Conv3d").replace("BatchNorm", "batch_norm").replace("biases", "conv_3d/b")
        name = name.replace("weights", "conv_3d/w").replace("5b/Branch_2/Conv3d_0b", "5b/Branch_2/Conv3d_0a")
        renamed[name] = (1, 1, 1, 1, *shape) if "batch_norm" in name else shape
    return renamed


def pytorch(source: str, classes=400, space_to_depth=True, prefix=""):
    """Of torchvision's, kylemin's or MIL-NCE's S3D."""
    shapes = {}
    names = {  # conv, norm: of a plain unit, of the spatial and of the temporal half
        "torchvision": (("0", "1"), ("0.0", "0.1"), ("1.0", "1.1")),
        "kylemin": (("conv", "bn"), ("conv_s", "bn_s"), ("conv_t", "bn_t")),
        "milnce": (("conv1", "bn1"), ("conv1", "bn1"), ("conv2", "bn2")),
    }[source]

    def conv(name, part, kernel, cin, cout):
        conv_name, norm = names[part]
        shapes[f"{prefix}{name}.{conv_name}.weight"] = (cout, cin, *kernel)
        for end in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{prefix}{name}.{norm}.{end}"] = (cout,)
        shapes[f"{prefix}{name}.{norm}.num_batches_tracked"] = ()

    def separable(name, size, cin, cout):
        conv(name, 1, (1, size, size), cin, cout)
        conv(name, 2, (size, 1, 1), cout, cout)

    def gate(name, count):
        if source == "milnce":
            shapes[f"{prefix}{name}.fc.weight"] = (count, count)
            shapes[f"{prefix}{name}.fc.bias"] = (count,)

    rows = ("1a", "", "2b", "2c", "", "3b", "3c", "", "4b", "4c", "4d", "4e", "4f", "", "5b", "5c")
    base = {"torchvision": "features", "kylemin": "base"}.get(source)
    at = {row: f"{base}.{i}" for i, row in enumerate(rows)}
    if source == "milnce":
        at = {"1a": "conv1", "2b": "conv_2b", "2c": "conv_2c", **{row: f"mixed_{row}" for row in BLOCKS}}
        conv(at["1a"], 0, *(((2, 4, 4), 24, 64) if space_to_depth else ((3, 7, 7), 3, 64)))
    else:
        separable(at["1a"], 7, 3, 64)
    conv(at["2b"], 0, (1, 1, 1), 64, 64)
    separable(at["2c"], 3, 64, 192)
    gate("gating", 192)
    for block, (cin, b0, (a1, b1), (a2, b2), b3) in BLOCKS.items():
        branches = ("branch0", "branch1.0", "branch1.1", "branch2.0", "branch2.1", "branch3.1")
        if source == "kylemin":
            branches = ("branch0.0", *branches[1:])
        if source == "milnce":
            branches = ("conv_b0", "conv_b1_a", "conv_b1_b", "conv_b2_a", "conv_b2_b", "conv_b3_b")
        name = [f"{at[block]}.{branch}" for branch in branches]
        conv(name[0], 0, (1, 1, 1), cin, b0)
        conv(name[1], 0, (1, 1, 1), cin, a1)
        separable(name[2], 3, a1, b1)
        conv(name[3], 0, (1, 1, 1), cin, a2)
        separable(name[4], 3, a2, b2)
        conv(name[5], 0, (1, 1, 1), cin, b3)
        for branch, count in enumerate((b0, b1, b2, b3)):
            gate(f"{at[block]}.gating_b{branch}", count)
    head = {"torchvision": "classifier.1", "kylemin": "fc.0", "milnce": "fc"}[source]
    shapes[f"{prefix}{head}.weight"] = (classes, 1024) if source == "milnce" else (classes, 1024, 1, 1, 1)
    shapes[f"{prefix}{head}.bias"] = (classes,)
    return shapes


def write_tensorflow(path: str, arrays: dict[str, np.ndarray]) -> str:
    """A checkpoint with exactly these names, as the TensorFlow 1 code wrote them."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        session.run(
            tf.raw_ops.SaveV2(
                prefix=path,
                tensor_names=list(tensors),
                shape_and_slices=[""] * len(tensors),
                tensors=list(tensors.values()),
            )
        )
    return path


def write_safetensors(path: str, arrays: dict[str, np.ndarray]) -> str:
    header, data = {}, b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        dtype = {"float32": "F32", "int64": "I64", "float16": "F16"}[array.dtype.name]
        header[name] = dict(dtype=dtype, shape=array.shape, data_offsets=(len(data), len(data) + len(raw)))
        data += raw
    text = json.dumps(header).encode()
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path
