import pytest
from sources import BLOCKS, deepmind, golden, inception_v1, needs_shared, pytorch, slim

from s3d_tf.networks import UNITS, convention_of
from s3d_tf.weights import translate
from s3d_tf.weights.files import Tensors
from s3d_tf.weights.pretrained import SOURCES
from s3d_tf.weights.recognise import recognise
from s3d_tf.weights.source import find_source


def found(shapes):
    """The source and the network of a variable table, without values."""
    import numpy as np

    shapes = {name: tuple(shape) for name, shape in shapes.items()}
    checkpoint = translate(Tensors(shapes, lambda name: np.broadcast_to(np.float32(0), shapes[name])))
    return checkpoint.source, checkpoint.recognised


@needs_shared
@pytest.mark.parametrize(
    ("file", "entry", "table"),
    [
        ("slim.json", "slim_s3dg_w0.25", slim()),
        ("slim.json", "slim_inception_v1_2d", inception_v1()),
        ("torch.json", "torchvision_s3d", pytorch("torchvision")),
        ("torch.json", "kylemin_s3d", pytorch("kylemin")),
        ("torch.json", "milnce_s3dg_s2d", pytorch("milnce", 512)),
    ],
)
def test_our_tables_of_the_sources_are_the_goldens(file, entry, table):
    assert {name: tuple(shape) for name, shape in golden(file, entry)["vars"].items()} == table


@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.0, 1.3, 2.0, 0.35, 0.01])
def test_the_width_follows_from_the_channels(width):
    assert recognise_width(slim(width=width)) == slim_channels(width)


def recognise_width(table):
    _, network = found(table)
    return slim_channels(network.width)


def slim_channels(width):
    return [shape for name, shape in slim(width=width).items() if name.endswith("/weights")]


@pytest.mark.parametrize("stem", [1, 3, 5, 7])
@pytest.mark.parametrize("separable", [True, False])
def test_slim_stems_and_kinds(stem, separable):
    _, network = found(slim(stem=stem, separable=separable, first_gate=None))
    net = network.network
    assert net.kinds[0] == ("2d" if stem == 1 else "separable" if separable else "3d")
    assert stem == 1 or net.stem_frames == stem
    assert net.kinds[1:] == ("separable" if separable else "3d",) * 10 and net.gates == ()
    assert net.stem == "full" and net.style.temporal_branches == (1, 2) and net.style.gate_place == "unit_end"


@pytest.mark.parametrize("start", ["2c", *BLOCKS, None])
def test_slim_first_temporal_conv_and_first_gate(start):
    _, network = found(slim(first_3d=start, first_gate="2c"))
    units = ("2c", *BLOCKS)
    count = 0 if start is None else len(units) - units.index(start)
    assert network.network.kinds[1:] == ("2d",) * (10 - count) + ("separable",) * count
    assert network.network.gates == UNITS[1:]
    _, network = found(slim(first_gate=start))
    assert network.network.gates == UNITS[len(UNITS) - count :]


@pytest.mark.parametrize(
    ("table", "source", "name", "classes", "channels"),
    [
        (slim(), "TF-slim", "s3d_g", 10, 3),
        (slim(first_gate=None), "TF-slim", "s3d", 10, 3),
        (slim(first_gate=None, scope="model/"), "TF-slim", "s3d", 10, 3),
        (slim(first_gate=None, separable=False, stem=7, channels=2), "TF-slim", "i3d", 10, 2),
        (slim(first_3d=None, first_gate=None, stem=1), "TF-slim", "i2d", 10, 3),
        (slim(first_3d="5b", first_gate=None), "TF-slim", "fast_s3d", 10, 3),
        (slim(first_3d="5b", first_gate=None, stem=1), "TF-slim", "top_heavy_s3d:2", 10, 3),
        (slim(first_3d="5b", stem=1), "TF-slim", "custom", 10, 3),
        (inception_v1(1001), "TF-slim Inception-V1", "i2d", 1001, 3),
        (deepmind(), "DeepMind kinetics-i3d", "i3d", 400, 3),
        (deepmind(600, scope=""), "DeepMind kinetics-i3d", "i3d", 600, 3),
        (deepmind(400, 2, "Flow/inception_i3d/"), "DeepMind kinetics-i3d", "i3d", 400, 2),
        (pytorch("torchvision", 7, prefix="module."), "torchvision", "s3d", 7, 3),
        (pytorch("kylemin", prefix="module."), "kylemin", "s3d", 400, 3),
        (pytorch("milnce", 512), "MIL-NCE", "s3d_g", 512, 3),
        (pytorch("milnce", 512, space_to_depth=False, prefix="module."), "MIL-NCE", "s3d_g", 512, 3),
    ],
)
def test_sources(table, source, name, classes, channels):
    got, network = found(table)
    assert convention_of(network.network) == {s.name: s.convention for s in SOURCES}[source]  # a saved copy's, too
    assert (got, network.network.name, network.num_classes, network.channels) == (source, name, classes, channels)


def test_milnce_stems():
    assert found(pytorch("milnce"))[1].network.stem == "space_to_depth"
    net = found(pytorch("milnce", space_to_depth=False))[1].network
    assert (net.stem, net.stem_frames, net.stem_padding) == ("full", 3, "symmetric")


def test_what_is_missing_does_not_hinder():
    net = recognise({}, "tf_slim")
    assert net.num_classes == 400 and net.width == 1.0


def test_an_unknown_source_is_named_by_its_variables():
    with pytest.raises(ValueError, match=r"Received: conv1\.weight, fc\.bias$"):
        find_source(SOURCES, {"fc.bias": (3,), "conv1.weight": (1, 2, 3)})
    with pytest.raises(ValueError, match="no tensors at all"):
        find_source(SOURCES, {})


def test_the_stem_of_a_source_of_fixed_kinds_is_not_taken_for_2d():
    lost = {n: shape for n, shape in pytorch("torchvision").items() if not n.startswith("features.0.1.")}
    net = found(lost)[1].network
    assert (net.kinds[0], net.stem, net.stem_frames) == ("separable", "separable", 7)
    flat = {**deepmind(), "RGB/inception_i3d/Conv3d_1a_7x7/conv_3d/w": (1, 7, 7, 3, 64)}
    assert found(flat)[1].network.kinds[0] == "3d"


def test_a_variable_without_numbers_claims_no_number_of_classes():
    table = {**slim(), "InceptionV1/Logits/Conv2d_0c_1x1/weights": (1, 1, 1, 0, 10**10)}
    with pytest.raises(ValueError, match=r"holds no numbers. Received: Conv2d_0c_1x1/kernel"):
        found(table)
