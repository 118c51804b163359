import dataclasses

import numpy as np
import pytest

from s3d_tf.training import loop, recipes


def test_mini_kinetics_is_the_papers():
    r = recipes.recipe("mini_kinetics")
    assert (r.num_frames, r.eval_frames, r.crop, r.batch_size, r.steps) == (64, 250, 224, 336, 80_000)
    assert (r.learning_rates, r.boundaries, r.momentum) == ((0.1, 0.01, 0.001), (60_000, 70_000), 0.9)
    assert (r.weight_decay, r.norm_momentum, r.dropout) == (1e-7, 0.999, 0.2)


@pytest.mark.parametrize(("step", "rate"), [(0, 0.1), (59_999, 0.1), (60_000, 0.01), (69_999, 0.01), (70_000, 0.001)])
def test_the_rate_changes_at_its_step(step, rate):
    optimizer = loop.make_optimizer(recipes.recipe("mini_kinetics"))
    optimizer.build([])
    optimizer.iterations.assign(step)
    np.testing.assert_allclose(float(optimizer.learning_rate), rate, rtol=1e-6)


def test_unknown_names_raise_and_list_what_there_is():
    with pytest.raises(ValueError, match=r"kinetics.*Received: 'kinetix'"):
        recipes.recipe("kinetix")
    with pytest.raises(TypeError):
        recipes.recipe("kinetics", learning_rat=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipes.recipe("kinetics").steps = 1


@pytest.mark.parametrize(
    "changes",
    [dict(boundaries=(5, 4)), dict(learning_rates=(0.1,)), dict(steps=0), dict(crop=16), dict(num_frames=4)],
)
def test_values_out_of_range(changes):
    with pytest.raises(ValueError, match="Received"):
        recipes.recipe("mini_kinetics", **changes)
