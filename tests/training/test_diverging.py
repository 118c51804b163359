"""Runs whose loss or weights become no numbers, or whose records are damaged: the clips are named."""

import json
import shutil

import numpy as np
import pytest

from s3d_tf.data.pipeline import order
from s3d_tf.data.split import open_split
from s3d_tf.training import devices, loop, run
from s3d_tf.training.stopping import StoppedError

from .tiny import RECIPE, lines, saved


def test_a_weight_that_is_no_number_stops_a_run_that_is_told_to_stop(motion_records, tmp_path, monkeypatch):
    def step(self, *arguments):
        for count in (self.optimizer.iterations, self.data_step):
            count.assign(6)
        self.model.weights[0].assign(self.model.weights[0] * np.inf)
        raise StoppedError

    monkeypatch.setattr(loop.Trainer, "train", step)
    with pytest.raises(FloatingPointError, match=r"kernel became NaN or infinite in step 6.*lower the learning rate"):
        run.train(RECIPE, motion_records, tmp_path, devices.make_strategy(1))


@pytest.mark.slow
def test_a_run_that_diverges_goes_back_and_then_names_the_clips(motion_records, tmp_path, monkeypatch, capsys):
    """The third and the fifth step's clips are made to give no number."""

    def step(self, iterator, num_steps, *others):
        if self.data_step.numpy() in (2, 4):
            raise loop.DivergedError(self.step, int(self.data_step.numpy()), "The loss became nan")
        return train(self, iterator, num_steps, *others)

    train = loop.Trainer.train
    monkeypatch.setattr(loop.Trainer, "train", step)
    split = open_split(motion_records, "train")
    fifth = next(iter(order(split, 4, RECIPE.seed, 4)))[1].numpy()
    names = [split.media_ids[index] for index in fifth]
    pace = run.Pace(steps_per_call=1, checkpoint_every=1, go_back=1)
    with pytest.raises(FloatingPointError) as caught:
        run.train(RECIPE, motion_records, tmp_path, devices.make_strategy(1), pace)
    assert "going back to step 2, on with other clips (1 of 1)" in capsys.readouterr().out
    # step 3 was taken with the fourth step's clips, step 4 failed
    for text in (*names[:2], "in step 4", str(tmp_path / "checkpoints/step-3"), "--go_back"):
        assert text in str(caught.value)
    assert json.loads((tmp_path / run.DIVERGED).read_text()) == dict(step=4, clips=names)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]
    assert saved(tmp_path)["variables/data_step/.ATTRIBUTES/VARIABLE_VALUE"] == 4


def test_a_run_that_diverges_at_once_has_nothing_to_go_back_to(motion_records, tmp_path, monkeypatch):
    def step(self, iterator, num_steps, *others):
        raise loop.DivergedError(0, 0, "The loss became nan")

    monkeypatch.setattr(loop.Trainer, "train", step)
    with pytest.raises(FloatingPointError, match=r"in step 1, on 4 clips .*There is no checkpoint yet to go back to"):
        run.train(RECIPE, motion_records, tmp_path, devices.make_strategy(1), run.Pace(go_back=2))


@pytest.mark.slow
def test_more_damaged_records_than_allowed_stop_a_run_with_their_names(motion_records, tmp_path):
    copy = shutil.copytree(motion_records, tmp_path / "records")
    split = open_split(copy, "train")
    with open(split.files[split.file[5]], "r+b") as file:
        file.seek(split.offset[5] + 500)
        file.write(b"damaged!")
    pace = run.Pace(steps_per_call=6, checkpoint_every=6, max_damaged=0)
    with pytest.raises(ValueError, match=f"More than 0 of 24 records are damaged.*Received: {split.media_ids[5]}$"):
        run.train(RECIPE, copy, tmp_path / "run", devices.make_strategy(1), pace)
