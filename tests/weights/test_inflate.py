import numpy as np
import pytest
from sources import deepmind, inception_v1, slim, video, weights, write_tensorflow

import s3d_tf
from s3d_tf.networks import build_model, endpoints, network
from s3d_tf.weights import load_into, load_pretrained, save
from s3d_tf.weights.inflate import inflate, over_time

LAYERS = ("Conv2d_1a_7x7", "Conv2d_2c_3x3", "Mixed_3c", "Mixed_4b")


def still(frames=32, size=64):
    return np.repeat(video((1, 1, size, size, 3)), frames, axis=1)


@pytest.fixture(scope="module")
def image_network(tmp_path_factory):
    """An ImageNet checkpoint by its published names."""
    folder = tmp_path_factory.mktemp("inception")
    return write_tensorflow(str(folder / "inception_v1.ckpt"), weights(inception_v1(10, 0.25)))


@pytest.mark.parametrize(
    "name", ["i3d", "s3d", "fast_s3d", "top_heavy_i3d:4", "bottom_heavy_i3d:4", "top_heavy_s3d:4", "bottom_heavy_s3d:4"]
)
def test_an_inflated_network_on_a_still_video_equals_the_2d_net_away_from_the_borders(name, image_network):
    """At 32 frames the middle of Mixed_3c sees none of the zeros that SAME pads the clip with."""
    flat, inflated = load_pretrained(image_network), load_pretrained(image_network, name)
    expected, got = endpoints(flat, LAYERS)(still(64)), endpoints(inflated, LAYERS)(still(64))
    for layer in LAYERS:
        middle = expected[layer].shape[1] // 2
        a, b = np.asarray(expected[layer])[:, middle], np.asarray(got[layer])[:, middle]
        np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-3 * np.abs(a).max())
    assert not inflated.report.not_loaded


def test_gates_of_an_inflated_network_start_near_one_half(image_network):
    model = load_pretrained(image_network, "s3d_g")
    assert all("/temporal/" in name or "/gate/" in name for name in model.report.fresh)
    assert len([name for name in model.report.fresh if name.endswith("gate/kernel")]) == 37
    gate = model.get_layer("Conv2d_2c_3x3").branches[0][-1]
    x = np.abs(video((1, 4, 8, 8, 48)))
    np.testing.assert_allclose(gate(x), x / 2, rtol=0.1)


def test_our_i2d_becomes_s3d_and_our_i3d_becomes_s3d(tmp_path):
    for source in ("i2d", "i3d"):
        model = build_model(source, 4, width=0.25)
        save(model, tmp_path / source)
        separable = load_pretrained(tmp_path / source, "s3d")
        kernel = {w.path: np.array(w) for w in model.weights}["Mixed_4b/Branch_1/Conv2d_0b_3x3/spatial/conv/kernel"]
        values = {w.path: np.array(w) for w in separable.weights}
        np.testing.assert_allclose(
            values["Mixed_4b/Branch_1/Conv2d_0b_3x3/spatial/conv/kernel"], kernel.sum(0, keepdims=True), rtol=1e-5
        )
        temporal = values["Mixed_4b/Branch_1/Conv2d_0b_3x3/temporal/conv/kernel"]
        np.testing.assert_array_equal(temporal[1, 0, 0], np.eye(temporal.shape[-1]))
        assert not temporal[[0, 2]].any()


def test_i3d_to_s3d_answers_a_still_video_alike_away_from_the_borders(tmp_path, image_network):
    save(load_pretrained(image_network, "i3d"), tmp_path / "i3d")
    i3d, s3d = load_pretrained(tmp_path / "i3d"), load_pretrained(tmp_path / "i3d", "s3d")
    a, b = (np.asarray(endpoints(m, ["Mixed_3c"])(still(64))["Mixed_3c"])[:, 16] for m in (i3d, s3d))
    np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-3 * np.abs(a).max())
    assert i3d.report.summed == () and len(s3d.report.summed) == 1 + 1 + 2 * 9  # stem, Conv2d_2c, two in each block
    assert s3d.report.summed[0] == "Conv2d_1a_7x7/spatial/conv/kernel"


def test_loading_into_a_model_that_is_built_already(image_network):
    model = build_model("s3d_g", 5, width=0.25)
    report = load_into(model, image_network, allow=["Conv2d_0c_1x1/*"])
    assert len(report.not_loaded) == 2 and model.report is report
    assert len(report.loaded) + len(report.fresh) + len(report.not_loaded) == len(model.weights)


def test_over_time_repeats_and_divides_or_sums():
    flat, solid = np.ones((1, 3, 3, 2, 2)), np.ones((3, 3, 3, 2, 2))
    np.testing.assert_allclose(over_time(flat, (7, 3, 3, 2, 2)), np.full((7, 3, 3, 2, 2), 1 / 7))
    np.testing.assert_allclose(over_time(solid, (1, 3, 3, 2, 2)), np.full((1, 3, 3, 2, 2), 3))
    np.testing.assert_allclose(over_time(np.ones((7, 7, 7, 3, 4)), (3, 7, 7, 3, 4)), np.full((3, 7, 7, 3, 4), 7 / 3))
    assert over_time(solid, (3, 3, 3, 2, 2)) is solid
    assert over_time(flat, (3, 3, 3, 2, 4)) is flat  # another number of channels is not for inflation to mend


def test_what_a_unit_of_the_same_kind_lacks_is_no_matter_of_inflation():
    kernel = np.ones((1, 3, 3, 2, 2))
    shapes = {"Mixed_3b/Branch_1/Conv2d_0b_3x3/spatial/conv/kernel": kernel.shape}
    shapes["Mixed_3b/Branch_1/Conv2d_0b_3x3/gate/kernel"] = (2, 2)
    values, fresh = inflate(
        {"Mixed_3b/Branch_1/Conv2d_0b_3x3/spatial/conv/kernel": kernel}, shapes, network("i2d"), network("i2d")
    )
    assert fresh == [] and len(values) == 1


def test_changes_without_a_network_are_refused(image_network):
    with pytest.raises(ValueError, match=r"Received: convention='paper', changes=\{\}$"):
        s3d_tf.load_pretrained(image_network, convention="paper")


def test_what_the_source_should_have_had_is_no_matter_of_inflation():
    """Of a source whose Mixed_3b is separable and gated, and which lacks one each of its temporal convs and biases."""
    units = [f"{unit}/Branch_{branch}/Conv2d_0b_3x3" for unit in ("Mixed_3b", "Mixed_5c") for branch in (1, 2)]
    shapes = {f"{unit}/spatial/conv/kernel": (1, 3, 3, 2, 2) for unit in units}
    shapes |= {f"{unit}/temporal/conv/kernel": (3, 1, 1, 2, 2) for unit in units}
    shapes |= {f"{unit}/gate/kernel": (2, 2) for unit in units} | {f"{unit}/gate/bias": (2,) for unit in units}
    source, target = network("bottom_heavy_s3d:3", gate_bias=True), network("s3d_g", gate_bias=True)
    has = {name for name in shapes if "/spatial/" in name or "Mixed_3b" in name}
    lacks = {f"{units[0]}/temporal/conv/kernel", f"{units[1]}/gate/bias"}
    values = {name: np.ones(shapes[name]) for name in has - lacks}
    gained = {name for name in shapes if "Mixed_5c" in name and "/spatial/" not in name}
    assert set(inflate(values, shapes, source, target)[1]) == gained
    values = {name: value for name, value in values.items() if not name.endswith("/bias")}  # of a source without any
    biases = {f"{unit}/gate/bias" for unit in units[:2]}
    assert set(inflate(values, shapes, source, target)[1]) == gained | biases


def npz(path, arrays):
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def flat():
    return build_model("i2d", 3, width=0.125, convention="tf_slim")


def test_a_kernel_of_another_number_of_frames_than_its_unit_is_refused(flat, tmp_path):
    """Summed over time, or of one frame already, it would look like a kernel of the flat network."""
    kernel = "RGB/inception_i3d/Mixed_4c/Branch_1/Conv3d_0b_3x3/conv_3d/w"
    arrays = weights(deepmind(3, width=0.125))
    path = npz(tmp_path / "i3d.npz", {**arrays, kernel: arrays[kernel][:1]})
    with pytest.raises(ValueError, match=r"1 mis-shaped: Mixed_4c/Branch_1/.*: 1 frames, not the 3 of a 3d unit"):
        load_into(flat, path)
    report = load_into(flat, path, allow=[kernel])
    assert report.not_loaded == ("Mixed_4c/Branch_1/Conv2d_0b_3x3/spatial/conv/kernel",)


def test_a_saved_copy_inflates_as_its_original(tmp_path):
    path = npz(tmp_path / "slim.npz", weights(slim(3, 0.125, first_3d=None, first_gate=None, stem=1)))
    save(load_pretrained(path), tmp_path / "copy")
    original, copy = (load_pretrained(source, "top_heavy_s3d:1") for source in (path, tmp_path / "copy"))
    assert copy.s3d_config == original.s3d_config and copy.report.fresh == original.report.fresh
    assert [w.path for w in copy.weights] == [w.path for w in original.weights]
    for a, b in zip(copy.weights, original.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"Received: num_classes=0$"):
        load_pretrained(path, num_classes=0)


def test_weights_of_the_other_modality_are_refused(flat, tmp_path):
    path = npz(tmp_path / "flow.npz", weights(slim(3, 0.125, first_3d=None, first_gate=None, stem=1, channels=2)))
    before = [np.array(w) for w in flat.weights]
    with pytest.raises(ValueError, match=r"flow has 2 channels. Received: 3$"):
        load_into(flat, path, allow=["Conv2d_1a_7x7/*"])
    for old, new in zip(before, flat.weights, strict=True):
        np.testing.assert_array_equal(old, new)
