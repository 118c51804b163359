"""Table 4: an RGB and a flow network evaluated together, once, and the rows of the table."""

import dataclasses
import json

import pytest

from experiments import children, experiment, scale, table4_flow
from experiments.part import FORWARDS
from experiments.two_stream import TwoStream
from s3d_tf.training import checkpoints
from tests.experiments.test_drawing import line, write_lines
from tests.training.test_streams import make


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    """The scale of a dry run, whose fixture of Kinetics holds both streams."""
    return scale.dry("paper", ("kinetics",), tmp_path_factory.mktemp("data"))


@pytest.fixture
def both(dry):
    return next(entry.part for entry in table4_flow.plan(dry) if isinstance(entry.part, TwoStream))


def test_two_streams_are_evaluated_once_and_kept(both, tmp_path, monkeypatch):
    made = dict(rgb=make("rgb", 3), flow=make("flow", 2))
    loaded = []

    def load_model(folder):
        loaded.append(folder)
        return made["flow" if folder == both.flow.folder(tmp_path) else "rgb"], None, 2

    monkeypatch.setattr(checkpoints, "load_model", load_model)
    assert not both.is_done(tmp_path, (FORWARDS,))
    children.in_this_process("", tmp_path, lambda: None, both.measure, tmp_path, (FORWARDS,))
    assert loaded == [both.rgb.folder(tmp_path), both.flow.folder(tmp_path)] and both.is_done(tmp_path, (FORWARDS,))
    found = both.read(tmp_path, (FORWARDS,))[FORWARDS]
    assert found["protocol"]["streams"] == "RGB and flow, logits added with weights 1 and 1"
    assert (found["num_videos"], set(found["streams"])) == (2, {"rgb", "flow"})
    assert found["network"] == dict(rgb="tiny_rgb", flow="tiny_flow")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["evaluation_val_two_stream.json"]
    with pytest.raises(ValueError, match=r"Flow is of one direction\. Received: backwards"):
        both.measure(tmp_path, ("backwards",))


def test_its_name_follows_from_both_parts(both):
    others = [
        dataclasses.replace(
            both, **{stream: dataclasses.replace(part, recipe=dataclasses.replace(part.recipe, seed=5))}
        )
        for stream, part in (("rgb", both.rgb), ("flow", both.flow))
    ]
    assert len({both.key, *(other.key for other in others), both.rgb.key, both.flow.key}) == 5
    assert both.key.startswith("i3d-kinetics-two_stream-seed0-")


def test_streams_of_different_records_are_refused(both, motion_records):
    with pytest.raises(ValueError, match="hold both of them"):
        TwoStream(both.rgb, dataclasses.replace(both.flow, records=motion_records))


def test_the_flow_networks_have_the_recipe_of_their_scale(dry):
    flow = next(entry.part.recipe for entry in table4_flow.plan(dry) if entry.about["stream"] == "flow")
    assert (flow.stream, flow.steps) == ("flow", 2)
    (records,) = dry.records.values()
    paper = scale.paper(("kinetics",), dict(kinetics=records), (0,), weights="imagenet.npz")
    rgb, flow, both = (entry.part.recipe for entry in table4_flow.plan(paper)[:3])
    assert (rgb.steps, rgb.weights, rgb.stream) == (115_000, "imagenet.npz", "rgb") and both == rgb
    assert (flow.steps, flow.weights, flow.width, flow.boundaries[-1]) == (155_000, "", 1.0, 150_000)
    assert table4_flow.plan(dataclasses.replace(dry, seeds=(0, 1, 2)))[-1].part.recipe.seed == 2


@pytest.mark.parametrize(("both", "holds"), [(0.8, True), (0.7, False)])
def test_table_4(tmp_path, both, holds):
    lines = [
        line("motion_flow", f"{network}_{stream}", seed, top1 + 0.1 * seed)
        for network in table4_flow.NETWORKS
        for stream, top1 in dict(rgb=0.5, flow=0.7, both=both).items()
        for seed in (0, 1)
    ]
    for each in lines:
        if each["name"].endswith("both"):
            del each["seconds"]  # nothing of it is trained
    write_lines(tmp_path, lines, dict(motion_flow="moves"))
    experiment.finish(table4_flow.EXPERIMENT, tmp_path)
    rows = (tmp_path / "table.md").read_text().splitlines()
    assert "| I3D | RGB | moves | 55.0 ± 7.1 | 100.0 ± 0.0 | 71.1 | 89.3 |" in rows
    assert f"| S3D-G | both | moves | {both * 100 + 5:.1f} ± 7.1 | 100.0 ± 0.0 | 77.2 | 93.0 |" in rows
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["trainings"], result["training_seconds"]) == (8, 80.0)
    assert [claim["holds"] for claim in result["claims"]] == [holds, holds]
