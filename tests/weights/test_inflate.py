import numpy as np
import pytest
from sources import inception_v1, video, weights, write_tensorflow

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
