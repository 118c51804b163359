"""Table 6: which detectors start from which networks, how one is measured once, and the rows of the table."""

import dataclasses
import json
import shutil
from types import SimpleNamespace

import pytest

from experiments import detection_part, experiment, scale, table6_detection, work
from experiments.part import BACKWARDS, FORWARDS
from s3d_tf.data.split import open_split
from s3d_tf.detection import truth
from s3d_tf.detection.annotations import as_detections
from s3d_tf.detection.measures import measure
from s3d_tf.files import write_json
from s3d_tf.training.stopping import StoppedError
from tests.experiments.test_drawing import line, write_lines

PAPER_KEYS = tuple(dict.fromkeys(data.paper for data in table6_detection.EXPERIMENT.data))


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    """The scale of a dry run, on fixtures of Kinetics, of each split of JHMDB, and of UCF-101-24."""
    pytest.importorskip("scipy.io")
    return scale.dry("paper", PAPER_KEYS, tmp_path_factory.mktemp("data"))


def test_the_fixtures_are_in_the_official_layouts_and_hold_both_streams(dry):
    for key, boxes in (("jhmdb_1", 24), ("jhmdb_2", 24), ("jhmdb_3", 24), ("ucf101_24", 20)):
        split = open_split(dry.records[key], "test")
        assert split.dataset.startswith(key.removesuffix(key[-2:]) if "jhmdb" in key else key)
        assert set(split.streams) == {"rgb", "flow"}
        true = truth.of_split(split)
        assert len(true.boxes) == boxes and len(true.videos) == 2
    assert true.boxes[0].tolist() == pytest.approx([60 / 240, 80 / 320, 220 / 240, 200 / 320])


def detectors_of(entries):
    return [entry.part for entry in entries if "streams" in entry.about]


def entries_of(entries, network):
    return [entry.part for entry in entries if entry.name == network]


def test_each_detector_starts_from_the_networks_of_its_streams(dry):
    entries = table6_detection.EXPERIMENT.plan(dry)
    order, detectors = list(work.in_order(entries)), detectors_of(entries)
    assert len(entries) == len(order)
    assert len(detectors) == 2 * 3 * 4 and len({part.key for part in detectors}) == 24
    assert len(order) == 24 + 4  # of each network an RGB and a flow one on Kinetics
    both = detectors[2]
    assert [part.recipe.stream for part in both.begins_from] == ["rgb", "flow"] == list(both.recipe.streams)
    assert order[:5] == [*both.begins_from, *entries_of(entries, "s3d_g"), detectors[0]]
    assert {part.records for part in both.begins_from} == {dry.records["kinetics"]}
    assert (both.recipe.backbone, both.recipe.width, both.recipe.freeze_norms, both.split) == (
        *("resnet50", 1.0, True),
        "test",
    )
    assert both.key.startswith("detector-i3d-jhmdb_1-2steps-rgb-flow-seed0-")


def test_with_pretrained_weights_nothing_is_trained_before(dry):
    names = {name: f"{name}.npz" for name in ("i3d", "i3d_flow", "s3d_g", "s3d_g_flow")}
    made = table6_detection.experiment(names)
    with_weights = dataclasses.replace(dry, dry_run=False, backbone_weights="resnet.h5")
    recipes = [part.recipe for part in detectors_of(made.plan(with_weights))]
    assert made.data == table6_detection.DETECTED and len(recipes) == 24
    assert [(each.weights, each.flow_weights) for each in recipes[:3]] == [
        ("i3d.npz", ""),
        ("", "i3d_flow.npz"),
        ("i3d.npz", "i3d_flow.npz"),
    ]
    assert {each.backbone_weights for each in recipes} == {"resnet.h5"}


def test_at_the_mini_scale_rgb_has_all_seeds(dry):
    kinetics, boxes = (dry.recipes[key] for key in ("kinetics", "jhmdb_1"))
    recipes = dict(motion=kinetics, motion_flow=kinetics, appearance=kinetics, actors=boxes)
    records = dict.fromkeys(recipes, dry.records["jhmdb_1"]) | dict(appearance=dry.records["jhmdb_2"])
    mini = dataclasses.replace(dry, name="mini", seeds=(0, 1, 2), recipes=recipes, records=records)
    everything = table6_detection.EXPERIMENT.plan(mini)
    starts = [entry.part for entry in everything if "streams" not in entry.about]
    assert len(starts) == len(set(starts)) == 3 * 3 + 3 + 1  # of motions by seed, of flow, of looks
    entries = [entry for entry in everything if "streams" in entry.about]
    assert [entry.name for entry in entries[:5]] == ["i3d_rgb"] * 3 + ["i3d_flow", "i3d_both"]
    assert len(entries) == 15 and [entry.part.recipe.seed for entry in entries[:5]] == [0, 1, 2, 0, 0]
    assert entries[10].name == "i2d_rgb" and entries[0].part.split == "val"
    backbones = {entry.part.backbone for entry in entries}
    assert [(part.recipe.network, part.recipe.seed) for part in backbones] == [("i2d", 0)]
    assert entries[4].part.needs == (*entries[4].part.begins_from, *backbones) and len(entries[4].part.needs) == 3


def test_a_detector_is_trained_and_evaluated_once(dry, tmp_path, monkeypatch):
    part = detectors_of(table6_detection.EXPERIMENT.plan(dry))[2]
    part = dataclasses.replace(part, backbone=part.begins_from[0])
    folder, called = part.folder(tmp_path), []

    def train(recipe, records, work_dir, strategy, pace):
        called.append((recipe.weights, recipe.flow_weights, recipe.backbone_weights, records, work_dir))
        result = dict(step=2, seconds_of_this_session=3.0)
        write_json(work_dir / "result.json", result)
        return result

    def evaluate(detector, split, path):
        measures = measure(true := truth.of_split(split), as_detections(true))
        return measures._replace(result=measures.result | dict(frames=24, least_score=0.0))

    folder.mkdir(parents=True)
    monkeypatch.setattr(detection_part.run, "train", lambda *_: dict(stopped="SIGTERM"))
    with pytest.raises(StoppedError):
        part.measure(tmp_path)
    monkeypatch.setattr(detection_part.run, "train", train)
    monkeypatch.setattr(detection_part.start, "load_detector", lambda _: (SimpleNamespace(), None, 2))
    monkeypatch.setattr(detection_part, "evaluate", evaluate)
    assert not part.is_done(tmp_path, (FORWARDS,))
    part.measure(tmp_path)
    part.measure(tmp_path)
    starts = [str(each.folder(tmp_path)) for each in part.begins_from]
    assert called == [(*starts, starts[0], part.records, folder)] and part.is_done(tmp_path, (FORWARDS,))
    found = part.read(tmp_path, (FORWARDS,))
    assert (found["part"], found["steps"], found["seconds"]) == (part.key, 2, 3.0)
    assert (found[FORWARDS]["frame_map"], found[FORWARDS]["weights"]) == (1.0, "step 2")
    assert set(part.told) <= set(found[FORWARDS])
    with pytest.raises(ValueError, match="Received: backwards"):
        part.measure(tmp_path, (BACKWARDS,))


def test_what_decides_the_numbers_decides_the_name(dry):
    both = detectors_of(table6_detection.EXPERIMENT.plan(dry))[2]
    rgb, flow = both.begins_from
    seed = dataclasses.replace(both.recipe, seed=1)
    alone = dataclasses.replace(both, recipe=dataclasses.replace(both.recipe, streams=("rgb",)), begins_from=(rgb,))
    others = [
        dataclasses.replace(both, recipe=seed),
        dataclasses.replace(both, begins_from=()),
        dataclasses.replace(both, backbone=rgb),
        dataclasses.replace(both, records=dry.records["jhmdb_2"]),
        alone,
        dataclasses.replace(alone, begins_from=(), backbone=rgb),
    ]
    assert len({both.key, *(other.key for other in others)}) == 7
    with pytest.raises(
        ValueError, match=r"each of the streams \('rgb', 'flow'\), in order. Received: \('flow', 'rgb'\)"
    ):
        dataclasses.replace(both, begins_from=(flow, rgb))


def test_at_the_paper_s_scale_the_proposals_need_weights(dry):
    with pytest.raises(ValueError, match=r"ImageNet's weights, --backbone_weights=FILE\. Received: none"):
        table6_detection.EXPERIMENT.plan(dataclasses.replace(dry, dry_run=False))


def found(name, seed, correct, wrong_class):
    network, _, streams = name.rpartition("_")
    errors = dict(correct=correct, localisation=1 - correct - wrong_class, classification=wrong_class)
    maps = dict.fromkeys(table6_detection.VIDEO_MAP, 0.25)
    measured = dict(frame_map=correct, video_map=maps, true_boxes=9, true_tubes=3, videos=2, classes=list("abcd"))
    measured |= dict(found=0.95, named=correct)
    measured["errors"] = errors | dict(time=0.0, other=0.0, missed=0.0)
    return line("actors", name, seed, 0, network=network, streams=streams, forwards=measured)


@pytest.mark.parametrize(("guessed", "holds"), [(0.3, True), (0.4, False)])
def test_table_6(tmp_path, guessed, holds):
    tops = {f"{network}_{kind}": 0.7 for network in ("i3d", "s3d_g", "i2d") for kind in ("rgb", "flow", "both")}
    tops |= dict(s3d_g_rgb=0.72, i2d_rgb=guessed)
    lines = [
        found(name, seed, correct + 0.02 * seed, 1 - correct - 0.02 * seed)
        for name, correct in tops.items()
        for seed in ((0, 1) if name.endswith("rgb") else (0,))
    ]
    lines += [line("motion", "i2d", seed, 0.25, network="i2d", stream="rgb") for seed in (0, 1)]
    write_lines(tmp_path, lines, dict(motion="moves", actors="actors"))
    paths = experiment.finish(table6_detection.EXPERIMENT, tmp_path)
    assert sorted(path.name for path in paths) == ["figure.png", "figure.svg", "table.md"]
    page = (tmp_path / "table.md").read_text()
    rows = page.splitlines()
    maps = " | ".join(["25.0 ± 0.0"] * 4)
    assert f"| S3D-G | RGB | actors | 73.0 ± 1.4 | {maps} | 95.0 | 73.0 | – | – |" in rows
    assert "| I3D | both | actors | 70.0 | 25.0 | 25.0 | 25.0 | 25.0 | 95.0 | 70.0 | 73.2 | 76.3 |" in rows
    assert "9 boxes of 3 actors in 2 videos; " in page and "I2D, RGB, moves: 25.0 ± 0.0 %" in page
    result = json.loads((tmp_path / "result.json").read_text())
    assert [claim["holds"] for claim in result["claims"]] == [True, holds, holds, holds, True]
    told = f"found 95.0 %, of these named {guessed * 100 + 1:.1f} %; chance 25 %"
    assert result["claims"][2]["measured"] == told


def test_what_is_planned_at_the_paper_s_scale_is_drawn(dry, tmp_path):
    """From the plan's own entries, whose records need not be called as their data sets are."""
    moved = tmp_path / "K"
    shutil.copytree(dry.records["kinetics"], moved)
    entries = table6_detection.EXPERIMENT.plan(dataclasses.replace(dry, records=dict(dry.records, kinetics=moved)))
    lines = []
    for entry in entries:
        recipe, about = entry.part.recipe, dict(entry.about)
        new = found(entry.name, 0, 0.5, 0.2) if "streams" in about else line(entry.data, entry.name, 0, 0.6)
        lines.append(new | dict(data=entry.data, network=recipe.network, part=entry.part.key) | about)
    write_lines(tmp_path, lines, {key: scale.TITLES[key] for key in PAPER_KEYS})
    config = json.loads((tmp_path / "config.json").read_text())
    config["scale"]["name"] = "paper"
    write_json(tmp_path / "config.json", config)
    experiment.finish(table6_detection.EXPERIMENT, tmp_path)
    page = (tmp_path / "table.md").read_text()
    assert "| S3D-G | both | JHMDB | 50.0 ± 0.0 |" in page and "| I3D | both | UCF-101-24 | 50.0 |" in page
    assert "I3D, RGB, Kinetics-Full: 60.0 %; I3D, flow, Kinetics-Full: 60.0 %" in page
    claims = [claim["text"] for claim in json.loads((tmp_path / "result.json").read_text())["claims"]]
    assert claims == [f"On {name}, both: S3D-G's frame-mAP is not below I3D's." for name in ("JHMDB", "UCF-101-24")]


def test_devices_that_cannot_share_a_step_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(ValueError, match=r"JHMDB, split 1: a step of 11 clips .* among 1, 11 devices.*Received: 8$"):
        scale.dry("paper", ("jhmdb_1",), tmp_path, num_replicas=8)
    with pytest.raises(ValueError, match=r"among 1, 11 devices.*Received: 2$"):
        scale.paper(("jhmdb_1",), {"jhmdb_1": tmp_path}, (0,), num_replicas=2)
    assert not list(tmp_path.iterdir())
