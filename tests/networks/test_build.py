import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.networks import CONVENTIONS, ENDPOINTS, FAMILIES, VARIANTS, build_model, endpoints, network

SMALL = dict(num_classes=5, width=0.25)


def clip(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def shake(model, seed=0):
    """Gives batch norm and biases values that a trained network has, so that equality means something."""
    rng = np.random.default_rng(seed)
    for w in model.weights:
        if w.path.endswith(("moving_variance", "gamma")):
            w.assign(0.5 + rng.random(w.shape))
        elif w.path.endswith(("moving_mean", "beta")):
            w.assign(0.1 * rng.standard_normal(w.shape))
        elif "temporal" not in w.path and len(w.shape) == 5:
            w.assign(rng.standard_normal(w.shape) * np.sqrt(2 / np.prod(w.shape[:-1])))
    return model


def copy(source, target):
    """Copies by name; whatever `source` lacks stays as it is."""
    values = {w.path: w for w in source.weights}
    for w in target.weights:
        if w.path in values:
            w.assign(values[w.path])
    return target


@pytest.mark.parametrize(
    ("name", "convention"),
    [(name, "paper") for name in (*VARIANTS, *(f"{family}:4" for family in FAMILIES))]
    + [
        (name, convention) for name in ("i2d", "top_heavy_s3d:4") for convention in CONVENTIONS if convention != "paper"
    ],
)
def test_every_network_runs_and_is_rebuilt_from_its_config(name, convention):
    model = build_model(name, convention=convention, **SMALL)
    assert model(clip(1, 8, 32, 32, 3)).shape == (1, 5)
    again = build_model(**json.loads(json.dumps(model.s3d_config)))
    assert [(w.path, w.shape) for w in again.weights] == [(w.path, w.shape) for w in model.weights]
    assert again.s3d_config == model.s3d_config and again.name == model.name


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_any_size_static_or_not(convention):
    dynamic = shake(build_model("s3d_g", convention=convention, **SMALL))
    for shape in [(8, 32, 32), (17, 33, 50)]:
        static = copy(dynamic, build_model("s3d_g", convention=convention, input_shape=(*shape, 3), **SMALL))
        x = clip(2, *shape, 3)
        logits = dynamic(x)
        assert logits.shape == (2, 5)
        np.testing.assert_allclose(logits, static(x), rtol=1e-4, atol=1e-6)


def test_sizes_that_only_the_running_graph_knows():
    """MIL-NCE's stem pads and its head pools by them."""
    model = shake(build_model("i2d", convention="milnce", kinds=("3d",) * 2 + ("2d",) * 9, **SMALL))
    anything = tf.TensorSpec((None, None, None, None, 3))
    traced = tf.function(lambda x: model(x), input_signature=[anything], autograph=False)
    for shape in [(8, 32, 32), (17, 33, 50)]:
        x = clip(2, *shape, 3)
        np.testing.assert_allclose(traced(x), model(x), rtol=1e-4, atol=1e-6)


def test_networks_are_channels_last_whatever_keras_is_set_to():
    x, usual = clip(1, 8, 32, 32, 3), shake(build_model("i2d", convention="milnce", **SMALL))
    keras.config.set_image_data_format("channels_first")
    try:
        other = copy(usual, build_model("i2d", convention="milnce", **SMALL))
        np.testing.assert_array_equal(other(x), usual(x))
    finally:
        keras.config.set_image_data_format("channels_last")


def test_endpoints_have_the_authors_names_and_shapes():
    outputs = endpoints(build_model("s3d", width=0.25))(clip(1, 16, 64, 64, 3))
    assert list(outputs) == list(ENDPOINTS)
    assert outputs["Conv2d_1a_7x7"].shape == (1, 8, 32, 32, 16)
    assert outputs["Mixed_4e"].shape == (1, 4, 4, 4, 132)
    assert outputs["Mixed_5c"].shape == (1, 2, 2, 2, 256)
    with pytest.raises(ValueError, match=r"Received: Mixed_9z$"):
        endpoints(build_model("s3d", width=0.25), ["Mixed_9z"])
    with pytest.raises(ValueError, match=r"Received: 'Mixed_4b'$"):
        endpoints(build_model("s3d", width=0.25), "Mixed_4b")


@pytest.mark.parametrize("branches", [(0, 1, 2, 3), (1, 2)])
def test_a_separable_network_with_a_one_tap_stem_starts_as_i2d_with_the_same_pools(branches):
    i2d = shake(build_model("i2d", flat_pool_frames=3, **SMALL))
    s3d = copy(i2d, build_model("s3d", stem_frames=1, temporal_branches=branches, **SMALL))
    for seed, shape in enumerate([(1, 16, 64, 64, 3), (2, 9, 40, 33, 3)]):
        x = clip(*shape, seed=seed)
        np.testing.assert_allclose(s3d(x), i2d(x), rtol=1e-5, atol=1e-6)


def test_no_kernel_of_i2d_spans_more_than_a_frame_but_two_pools_do():
    model = build_model("i2d", **SMALL)
    assert all(w.shape[0] == 1 for w in model.weights if len(w.shape) == 5)
    x = clip(1, 16, 32, 32, 3)
    other = x.copy()
    other[:, 4] += 1  # frame 4 is frame 2 of Mixed_3c
    before = endpoints(shake(model), ["Mixed_3c", "Mixed_4f", "Mixed_5c"])
    changed = {
        name: (np.abs(a - b).max((0, 2, 3, 4)) > 0).tolist()
        for (name, a), b in zip(
            keras.tree.map_structure(np.asarray, before(x)).items(),
            keras.tree.map_structure(np.asarray, before(other)).values(),
            strict=True,
        )
    }
    assert changed["Mixed_3c"] == [False, False, True] + [False] * 5  # 8 frames, one of them touched
    assert sum(changed["Mixed_4f"]) <= 2 and len(changed["Mixed_4f"]) == 4


@functools.cache
def shapes(name):
    return [(w.path, w.shape) for w in build_model(name, **SMALL).weights]


@pytest.mark.parametrize("family", FAMILIES)
def test_k_11_and_k_0_have_the_weights_of_the_full_network_and_of_i2d(family):
    assert shapes(f"{family}:11") == shapes(family.rsplit("_", 1)[1])
    assert shapes(f"{family}:0") == shapes("i2d")


def test_the_milnce_head_is_the_mean_of_mixed_5c():
    model = build_model("s3d_g", convention="milnce", num_classes=7, width=0.25)
    outputs = endpoints(model, ["Mixed_5c", "Mixed_5c_mean", "Logits"])(clip(2, 8, 64, 64, 3))
    mean = np.asarray(outputs["Mixed_5c"]).mean((1, 2, 3))
    np.testing.assert_allclose(outputs["Mixed_5c_mean"], mean, rtol=1e-5)
    kernel, bias = model.get_layer("Conv2d_0c_1x1").get_weights()
    np.testing.assert_allclose(outputs["Logits"], mean @ kernel[0, 0, 0] + bias, rtol=1e-4, atol=1e-6)


def test_the_milnce_stem_is_a_full_stem_of_4x8x8():
    """Space to depth is a rearranged stride-2 conv: the same output from a kernel of 4x8x8 put together by hand."""
    stem = endpoints(build_model("s3d_g", convention="milnce", **SMALL), ["Conv2d_1a_7x7"])
    x = clip(1, 8, 32, 32, 3)
    small = stem.get_layer("Conv2d_1a_7x7").get_weights()[0]  # 2, 4, 4, 24, 16
    big = small.reshape(2, 4, 4, 2, 2, 2, 3, 16).transpose(0, 3, 1, 4, 2, 5, 6, 7).reshape(4, 8, 8, 3, 16)
    padded = np.pad(x, ((0, 0), (0, 2), (2, 4), (2, 4), (0, 0)))
    expected = keras.ops.relu(keras.ops.conv(padded, big, strides=2, padding="valid") / np.sqrt(1 + 1e-5))
    np.testing.assert_allclose(stem(x)["Conv2d_1a_7x7"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        (dict(num_classes=0), "num_classes=0"),
        (dict(num_classes=2.5), "num_classes=2.5"),
        (dict(num_classes=True), "num_classes=True"),
        (dict(width=True), "width=True"),
        (dict(width=1e308), "width=1e+308"),
        (dict(width=0), "width=0"),
        (dict(width=float("nan")), "width=nan"),
        (dict(dropout=1.0), "dropout=1.0"),
        (dict(input_shape=(7, 224, 224, 3)), "input_shape=(7, 224, 224, 3)"),
        (dict(input_shape=(None, 31, 224, 3)), "input_shape=(None, 31, 224, 3)"),
        (dict(input_shape=(224, 224, 3)), "(224, 224, 3)"),
        (dict(input_shape=(8, 32, 32, None)), "(8, 32, 32, None)"),
        (dict(input_shape=("8", 32, 32, 3)), "('8', 32, 32, 3)"),
        (dict(input_shape=(8.5, 32, 32, 3)), "(8.5, 32, 32, 3)"),
        (dict(input_shape=5), "Received: 5"),
    ],
)
def test_wrong_arguments_end_the_sentence(arguments, received):
    with pytest.raises(ValueError) as error:
        build_model("s3d", **{"width": 0.25, **arguments})
    assert str(error.value).endswith(received)


def test_a_network_object_takes_no_further_changes():
    assert build_model(network("s3d"), 5, width=0.25).name == "s3d"
    with pytest.raises(ValueError, match="takes no changes"):
        build_model(network("s3d"), 5, width=0.25, stem_frames=5)
    with pytest.raises(ValueError, match=r"Received: 3$"):
        build_model(3)


def test_mixed_precision_keeps_the_logits_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_model("s3d_g", **SMALL)
        assert keras.backend.standardize_dtype(model(clip(1, 8, 32, 32, 3)).dtype) == "float32"
        assert model.get_layer("Mixed_5c").compute_dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def least():
    """The smallest network, asked for with NumPy's numbers."""
    sizes = (None, None, None, np.int64(3))
    style = dict(norm_epsilon=np.float64(1e-3), temporal_branches=(np.int64(1), 2))
    return build_model("i2d", np.int64(2), width=np.float32(0.125), dropout=np.float32(0.5), input_shape=sizes, **style)


def test_numpys_numbers_are_saved_as_json(least):
    config = json.loads(json.dumps(least.s3d_config))
    assert (config["num_classes"], config["width"], config["dropout"]) == (2, 0.125, 0.5)
    assert config["input_shape"] == [None, None, None, 3] and config["name"]["style"]["temporal_branches"] == [1, 2]


@pytest.mark.parametrize(
    ("x", "received"),
    [
        (np.zeros((1, 8, 32, 32, 3), "uint8"), "dtype=uint8"),
        (keras.ops.zeros((1, 8, 32, 32, 3), "int32"), "dtype=int32"),
        (clip(1, 7, 32, 32, 3), "shape=(1, 7, 32, 32, 3)"),
        (keras.ops.zeros((1, 8, 32, 31, 3)), "shape=(1, 8, 32, 31, 3)"),
        (keras.KerasTensor((None, None, 16, None, 3)), "shape=(None, None, 16, None, 3)"),
        ({"clip": np.zeros((1, 8, 32, 32, 3), "uint8")}, "dtype=uint8"),
        ([clip(1, 7, 32, 32, 3)], "shape=(1, 7, 32, 32, 3)"),
        (clip(8, 32, 32, 3), "shape=(8, 32, 32, 3)"),
        (clip(1, 8, 32, 32, 3, 1), "shape=(1, 8, 32, 32, 3, 1)"),
    ],
)
def test_a_clip_that_would_be_cast_or_padded_is_refused(least, x, received):
    for model in (least, endpoints(least, ["Mixed_3c"])):
        with pytest.raises(ValueError) as error:
            model(x)
        assert str(error.value).endswith(f"Received: {received}")
