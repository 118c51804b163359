"""Tables and figures follow from `config.json` and `metrics.jsonl` alone."""

import json

import pytest

from experiments import experiment, figure4_tradeoff, spread, table1_arrow_of_time, table3_gating_something, tables
from s3d_tf.files import write_json


def write_lines(folder, lines, titles):
    scale = dict(name="mini", dry_run=False, seeds=[0, 1], titles=titles)
    write_json(folder / "config.json", dict(experiment="x", title="A title", scale=scale, versions={}))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def line(data, name, seed, top1, **more):
    found = dict(data=data, name=name, network=name, seed=seed, part=f"{name}-{data}-{seed}", seconds=10.0)
    return found | dict(forwards=dict(top1=top1, top5=1.0, chance=0.25), params=10**7, multiply_adds=10**11) | more


def test_the_spread_is_that_of_a_sample():
    found = spread.spread([0.9, 1.0, 0.8])
    assert found["mean"] == pytest.approx(0.9) and found["deviation"] == pytest.approx(0.1)
    assert tables.percent(found) == "90.0 ± 10.0" and tables.percent(spread.spread([0.5])) == "50.0"


def test_table_1(tmp_path):
    lines = [
        line(data, network, seed, top1, backwards=dict(top1=1 - top1, top5=1.0, chance=0.25))
        for data in ("appearance", "motion")
        for network in ("i3d", "i2d")
        for seed, top1 in enumerate((0.9, 1.0))
    ]
    write_lines(tmp_path, lines, dict(appearance="looks", motion="moves"))
    experiment.finish(table1_arrow_of_time.EXPERIMENT, tmp_path)
    rows = (tmp_path / "table.md").read_text().splitlines()
    assert "| I3D | moves | 95.0 ± 7.1 | 5.0 ± 7.1 | 25.0 | Something-something | 45.8 | 15.2 |" in rows
    assert "| I2D | looks | 95.0 ± 7.1 | 5.0 ± 7.1 | 25.0 | Kinetics | 67.0 | 67.2 |" in rows
    assert json.loads((tmp_path / "result.json").read_text())["training_seconds"] == 80.0


def test_a_comparison_has_the_full_size_costs_and_no_top_5_of_four_classes(tmp_path):
    lines = [line("motion", name, seed, 0.5) for name in ("i2d", "i3d", "s3d", "s3d_g") for seed in (0, 1)]
    write_lines(tmp_path, lines, dict(motion="moves"))
    experiment.finish(table3_gating_something.EXPERIMENT, tmp_path)
    row = "| S3D-G | moves | 50.0 ± 0.0 | 48.2 | 78.7 | 10.00 | 11.56 | 100.00 | 71.38 |"
    assert row in (tmp_path / "table.md").read_text().splitlines()


def test_a_column_of_dashes_alone_is_left_out():
    rows = [["x", "–", "1.0", "–"], ["y", "–", "–", "2"]]
    found = tables.markdown(["a", "b", "c", "d"], rows).splitlines()
    assert found == ["| a | c | d |", "| --- | ---: | ---: |", "| x | 1.0 | – |", "| y | – | 2 |"]


def test_figure_4_is_drawn_the_same_each_time(tmp_path):
    names = dict.fromkeys(
        figure4_tradeoff.network(f, k) for f in figure4_tradeoff.FAMILIES for k in (0, 3, 5, 7, 9, 11)
    )
    write_lines(tmp_path, [line("motion", name, 0, 0.5) for name in names], dict(motion="moves"))
    assert len(names) == 19
    paths = experiment.finish(figure4_tradeoff.EXPERIMENT, tmp_path)
    before = {path.name: path.read_bytes() for path in paths}
    experiment.finish(figure4_tradeoff.EXPERIMENT, tmp_path)
    assert {path.name: path.read_bytes() for path in paths} == before
    assert sorted(before) == ["figure.png", "figure.svg", "table.md"] and before["figure.png"].startswith(b"\x89PNG")


def test_without_numbers_there_is_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="Cannot read"):
        experiment.finish(table1_arrow_of_time.EXPERIMENT, tmp_path)
