"""The numbers of filters over time, in closed form, and their figure."""

import json

import keras
import numpy as np
import pytest

from experiments import experiment, figure5_filter_statistics, filters
from experiments.figure5_filter_statistics import LAYERS, START, TRAINED
from s3d_tf.files import write_json
from s3d_tf.networks import build_model
from s3d_tf.weights import Preprocessing, load_into, save


def test_equal_filters_are_not_apart():
    flat = np.random.default_rng(0).normal(size=(1, 3, 3, 4, 5))
    found = filters.describe(np.repeat(flat / 3, 3, axis=0))
    assert found["apart"] == pytest.approx(0, abs=1e-12) and found["outer"] == pytest.approx(1)
    assert [box["offset"] for box in found["offsets"]] == [-1, 0, 1]
    assert filters.describe(flat)["outer"] is None and filters.describe(flat)["apart"] is None


def test_the_numbers_of_filters_that_differ():
    centre = np.arange(-4.0, 5).reshape(1, 9, 1, 1, 1)  # variance 60 / 9
    found = filters.describe(np.concatenate([0 * centre, centre, centre / 2]))
    assert found["outer"] == pytest.approx((0 + 1 / 2) / 2)  # quartiles are 4 apart at offset 0
    # The mean is centre / 2; the offsets lie 1/2, 1/2 and 0 centres from it.
    assert found["apart"] == pytest.approx(np.sqrt((1 / 4 + 1 / 4 + 0) / 3) / (1 / 2))
    box = found["offsets"][1]
    expected = dict(offset=0, q1=-2, med=0, q3=2, whislo=-4, whishi=4, mean=0, deviation=np.sqrt(60 / 9))
    assert box == pytest.approx(expected)


def test_whiskers_end_within_one_and_a_half_boxes():
    weights = np.array([-100.0, -2, -1, 0, 1, 2, 4]).reshape(1, 7, 1, 1, 1)  # quartiles -1.5 and 1.5
    box = filters.describe(weights)["offsets"][0]
    assert (box["q1"], box["q3"], box["whislo"], box["whishi"]) == (-1.5, 1.5, -2, 4)


@pytest.mark.slow
def test_an_inflated_network_starts_equal_and_a_separable_one_at_the_identity(tmp_path):
    keras.utils.set_random_seed(0)
    shape = dict(num_classes=2, width=0.1)
    save(build_model("i2d", **shape), tmp_path / "flat", preprocessing=Preprocessing())
    full, separable = build_model("i3d", **shape), build_model("s3d", **shape)
    load_into(full, tmp_path / "flat")
    for layer, numbers in filters.of_model(full, list(LAYERS))["layers"].items():
        assert numbers["apart"] == pytest.approx(0, abs=1e-6), layer
    for numbers in filters.of_model(separable, list(LAYERS))["layers"].values():
        assert numbers["outer"] is None and numbers["apart"] == pytest.approx(np.sqrt(2))  # most weights are 0
    with pytest.raises(ValueError, match=r"Not all of Conv2d_2c_3x3, .*Received: i2d"):
        figure5_filter_statistics.from_checkpoint(str(tmp_path / "flat"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    save(separable, tmp_path / "s3d", preprocessing=Preprocessing())
    paths = figure5_filter_statistics.from_checkpoint(str(tmp_path / "s3d"), tmp_path / "out")
    assert [path.name for path in paths] == ["figure.png", "figure.svg", "table.md"]
    assert "| 1.41 |" in (tmp_path / "out/table.md").read_text()
    assert json.loads((tmp_path / "out/result.json").read_text())["claims"] == []


def test_the_figure_and_the_claims_follow_from_the_lines(tmp_path):
    flat = np.random.default_rng(0).normal(size=(1, 3, 3, 4, 5))
    factors = dict(zip(LAYERS, (0.1, 0.3, 0.5, 0.8), strict=True))
    trained = {layer: filters.describe(np.concatenate([flat * f, flat, flat * f])) for layer, f in factors.items()}
    start = dict.fromkeys(LAYERS, filters.describe(flat))
    lines = [
        dict(name=name, part=name, seconds=1.0, forwards=dict(top1=0.9), filters=dict(network=name, layers=layers))
        for name, layers in ((START, start), (TRAINED, trained))
    ]
    scale = dict(name="mini", dry_run=False, seeds=[0, 1, 2], titles={})
    write_json(tmp_path / "config.json", dict(experiment="x", title="A title", scale=scale, versions={}))
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    paths = experiment.finish(figure5_filter_statistics.EXPERIMENT, tmp_path)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    result = json.loads((tmp_path / "result.json").read_text())
    assert [row["outer"] for row in result["layers"]] == pytest.approx([0.1, 0.3, 0.5, 0.8])
    assert result["layers"][0]["start"]["q3"] == pytest.approx(float(np.quantile(flat, 0.75)) / 3)
    assert [claim["holds"] for claim in result["claims"]] == [True, True]
    assert "3 seeds" not in (tmp_path / "table.md").read_text()  # one network
