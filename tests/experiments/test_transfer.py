"""Table 5: what is trained before what, on which official split, and the rows of the table."""

import dataclasses
import json

import pytest

from experiments import command, experiment, scale, table5_transfer, work
from experiments.part import EVALUATIONS, FORWARDS
from experiments.scale import Data
from s3d_tf.files import read_json, write_json
from tests.experiments.test_drawing import line, write_lines

PAPER_KEYS = tuple(data.paper for data in table5_transfer.EXPERIMENT.data)


@pytest.fixture(scope="module")
def dry(tmp_path_factory):
    """The scale of a dry run, on fixtures of Kinetics and of each split of UCF101 and HMDB51."""
    return scale.dry("paper", PAPER_KEYS, tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("name", ["ucf101", "hmdb51"])
def test_the_official_splits_test_each_video_once(dry, name):
    listed = [read_json(dry.records[f"{name}_{split}"] / "manifest.json") for split in (1, 2, 3)]
    assert {found["dataset"]["name"] for found in listed} == {name}
    videos = [{(video["path"], video["split"]) for video in found["videos"]} for found in listed]
    tested = [{path for path, split in found if split == "test"} for found in videos]
    assert [len(found) for found in videos] == [6, 6, 6] and [len(found) for found in tested] == [2, 2, 2]
    assert len(set.union(*tested)) == 6


def test_each_network_is_trained_once_before_and_fine_tuned_on_six_splits(dry):
    entries = table5_transfer.EXPERIMENT.plan(dry)
    parts, order = [entry.part for entry in entries], list(work.in_order(entries))
    assert len(order) == len({part.key for part in order}) == 2 * (1 + 6) == len(parts)
    assert [part.records.name for part in parts[:7]] == list(PAPER_KEYS)
    assert {part.begins_from for part in parts[1:7]} == {parts[0]} == {dry.part(Data("motion", "kinetics"), "i3d")}
    assert [part.split for part in parts[:3]] == ["val", "test", "test"]
    assert parts[1].evaluation(dry.records["kinetics"], FORWARDS).name == "evaluation_test.json"


def test_with_pretrained_weights_nothing_is_trained_before(dry):
    tuned = table5_transfer.experiment(command.parse_pretrained(["i3d=a.npz", "s3d_g=b=c.npz"], ("i3d", "s3d_g")))
    recipes = [entry.part.recipe for entry in tuned.plan(dry)]
    assert tuned.data == table5_transfer.TUNED and len(recipes) == 12
    assert {(each.network, each.weights, each.width) for each in recipes} == {
        ("i3d", "a.npz", 0.0),
        ("s3d_g", "b=c.npz", 0.0),
    }


@pytest.mark.parametrize("texts", [["i3d=a"], ["i3d=a", "s3d_g="], ["i3d=a", "s3d_g=b", "c"], ["i3d=a", "i3d=b"]])
def test_weights_of_some_networks_alone_are_refused(texts):
    with pytest.raises(ValueError, match=f"must look like i3d=FILE,s3d_g=FILE. Received: '{','.join(texts)}'"):
        command.parse_pretrained(texts, ("i3d", "s3d_g"))


def test_an_experiment_on_the_official_splits_from_parts_to_table(dry, tmp_path):
    def measure(name, log, waiting, function, parts_dir, directions):
        """In place of a training and an evaluation."""
        part = function.__self__
        assert all(other.is_trained(parts_dir) for other in part.needs)
        write_json(log.parent / "result.json", dict(step=2, seconds_of_this_session=1.0))
        found = dict(top1=0.5, top5=1.0, mean_class_accuracy=0.5, num_videos=2, chance=0.5, protocol={}, damaged=[])
        for direction in directions:
            write_json(log.parent / EVALUATIONS[direction].format(part.split), found)

    shared, told = work.Shared(tmp_path / "shared"), dataclasses.replace(dry, dry_run=False)
    for key in [entry.part.key for entry in table5_transfer.EXPERIMENT.plan(dry)]:
        (shared.parts / key).mkdir(parents=True)
    result = experiment.run(table5_transfer.EXPERIMENT, told, tmp_path / "out", shared, measure)
    assert result["trainings"] == 14
    assert [claim["text"].partition(":")[0] for claim in result["claims"]] == ["UCF101", "HMDB51"]
    rows = (tmp_path / "out" / "table.md").read_text().splitlines()
    tops = "50.0 | 50.0 | 50.0 | 50.0 ± 0.0 | 50.0"
    assert f"| I3D | trained before | UCF101 | {tops} | 95.6 | – |" in rows
    assert f"| S3D-G | trained before | HMDB51 | {tops} | – | 75.9 |" in rows


@pytest.mark.parametrize(("third", "holds"), [(0.4, True), (0.9, False)])
def test_table_5(tmp_path, third, holds):
    lines = [line("motion", network, 0, 1.0) for network in table5_transfer.NETWORKS]
    tops = dict(transfer=(0.7, 0.8, 0.9), scratch=(0.3, 0.5, third))
    lines += [
        line(f"turns_{split}", network, 0, top1, start=start, part=f"{network}-{start}-{split}")
        for network in table5_transfer.NETWORKS
        for start in tops
        for split, top1 in enumerate(tops[start], 1)
    ]
    write_lines(tmp_path, lines, dict(motion="moves", turns_1="turns, split 1"))
    experiment.finish(table5_transfer.EXPERIMENT, tmp_path)
    page = (tmp_path / "table.md").read_text()
    assert "| I3D | trained before | turns | 70.0 | 80.0 | 90.0 | 80.0 ± 10.0 | 25.0 | 95.6 | 74.8 |" in page
    assert "Ours: mean ± standard deviation over three splits, one seed, per cent." in page
    assert "Before, on the first set (moves): I3D 100.0 %, S3D-G 100.0 %." in page
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["trainings"] == 14 and [claim["holds"] for claim in result["claims"]] == [holds, holds, True]
