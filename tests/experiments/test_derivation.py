"""What is computed from a trained part is computed once, and its numbers come into the experiment's line."""

import pytest

from experiments import experiment
from experiments.children import in_this_process
from experiments.derivation import Derivation
from experiments.experiment import Entry, Experiment, Shared
from experiments.scale import Data, Scale
from s3d_tf.files import read_json, write_json
from s3d_tf.training.recipes import recipe

PART = Data("motion", "kinetics")


CALLS = []  # names of the files that were computed


@pytest.fixture
def calls():
    CALLS.clear()
    return CALLS


def steps(part, path, factor):
    CALLS.append(path.name)
    return dict(steps=read_json(path.parent / "result.json")["step"] * factor, of=part.recipe.steps)


def run(records, derivation, folder):
    """The line of an experiment of one part, which looks trained, and the part's folder."""
    scale = Scale("mini", dict(motion=records), dict(motion=recipe("embedded")), seeds=(0,))
    part, shared = scale.part(PART, "i3d"), Shared(folder / "shared")
    made = part.folder(shared.parts)
    made.mkdir(parents=True, exist_ok=True)
    evaluated = dict(top1=1.0, top5=1.0, mean_class_accuracy=1.0, num_videos=10, chance=0.25, protocol={}, damaged=[])
    write_json(made / "result.json", dict(step=500, seconds_of_this_session=1.0))
    write_json(made / "evaluation_val.json", evaluated)
    entry = Entry("motion", "i3d", part, derivations=(derivation,))
    about = Experiment("x", "X", (PART,), lambda _: [entry], lambda lines: dict(lines=lines), lambda _: {})
    return experiment.run(about, scale, folder / "x", shared, in_this_process)["lines"][0], made


def test_it_is_computed_once_and_told_in_the_line(motion_records, tmp_path, calls):
    double, triple = (Derivation("rest", steps, dict(factor=factor)) for factor in (2, 3))
    line, made = run(motion_records, double, tmp_path)
    assert line["rest"] == dict(steps=1000, of=250) == read_json(double.path(made))
    assert run(motion_records, double, tmp_path)[0] == line and len(calls) == 1
    assert run(motion_records, triple, tmp_path)[0]["rest"]["steps"] == 1500  # other settings, another file
    assert len(set(calls)) == 2 and double.path(made).exists()
