from s3d_tf.analysis import training_speed
from s3d_tf.data.split import open_split
from s3d_tf.training import devices, recipes


def test_the_loop_and_the_bare_step_are_timed_in_turn(motion_records):
    recipe = recipes.recipe("embedded", network="i2d", width=0.1, num_frames=8, batch_size=2)
    found = training_speed.measure(recipe, open_split(motion_records, "train"), devices.make_strategy(1), repeats=2)
    assert found["loop"] > 0
    assert found["bare"] > 0
    assert found["overhead"] > -1
    assert 0 <= found["input_wait"] < 1
