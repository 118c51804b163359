import json

import keras
import numpy as np
import pytest

from s3d_tf.networks import (
    ConvUnit,
    InceptionBlock,
    SelfGating,
    SpaceToDepth,
    SpatioTemporalConv,
    Style,
    build_model,
)
from s3d_tf.networks.ends import HeadPool
from s3d_tf.networks.layers import CentreTapIdentity

RNG = np.random.default_rng(0)


def clip(*shape):
    return RNG.standard_normal(shape).astype("float32")


@pytest.mark.parametrize("frames", [1, 3, 7])
def test_an_identity_temporal_conv_changes_nothing(frames):
    x = abs(clip(1, 9, 2, 2, 5))
    y = keras.layers.Conv3D(5, (frames, 1, 1), padding="same", kernel_initializer=CentreTapIdentity())(x)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("pool", ["space_time", "space", "time"])
@pytest.mark.parametrize("bias", [False, True])
def test_a_gate_of_zeros_halves(pool, bias):
    x, gate = clip(2, 3, 4, 5, 6), SelfGating(pool, bias)
    gate.build(x.shape)
    gate.kernel.assign(np.zeros((6, 6)))
    np.testing.assert_allclose(gate(x), x / 2, rtol=1e-6)


def test_a_gate_is_the_formula_of_section_4_6():
    x, w, b = clip(2, 3, 4, 5, 6), clip(6, 6), clip(6)
    for pool, axes in dict(space_time=(1, 2, 3), space=(2, 3), time=(1,)).items():
        gate = SelfGating(pool, use_bias=True)
        gate.build(x.shape)
        gate.set_weights([w, b])
        expected = x / (1 + np.exp(-(x.mean(axes, keepdims=True) @ w + b)))
        np.testing.assert_allclose(gate(x), expected, rtol=1e-4, atol=1e-5)


def test_the_head_pool_is_two_frames_wide():
    x = clip(2, 4, 3, 5, 6)
    mean = x.mean((2, 3), keepdims=True)
    np.testing.assert_allclose(HeadPool()(x), (mean[:, :-1] + mean[:, 1:]) / 2, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(HeadPool()(x[:, :1]), mean[:, :1], rtol=1e-4, atol=1e-6)


def test_space_to_depth_puts_frames_slowest_and_channels_fastest():
    x = np.arange(4 * 4 * 2 * 3, dtype="float32").reshape(1, 4, 4, 2, 3)
    y = np.asarray(SpaceToDepth()(x))
    assert y.shape == (1, 2, 2, 1, 24)
    for t, h, w, c in np.ndindex(2, 2, 2, 3):
        np.testing.assert_array_equal(y[0, :, :, :, ((t * 2 + h) * 2 + w) * 3 + c], x[0, t::2, h::2, w::2, c])
    odd = np.asarray(SpaceToDepth()(x[:, :3]))  # a zero frame at the end
    np.testing.assert_array_equal(odd[..., :12], y[..., :12])
    assert odd.shape == y.shape and not odd[:, 1, ..., 12:].any()


def test_2d_kernels_span_one_frame_and_a_2d_block_pools_one():
    x = clip(1, 6, 8, 8, 4)
    other = x.copy()
    other[:, 3] += 1
    block = InceptionBlock((4, (4, 4), (4, 4), 4), kind="2d")
    changed = np.abs(np.asarray(block(x)) - np.asarray(block(other))).max((0, 2, 3, 4)) > 0
    assert changed.tolist() == [False, False, False, True, False, False]


def test_where_a_block_puts_its_temporal_convs_and_gates():
    def parts(**kwargs):
        block = InceptionBlock((4, (4, 4), (4, 4), 4), gated=True, **kwargs)
        block.build((1, 4, 8, 8, 4))
        branches = range(4)
        names = [w.path for w in block.weights]
        return [
            [i for i in branches if any(f"Branch_{i}/" in n and part in n for n in names)]
            for part in ("/temporal/", "/gate/")
        ]

    assert parts(kind="separable") == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert parts(kind="separable", style=Style(temporal_branches=(1, 2))) == [[1, 2], [1, 2]]
    assert parts(kind="3d") == [[], [1, 2]]
    assert parts(kind="2d") == [[], []]
    assert parts(kind="2d", style=Style(gate_place="unit_end")) == [[], [0, 1, 2, 3]]


@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_a_separable_unit_spends_the_temporal_stride_once(padding):
    unit = SpatioTemporalConv(4, (7, 7, 7), (2, 2, 2), kind="separable", padding=padding)
    assert unit(clip(1, 8, 32, 32, 3)).shape == (1, 4, 16, 16, 4)
    assert unit.compute_output_shape((1, 8, 32, 32, 3)) == (1, 4, 16, 16, 4)


@pytest.mark.parametrize(
    "layer",
    [
        ConvUnit(4, (3, 3, 3), padding="symmetric", style=Style(norm_scale=True)),
        SpatioTemporalConv(4, (3, 3, 3), kind="separable", gated=True),
        SelfGating("space", use_bias=True),
        InceptionBlock((4, (4, 4), (4, 4), 4), kind="separable", gated=True),
        HeadPool(),
        SpaceToDepth(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_survive_their_config(layer):
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(layer))))
    x = clip(1, 4, 8, 8, 4)
    assert layer(x).shape == again(x).shape == layer.compute_output_shape(x.shape)
    assert [(w.path, w.shape) for w in again.weights] == [(w.path, w.shape) for w in layer.weights]
    for mine, its in zip(layer.weights, again.weights, strict=True):
        mine.assign(np.abs(clip(*mine.shape)) + 0.5)
        its.assign(mine)
    np.testing.assert_array_equal(layer(x), again(x))


def test_a_network_survives_keras_own_format(tmp_path):
    model = build_model("s3d_g", 3, width=0.125, convention="milnce")
    x = clip(1, 8, 32, 32, 3)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: SpatioTemporalConv(4, (3, 3, 3), kind="seperable"), "kind='seperable'"),
        (lambda: InceptionBlock((4, (4, 4), (4, 4), 4), kind="3D"), "kind='3D'"),
        (lambda: ConvUnit(4, padding="valid"), "padding='valid'"),
    ],
)
def test_a_kind_or_padding_that_is_none_is_refused(make, received):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value).endswith(received)
