import dataclasses
import json

import numpy as np
import pytest

from s3d_tf.networks import CONVENTIONS, FAMILIES, UNITS, VARIANTS, Network, Style, convention_of, departures, network


def same(a: Network, b: Network) -> bool:
    return dataclasses.replace(a, name="x", stem_frames=7) == dataclasses.replace(b, name="x", stem_frames=7)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_k_0_is_i2d_and_k_11_the_full_network(family, convention):
    full = family.rsplit("_", 1)[1]
    assert network(f"{family}:11", convention) == dataclasses.replace(network(full, convention), name=f"{family}:11")
    flat = dataclasses.replace(network(f"{family}:0", convention), stem="full")  # what a 2D stem has no use for
    assert same(flat, dataclasses.replace(network("i2d", convention), stem="full"))


def test_k_counts_or_names_the_units_that_keep_their_frames():
    assert network("top_heavy_s3d:2").kinds == ("2d",) * 9 + ("separable",) * 2
    assert network("bottom_heavy_i3d", k=3).kinds == ("3d",) * 3 + ("2d",) * 8
    assert network("top_heavy_s3d", k="Mixed_5b") == network("top_heavy_s3d:2") == network("top_heavy_s3d:Mixed_5b")
    assert network("bottom_heavy_i3d:Mixed_3b") == network("bottom_heavy_i3d", k=3)
    for k, unit in enumerate(UNITS):
        assert network("top_heavy_i3d", k=unit) == network("top_heavy_i3d", k=11 - k)


def test_fast_s3d_keeps_the_stem_and_makes_5b_and_5c_separable():
    kinds = dict(zip(UNITS, network("fast_s3d").kinds, strict=True))
    assert [unit for unit, kind in kinds.items() if kind != "2d"] == ["Conv2d_1a_7x7", "Mixed_5b", "Mixed_5c"]


@pytest.mark.parametrize("name", [*VARIANTS, "top_heavy_s3d:4"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_network_survives_json(name, convention):
    net = network(name, convention)
    assert Network(**json.loads(json.dumps(dataclasses.asdict(net)))) == net


@pytest.mark.parametrize(
    ("name", "arguments", "received"),
    [
        ("s4d", {}, "'s4d'"),
        (None, {}, "None"),
        ("s3d", dict(convention="theano"), "'theano'"),
        ("s3d", dict(colour=1), "colour"),
        ("s3d", dict(k=3), "k=3"),
        ("s3d:3", {}, "k=None"),
        ("top_heavy_s3d", {}, "k=None"),
        ("top_heavy_s3d:12", {}, "k='12'"),
        ("top_heavy_s3d", dict(k=-1), "k=-1"),
        ("top_heavy_s3d", dict(k=True), "k=True"),
        ("top_heavy_s3d:2", dict(k=2), "k=2"),
        ("top_heavy_s3d:Mixed_6a", {}, "k='Mixed_6a'"),
        ("s3d", dict(stem_frames=2), "stem_frames=2"),
        ("s3d", dict(stem="wide"), "stem='wide'"),
        ("s3d", dict(stem_padding="valid"), "stem_padding='valid'"),
        ("s3d", dict(pool_padding="valid"), "pool_padding='valid'"),
        ("s3d", dict(head="max"), "head='max'"),
        ("s3d", dict(kinds=("2d",) * 10), "kinds=" + repr(("2d",) * 10)),
        ("s3d", dict(gates="Mixed_3b"), "gates='Mixed_3b'"),
        ("s3d", dict(gates=("Mixed_6a",)), "gates=('Mixed_6a',)"),
        ("s3d", dict(min_channels=0), "min_channels=0"),
        ("s3d", dict(temporal_branches=(4,)), "temporal_branches=(4,)"),
        ("s3d", dict(temporal_norm=1), "temporal_norm=1"),
        ("s3d", dict(gate_pool="max"), "gate_pool='max'"),
        ("s3d", dict(gate_place="here"), "gate_place='here'"),
        ("s3d", dict(flat_pool_frames=2), "flat_pool_frames=2"),
        ("s3d", dict(norm_epsilon=0.0), "norm_epsilon=0.0"),
        ("s3d", dict(norm_momentum=1.0), "norm_momentum=1.0"),
        ("s3d", dict(norm_epsilon="x"), "norm_epsilon='x'"),
        ("s3d", dict(norm_momentum=None), "norm_momentum=None"),
        ("s3d", dict(temporal_branches=([1],)), "temporal_branches=([1],)"),
        ("s3d", dict(temporal_branches=(True,)), "temporal_branches=(True,)"),
        ("s3d", dict(kinds=([],) * 11), "kinds=" + repr(([],) * 11)),
        ("s3d", dict(gates=([],)), "gates=([],)"),
        ("s3d", dict(min_channels=True), "min_channels=True"),
        ("s3d", dict(convention=["paper"]), "['paper']"),
        ("top_heavy_s3d", dict(k=np.float64(2)), "k=np.float64(2.0)"),
    ],
)
def test_a_wrong_value_ends_the_sentence(name, arguments, received):
    with pytest.raises(ValueError) as error:
        network(name, **arguments)
    assert str(error.value).endswith(received)


def test_a_network_whose_name_keras_cannot_take_is_refused():
    with pytest.raises(ValueError, match=r"without a slash. Received: name='a/b'"):
        dataclasses.replace(network("s3d"), name="a/b")


def test_k_may_be_a_number_of_numpy():
    assert network("top_heavy_s3d", k=np.int64(2)) == network("top_heavy_s3d:2")


def test_conventions_are_the_table_of_who_built_what():
    torchvision, milnce = network("s3d", "torchvision"), network("s3d_g", "milnce")
    assert (torchvision.stem, torchvision.stem_frames, torchvision.style.norm_epsilon) == ("separable", 7, 1e-3)
    assert (milnce.stem, milnce.head, milnce.style.norm_epsilon, milnce.style.gate_bias) == (
        "space_to_depth",
        "global",
        1e-5,
        True,
    )
    assert network("s3d").style == Style() and Style().temporal_branches == (0, 1, 2, 3)
    assert network("i3d", "torchvision").stem == "full"  # a variant's own row goes before the convention's


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_convention_of_a_network_follows_from_its_habits(convention):
    for name in VARIANTS:
        net = network(name, convention)
        assert convention_of(net) == convention and departures(net, convention) == {}
        odd = network(name, convention, gate_pool="space", head="pairs")
        assert convention_of(odd) == convention and departures(odd, convention)["gate_pool"] == "space"


def test_a_style_of_unknown_fields_is_one_sentence():
    fields = dataclasses.asdict(network("s3d"))
    for style in (dict(colour=1), 3):
        with pytest.raises(ValueError, match="A style is") as error:
            Network(**{**fields, "style": style})
        assert str(error.value).endswith(f"style={style!r}")
