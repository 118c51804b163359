import dataclasses

import numpy as np
import pytest

from s3d_tf.data.split import open_split
from s3d_tf.training import optimizer, recipes, warm_start


def test_mini_kinetics_is_the_papers():
    r = recipes.recipe("mini_kinetics")
    assert (r.num_frames, r.eval_frames, r.crop, r.batch_size, r.steps) == (64, 250, 224, 336, 80_000)
    assert (r.learning_rates, r.boundaries, r.momentum) == ((0.1, 0.01, 0.001), (60_000, 70_000), 0.9)
    assert (r.weight_decay, r.norm_momentum, r.dropout) == (1e-7, 0.999, 0.2)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (59_999, 0.1), (60_000, 0.01), (69_999, 0.01), (70_000, 0.001)])
def test_the_rate_changes_at_its_step(step, rate):
    sgd = optimizer.make_optimizer(recipes.recipe("mini_kinetics"))
    sgd.build([])
    sgd.iterations.assign(step)
    np.testing.assert_allclose(float(sgd.learning_rate), rate, rtol=1e-6)


def test_the_rate_rises_linearly_over_the_warm_up_steps():
    recipe = recipes.recipe("mini_kinetics", warmup_steps=4, boundaries=(6, 8))
    sgd = optimizer.make_optimizer(recipe)
    sgd.build([])
    expected = [0.025, 0.05, 0.075, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001]
    for step, rate in enumerate(expected):
        sgd.iterations.assign(step)
        np.testing.assert_allclose(float(sgd.learning_rate), rate, rtol=1e-6)
        np.testing.assert_allclose(recipes.learning_rate(recipe, step + 1), rate, rtol=1e-6)


def test_the_other_recipes_are_the_papers():
    flow = recipes.recipe("kinetics_flow")
    assert (flow.stream, flow.steps) == ("flow", 155_000)
    assert flow.learning_rates == (0.1, 0.01, 0.001, 0.1, 0.01, 0.001)
    assert flow.boundaries == (97_000, 104_500, 115_000, 140_000, 150_000)
    for name in ("ucf101", "hmdb51"):
        r = recipes.recipe(name)
        assert (r.batch_size, r.steps, r.learning_rates, r.boundaries) == (48, 8000, (0.01, 0.001), (6000,))
    r = recipes.recipe("something_something")
    assert (r.batch_size, r.steps, r.learning_rates, r.eval_frames) == (96, 10_000, (0.1,), 64)
    assert {r.clips_per_replica for r in recipes.RECIPES.values() if r.name != "embedded"} == {6}


def test_what_differs_from_a_recipe_is_told():
    changed = recipes.recipe("ucf101", batch_size=8, seed=3)
    assert recipes.differences(changed) == {"batch_size": (48, 8), "seed": (0, 3)}
    assert recipes.differences(recipes.recipe("kinetics")) == {}


def test_what_may_have_been_forgotten_is_told():
    assert all(recipes.doubts(recipe) == [] for recipe in recipes.RECIPES.values())
    short = recipes.recipe("mini_kinetics", steps=100)
    late, slow = recipes.doubts(short)
    assert "changes at 60000, 70000, after the last step" in late
    assert "remember about 1000 steps, of 100" in slow


def test_the_recipes_are_listed_a_line_each():
    heads, *lines = recipes.table().splitlines()
    assert [line.split()[0] for line in lines] == list(recipes.RECIPES)
    assert "0.1, 0.01 from 60000, 0.001 from 70000" in lines[2]
    assert heads.index("learning rates") == lines[2].index("0.1, 0.01")


def test_the_width_of_weights_needs_not_be_known():
    assert recipes.recipe("ucf101", weights="run", network="", width=0.0).width == 0
    with pytest.raises(ValueError, match="width must be above 0"):
        recipes.recipe("ucf101", width=0.0)


def test_unknown_names_raise_and_list_what_there_is():
    with pytest.raises(ValueError, match=r"kinetics.*Received: 'kinetix'"):
        recipes.recipe("kinetix")
    with pytest.raises(TypeError):
        recipes.recipe("kinetics", learning_rat=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipes.recipe("kinetics").steps = 1


@pytest.mark.parametrize(
    "changes",
    [
        *(dict(boundaries=(5, 4)), dict(learning_rates=(0.1,)), dict(steps=0), dict(crop=16), dict(num_frames=4)),
        *(
            dict(stream="sound"),
            dict(precision="int8"),
            dict(clip_norm=-1.0),
            dict(warmup_steps=-1),
            dict(network=""),
            dict(seed=2**31),
        ),
    ],
)
def test_values_out_of_range(changes):
    with pytest.raises(ValueError, match="Received"):
        recipes.recipe("mini_kinetics", **changes)


def test_changes_of_the_network():
    texts = ("gate_pool=space", "temporal_branches=1+2", "gate_bias=true", "stem_frames=5", "norm_epsilon=1e-4")
    values = dict(gate_pool="space", temporal_branches=(1, 2), gate_bias=True, stem_frames=5, norm_epsilon=1e-4)
    assert recipes.parse_changes(texts) == values
    for text in ("gate_pool", "=space", "gate pool=space"):
        with pytest.raises(ValueError, match=f"Received: '{text}'"):
            recipes.recipe("embedded", network_changes=(text,))
    with pytest.raises(ValueError, match="Received: network_changes=gate_pool=space"):
        recipes.recipe("embedded", network="", weights="x", network_changes=("gate_pool=space",))


def test_changes_reach_the_network(motion_records):
    changed = recipes.recipe("embedded", network_changes=("gate_pool=space", "temporal_branches=1+2"))
    style = warm_start.start(changed, open_split(motion_records, "train")).run.model["name"]["style"]
    assert (style["gate_pool"], style["temporal_branches"], style["norm_momentum"]) == ("space", (1, 2), 0.9)
