"""The detector as a whole: its answer, its gradients, what it refuses."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.detection import backbones, evaluate, objective, recipes
from s3d_tf.detection.detector import Detector
from s3d_tf.networks import build_model, network
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import save
from tests.detection.tiny import RECIPE, build, example


@pytest.fixture(scope="module")
def detector():
    return build()


def test_an_answer_has_boxes_in_the_frame_and_falling_scores(detector):
    found = {key: value.numpy() for key, value in detector(example()).items()}
    assert found["boxes"].shape == (2, 6, 4) and (found["boxes"] >= 0).all() and (found["boxes"] <= 1).all()
    for scores, classes, count in zip(found["scores"], found["classes"], found["count"], strict=True):
        assert count == (scores > 0.02).sum() == (classes >= 0).sum()
        assert (np.diff(scores) <= 0).all() and set(classes[:count]) <= {0, 1, 2}


def test_every_box_is_found_with_its_video_and_frame(detector):
    batch, expected = example(), {key: value.numpy() for key, value in detector(example()).items()}
    named = [batch | dict(video=tf.constant(["a", "b"]), frame=tf.constant([3, number])) for number in (0, 1)]
    found = evaluate.find(detector, named)
    count = expected["count"]
    assert found.num_frames == 4 and len(found.score) == 2 * count.sum()
    one, other = expected["scores"][0, : count[0]], expected["scores"][1, : count[1]]
    np.testing.assert_allclose(found.score, np.concatenate([one, other] * 2), rtol=1e-5)
    assert found.video.tolist() == (["a"] * count[0] + ["b"] * count[1]) * 2
    assert found.frame.tolist() == [3] * count[0] + [0] * count[1] + [3] * count[0] + [1] * count[1]
    np.testing.assert_allclose(found.boxes[: count[0]], expected["boxes"][0, : count[0]], rtol=1e-4, atol=1e-6)


def test_parts_have_names_of_their_own_and_share_no_variable(detector):
    paths = [variable.path for variable in detector.variables]
    assert len(set(paths)) == len(paths)
    assert {path.split("/")[0] for path in paths} == {"proposals", "rgb", "head"}
    plain = build_model("top_heavy_s3d:1", 1, width=0.1)
    own = {f"rgb/{v.path}" for v in plain.variables if not v.path.startswith("Conv2d_0c_1x1") and "seed" not in v.path}
    assert {path for path in paths if path.startswith("rgb/")} == own


def test_a_box_that_is_the_whole_frame_sees_what_the_network_sees(detector):
    """At a size whose map is 7x7 and a crop of 7, pooling changes nothing: the tail then ends the network as it was."""
    whole = build(dataclasses.replace(RECIPE, rows=112, columns=112, roi_crop=7, roi_cell=1))
    batch = example(whole.recipe, 1)
    plain = build_model(**whole_network(whole.recipe))
    own = {variable.path: variable for variable in whole.variables}
    for variable in plain.variables:
        if f"rgb/{variable.path}" in own:
            variable.assign(own[f"rgb/{variable.path}"])
    last = keras.Model(plain.input, plain.get_layer("Mixed_5c").output)
    expected = tf.reduce_mean(last(tf.cast(batch["clip"], tf.float32) / 127.5 - 1), axis=(1, 2, 3))
    second = whole.second_stage(whole.maps(batch), tf.constant([[[0.0, 0, 1, 1]]]))
    kernel, bias = (own[f"head/classes/{name}"] for name in ("kernel", "bias"))
    np.testing.assert_allclose(second.logits[0, :, 0], expected @ kernel.value + bias.value, atol=1e-5)


def whole_network(recipe):
    return dict(name=dataclasses.asdict(network(recipe.network)), num_classes=1, width=recipe.width)


def gradients(detector, batch):
    with tf.GradientTape() as tape:
        loss, measures = objective.Detection(detector.recipe)(detector, batch, tf.constant(0, tf.int64))
    variables = [variable.value for variable in detector.trainable_variables]
    return (
        loss,
        measures,
        dict(zip([v.path for v in detector.trainable_variables], tape.gradient(loss, variables), strict=True)),
    )


def test_gradients_reach_both_networks_and_a_frame_without_boxes_is_background(detector):
    loss, measures, found = gradients(detector, example())
    missing = [path for path, gradient in found.items() if gradient is None or not np.abs(gradient).max() > 0]
    assert not [path for path in missing if "/kernel" in path and "gate" not in path]
    objectness, anchor_boxes, classes, boxes, _ = measures
    weights = [RECIPE.objectness_weight, RECIPE.anchor_box_weight, RECIPE.class_weight, RECIPE.box_weight]
    np.testing.assert_allclose(loss, np.dot(weights, [objectness, anchor_boxes, classes, boxes]), rtol=1e-5)
    batch = example()
    batch["labels"] = tf.fill([2, 2], -1)
    _, measures, found = gradients(detector, batch)
    assert measures[1] == 0 and measures[3] == 0 and measures[0] > 0 and measures[2] > 0  # nothing to localise
    assert np.abs(found["proposals/objects/kernel"]).max() > 0
    batch |= dict(boxes=batch["boxes"][:, :0], labels=batch["labels"][:, :0])
    again = gradients(detector, batch)[1]  # no padding either
    assert again[0] == measures[0] and again[1] == again[3] == 0 and again[4] == 2


@pytest.mark.parametrize("fusion, heads", [("features", 1), ("scores", 2)])
def test_two_streams(fusion, heads):
    detector = build(dataclasses.replace(RECIPE, streams=("rgb", "flow"), fusion=fusion))
    assert len(detector.heads) == heads
    names = {"head"} if heads == 1 else {"head_rgb", "head_flow"}
    assert {v.path.split("/")[0] for v in detector.variables} == {"proposals", "rgb", "flow"} | names
    batch = example()
    assert detector(batch)["boxes"].shape == (2, 6, 4)
    boxes, maps = tf.constant([[[0.0, 0, 0.5, 0.5]]] * 2), detector.maps(batch)
    alone = [tail_of(detector, number, maps, boxes) for number in range(2)]
    logits = detector.second_stage(maps, boxes).logits[:, :, 0]
    seen = [sum(alone) / 2] if heads == 1 else alone
    for number in range(heads):
        np.testing.assert_allclose(logits[number], detector.heads[number](seen[number])[0], rtol=1e-5)


def tail_of(detector, number, maps, boxes):
    from s3d_tf.detection.roi import pool

    return detector.tails[number](pool(maps[number], boxes, detector.recipe.roi_crop, detector.recipe.roi_cell))


def test_norms_of_both_networks_have_the_recipe_s_momentum(detector):
    batch, before = example(), {v.path: v.numpy() for v in detector.non_trainable_variables}
    detector.first_stage(batch["clip"], training=True)
    detector.maps(batch, training=True)
    for name in ("proposals", "rgb"):
        path = f"{name}/Conv2d_1a_7x7/spatial/norm/moving_variance"
        norm = next(v for v in detector.non_trainable_variables if v.path == path)
        np.testing.assert_allclose(norm, RECIPE.norm_momentum * before[path], rtol=0.02)  # of tiny activations
        norm.assign(before[path])


def test_frozen_norms_do_not_change():
    detector = build(dataclasses.replace(RECIPE, freeze_norms=True))
    assert not [v.path for v in detector.trainable_variables if "/norm/" in v.path]
    before = [v.numpy() for v in detector.non_trainable_variables]
    objective.Detection(detector.recipe)(detector, example(), tf.constant(0, tf.int64))
    for variable, value in zip(detector.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.slow
def test_weights_of_a_classifier_start_a_stream_and_the_proposals(tmp_path):
    keras.utils.set_random_seed(7)
    save(model := build_model("i2d", 5, width=0.1), tmp_path / "model")
    path = str(tmp_path / "model")
    recipe = dataclasses.replace(RECIPE, network="s3d", weights=path, backbone_weights=path)
    detector = build(recipe)
    own = {variable.path: variable.numpy() for variable in detector.variables}
    kernel = model.get_layer("Mixed_5c").variables[0]
    np.testing.assert_array_equal(own[f"rgb/{kernel.path}"], kernel)
    np.testing.assert_array_equal(own["proposals/Conv2d_1a_7x7/spatial/conv/kernel"], model.variables[0])
    assert own["rgb/Conv2d_1a_7x7/spatial/conv/kernel"].shape[0] == 3  # inflated
    save(build_model("i2d", 5, width=0.1, convention="tf_slim"), tmp_path / "slim")
    assert backbones.find("i2d").read(str(tmp_path / "slim")).s3d_config["width"] == 0.1
    save(build_model("i2d", 5, width=0.1, convention="torchvision"), tmp_path / "torch")
    with pytest.raises(ValueError, match=r"not with .*norm_scale=True.* Received: backbone_weights=.*torch"):
        backbones.find("i2d").read(str(tmp_path / "torch"))
    with pytest.raises(ValueError, match=r"flow stream needs weights of its own kind. Received: weights of rgb"):
        build(dataclasses.replace(recipe, streams=("rgb", "flow"), flow_weights=path))


def test_the_paper_s_backbone_has_a_stride_of_16():

    resnet = backbones.find("resnet50").build(1.0, None)
    assert resnet.compute_output_shape((1, 320, 400, 3)) == (1, 20, 25, 1024)
    scaled = backbones.find("resnet50").scale(tf.constant([[[[255, 0, 1]]]], tf.uint8))
    np.testing.assert_allclose(scaled[0, 0, 0], [1 - 103.939, -116.779, 255 - 123.68], rtol=1e-6)  # BGR less means


def test_the_recipes_are_the_paper_s_and_the_api_s():
    for name in ("jhmdb", "ucf101_24"):
        r = recipes.RECIPES[name]
        assert (r.network, r.backbone, r.tap, r.num_frames, r.rows, r.columns) == (
            "s3d_g",
            "resnet50",
            "Mixed_4e",
            20,
            320,
            400,
        )
        assert (r.steps, r.batch_size, r.proposals, r.proposal_overlap, r.key_frame) == (600_000, 11, 300, 0.7, 10)
        assert (r.anchor_scales, r.anchor_ratios, r.anchor_base) == ((0.25, 0.5, 1, 2), (0.5, 1, 2), 256)
        assert (r.anchor_sample, r.anchor_share, r.anchor_positive, r.anchor_negative) == (256, 0.5, 0.7, 0.3)
        assert (r.proposal_sample, r.proposal_share, r.proposal_positive) == (64, 0.25, 0.5)
        assert (r.objectness_weight, r.anchor_box_weight, r.class_weight, r.box_weight) == (1, 2, 1, 2)
        assert (r.detection_overlap, r.class_detections, r.detections) == (0.6, 100, 300)
        assert (r.momentum, r.clip_norm, r.learning_rates[0]) == (0.9, 10, 0.0003)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(clip=tf.zeros([2, 8, 32, 48, 3])), r"clip must be \[B, T, H, W, C\] uint8. Received: .*float32"),
        (dict(clip=tf.zeros([2, 9, 32, 48, 3], tf.uint8)), "must have 8 frames. Received: clip of 9"),
        (dict(clip=tf.zeros([2, 8, 31, 48, 3], tf.uint8)), "32 rows and columns or more. Received: clip of 31"),
        (
            dict(boxes=tf.zeros([2, 4])),
            r"boxes must be \[B, M, 4\] and labels \[B, M\]. Received: \(2, 4\) and \(2, 2\)",
        ),
        (dict(boxes=tf.zeros([2, 2, 5])), r"Received: \(2, 2, 5\)"),
    ],
)
def test_batches_that_are_none(detector, changes, message):
    with pytest.raises(ValueError, match=message):
        objective.Detection(RECIPE)(detector, {**example(), **changes}, tf.constant(0, tf.int64))


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(backbone="vgg"), "Unknown backbone: choose one of resnet50, i2d. Received: 'vgg'"),
        (dict(backbone="resnet50"), "one width. Received: backbone_width=0.1"),
        (dict(tap="Mixed_5b"), "is 16: MaxPool_4a_3x3, .*, Mixed_4f. Received: tap='Mixed_5b'"),
        (dict(tap="Mixed_9"), "Received: tap='Mixed_9'"),
        (dict(network="c3d"), "Unknown network"),
        (dict(rows=16), "rows must be 32 pixels or more. Received: rows=16"),
        (dict(streams=("depth",)), "streams must be one or both of rgb, flow"),
        (dict(weights="w", network_changes=("gate_pool=space",)), "settle their network. Received: .*gate_pool=space"),
        (dict(weights="w", network="", convention="paper"), "A convention needs a network. Received: .*'paper'"),
        (dict(fusion="late"), "fusion must be one of features, scores. Received: fusion='late'"),
        (dict(anchor_negative=0.9), "anchor_negative must be at most anchor_positive"),
        (dict(roi_cell=3), "roi_cell must be a divisor of roi_crop"),
        (dict(learning_rates=(0.1, 0.2)), "one more than the boundaries"),
    ],
)
def test_recipes_that_are_none(changes, message):
    with pytest.raises(ValueError, match=message):
        build(dataclasses.replace(RECIPE, **changes))


def test_streams_whose_features_differ_cannot_be_averaged():
    recipe = dataclasses.replace(RECIPE, streams=("rgb", "flow"))
    networks = {stream: whole_network(RECIPE) | dict(width=width) for stream, width in (("rgb", 0.1), ("flow", 0.2))}
    networks["flow"]["input_shape"] = (None, None, None, 2)
    with pytest.raises(ValueError, match="set fusion=scores"):
        Detector(recipe, 3, networks, {stream: Preprocessing(modality=stream) for stream in networks})


def test_frozen_norms_of_fresh_weights_are_doubted():
    assert recipes.doubts(recipes.RECIPES["embedded_detection"]) == []
    assert "rgb and resnet50 start from fresh weights" in recipes.doubts(recipes.RECIPES["jhmdb"])[0]
