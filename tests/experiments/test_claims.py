"""Claims held against hand-written numbers: each experiment's holds in one case and does not in another."""

import json

import pytest

from experiments import (
    experiment,
    figure4_tradeoff,
    footnote5_branches,
    judgement,
    section46_gating,
    spread,
    table1_arrow_of_time,
    table2_gating_kinetics,
    table3_gating_something,
)
from s3d_tf.files import write_json
from tests.experiments.test_drawing import line, write_lines

TITLES = dict(appearance="looks", motion="moves")


def judge(module, lines, scale="mini"):
    """The claims of an experiment."""
    result = dict(scale=dict(name=scale, titles=TITLES)) | module.EXPERIMENT.summarise(lines)
    return module.EXPERIMENT.claims(result)


def compared(tops, costs=None):
    """Lines of networks on one set; costs: parameters and multiply-adds."""
    counted = {name: dict(zip(("params", "multiply_adds"), each, strict=True)) for name, each in (costs or {}).items()}
    return [
        line("motion", name, seed, top1, **counted.get(name, {}))
        for name, values in tops.items()
        for seed, top1 in enumerate(values)
    ]


def means(*values):
    return [spread.spread(each) for each in values]


def test_the_spread_of_a_difference_decides_the_order():
    low, high = means((0.7, 0.8), (0.8, 0.9))  # deviations of 0.0707
    assert judgement.margin(low, high) == pytest.approx(0.1)
    assert judgement.not_below_beyond_spread(low, high) and not judgement.above_beyond_spread(high, low)
    (higher,) = means((0.81, 0.91))
    assert not judgement.not_below_beyond_spread(low, higher) and judgement.above_beyond_spread(higher, low)


def test_single_values_have_no_spread():
    low, high = means((0.8,), (0.81,))
    assert judgement.margin(low, high) == 0
    assert not judgement.not_below_beyond_spread(low, high) and judgement.not_below_beyond_spread(high, high)
    assert judgement.difference(("A", high), ("B", low)) == "A 81.0 %, B 80.0 %: +1.0 points, spread not known"


@pytest.mark.parametrize(("value", "inside"), [(0.15, True), (0.35, True), (0.149, False), (0.351, False)])
def test_bounds_belong_to_what_is_within(value, inside):
    assert judgement.within(value, 0.25 - 0.1, 0.25 + 0.1) is inside


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (((0.98, 0.98), (0.99, 1.0)), "All are close to 100 %"),
        (((0.5,), (0.6,)), "There is one seed"),
        (((0.5, 0.6), (0.65, 0.66)), "The 2 values of one mean differ much (deviation 7.1 points)"),
        (((0.5, 0.6), (0.7, 0.71)), judgement.UNKNOWN),  # more than twice the spread apart
        (((0.5, 0.51), (0.7, 0.71)), judgement.UNKNOWN),
    ],
)
def test_a_reason_says_no_more_than_the_numbers(values, told):
    assert judgement.likely_reason(*means(*values)).startswith(told)


def test_a_reason_is_told_only_where_the_claim_does_not_hold():
    low, high = means((0.50, 0.51), (0.7, 0.71))
    assert judgement.order("", ("A", high), ("B", low)).reason == ""
    assert judgement.order("", ("A", low), ("B", high)).reason == judgement.UNKNOWN


@pytest.mark.parametrize(
    ("network", "data", "forwards", "backwards", "holds"),
    [
        ("i3d", "appearance", 0.90, 0.87, True),
        ("i2d", "appearance", 0.86, 0.90, False),
        ("i3d", "motion", 0.90, 0.10, True),
        ("i3d", "motion", 0.89, 0.05, False),
        ("i3d", "motion", 0.95, 0.11, False),
        ("i2d", "motion", 0.35, 0.15, True),
        ("i2d", "motion", 0.25, 0.36, False),
    ],
)
def test_table_1(network, data, forwards, backwards, holds):
    good = dict(i3d=(1.0, 0.0), i2d=(0.25, 0.25))
    tops = {(name, "appearance"): (0.9, 0.9) for name in good} | {(name, "motion"): good[name] for name in good}
    tops[network, data] = forwards, backwards
    lines = [
        line(key, name, seed, one, backwards=dict(top1=other, top5=1.0, chance=0.25))
        for (name, key), (one, other) in tops.items()
        for seed in (0, 1)
    ]
    claims = judge(table1_arrow_of_time, lines)
    failed = [claim.text for claim in claims if not claim.holds]
    assert len(claims) == 4 and len(failed) == (not holds)
    assert all(text.startswith(f"{judgement.sentence(TITLES[data])}: {network.upper()} ") for text in failed)
    assert len(judge(table1_arrow_of_time, lines, "paper")) == 2  # bounds of four directions are not the paper's


def test_table_2():
    costs = dict(i3d=(12.69e6, 111.15e9), s3d=(9.69e6, 68.18e9))
    tops = dict(i3d=(0.9, 0.9), s3d=(0.9, 0.9), s3d_g=(0.8, 0.8))
    claims = judge(table2_gating_kinetics, compared(tops, costs))
    assert [claim.holds for claim in claims] == [True, False, True]
    assert claims[2].measured == "S3D 9.69 M, 68.18 G; I3D 12.69 M, 111.15 G; ratio 0.613, the paper's 0.615"
    dear = costs | dict(s3d=(9.69e6, 80e9))  # cheaper, but not by the paper's ratio
    assert [claim.holds for claim in judge(table2_gating_kinetics, compared(tops, dear))] == [True, False, False]
    large = costs | dict(s3d=(13e6, 68.18e9))
    assert [claim.holds for claim in judge(table2_gating_kinetics, compared(tops, large))] == [True, False, False]


@pytest.mark.parametrize(
    ("tops", "holds"),
    [
        (dict(i2d=(0.2, 0.3), i3d=(0.9, 0.9), s3d=(0.8, 0.9), s3d_g=(0.8, 0.9)), [True, True, True]),
        (dict(i2d=(0.8, 0.9), i3d=(0.9, 0.9), s3d=(0.9, 0.9), s3d_g=(0.9, 0.9)), [False, True, True]),
        (dict(i2d=(0.2, 0.3), i3d=(0.9, 0.9), s3d=(0.8, 0.8), s3d_g=(0.7, 0.7)), [True, False, False]),
    ],
)
def test_table_3(tops, holds):
    assert [claim.holds for claim in judge(table3_gating_something, compared(tops))] == holds


@pytest.mark.parametrize(("better", "place"), [("space", 0), ("time", 1), ("unit_end", 2), ("none", 3), ("", None)])
def test_section_46(better, place):
    tops = dict.fromkeys(section46_gating.NETWORKS, (0.8, 0.84)) | ({better: (0.9, 0.9)} if better else {})
    failed = [place for place, claim in enumerate(judge(section46_gating, compared(tops))) if not claim.holds]
    assert failed == ([] if place is None else [place])


@pytest.mark.parametrize(("four", "holds"), [((0.75, 0.85), True), ((0.6, 0.65), False)])
def test_footnote_5(four, holds):
    (claim,) = judge(footnote5_branches, compared(dict(two=(0.8, 0.9), four=four)))
    assert claim.holds is holds and "The paper: 78.9 and 78.4 %." in claim.text


def tradeoff(tops, dear=()):
    """Lines of Figure 4: top-1 of each family between the ends, and families that cost ten times as much."""
    names = {figure4_tradeoff.network(f, k): (f, k) for f in tops for k in (0, 3, 5, 7, 9, 11)}
    lines = []
    for name, (family, k) in names.items():
        cost = (40 + k + 20 * ("bottom" in family) + 5 * ("i3d" in family)) * (10 if family in dear else 1)
        lines.append(line("motion", name, 0, tops[family] + k / 1000, multiply_adds=cost * 10**9))
    return lines


def test_figure_4():
    good = dict(top_heavy_i3d=0.7, bottom_heavy_i3d=0.6, top_heavy_s3d=0.8, bottom_heavy_s3d=0.5)
    assert [claim.holds for claim in judge(figure4_tradeoff, tradeoff(good))] == [True] * 5
    bad = dict(top_heavy_i3d=0.7, bottom_heavy_i3d=0.701, top_heavy_s3d=0.5, bottom_heavy_s3d=0.6)
    claims = judge(figure4_tradeoff, tradeoff(bad, dear=("top_heavy_s3d",)))
    assert [claim.holds for claim in claims] == [False] * 5
    assert claims[0].measured == "in 4 of 8 pairs; 0.71 to 7.10 of its cost"
    assert claims[2].reason == "The difference is within the spread over K, of one seed a network."
    assert claims[3].reason == judgement.UNKNOWN


def test_a_dry_run_makes_no_claims(tmp_path):
    lines = compared(dict(two=(0.8, 0.9), four=(0.8, 0.9)))
    write_lines(tmp_path, lines, TITLES)
    experiment.finish(footnote5_branches.EXPERIMENT, tmp_path)
    assert len(json.loads((tmp_path / "result.json").read_text())["claims"]) == 1
    config = json.loads((tmp_path / "config.json").read_text())
    config["scale"]["dry_run"] = True
    write_json(tmp_path / "config.json", config)
    experiment.finish(footnote5_branches.EXPERIMENT, tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["claims"] == []
