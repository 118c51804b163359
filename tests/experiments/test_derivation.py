"""What is computed from a trained part is computed once, and its numbers come into the experiment's line."""

import pytest

from experiments import experiment
from experiments.children import in_this_process
from experiments.derivation import Derivation
from experiments.experiment import Entry, Experiment, Shared
from experiments.scale import Data, Scale
from s3d_tf.files import read_json, write_json
from s3d_tf.training.recipes import recipe

CALLS = []


def steps(part, path, factor):
    CALLS.append(path.name)
    return dict(steps=read_json(path.parent / "result.json")["step"] * factor, classes=part.recipe.steps)


@pytest.fixture
def trained(motion_records):
    """A scale of one set, and a way to make its parts look trained."""
    return Scale("mini", dict(motion=motion_records), dict(motion=recipe("embedded")), seeds=(0,))


def run(scale, derivations, folder):
    part = scale.part(Data("motion", "kinetics"), "i3d")
    shared = Shared(folder / "shared")
    made = part.folder(shared.parts)
    made.mkdir(parents=True, exist_ok=True)
    evaluated = dict(top1=1.0, top5=1.0, mean_class_accuracy=1.0, num_videos=10, chance=0.25, protocol={}, damaged=[])
    write_json(made / "result.json", dict(step=500, seconds_of_this_session=1.0))
    write_json(made / "evaluation_val.json", evaluated)
    entry = Entry("motion", "i3d", part, derivations=derivations)
    about = Experiment("x", "X", (), lambda _: [entry], lambda lines: dict(lines=lines), lambda _: {})
    return experiment.run(about, scale, folder / "x", shared, in_this_process)["lines"][0], made


def test_it_is_computed_once_and_told_in_the_line(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.experiment.versions", dict)
    monkeypatch.setattr("experiments.experiment._EVALUATED", ("top1",))
    CALLS.clear()
    double, triple = (Derivation("rest", steps, dict(factor=factor)) for factor in (2, 3))
    line, made = run(trained, (double,), tmp_path)
    assert line["rest"] == dict(steps=1000, classes=500) == read_json(double.path(made))
    assert run(trained, (double,), tmp_path)[0] == line and len(CALLS) == 1
    assert run(trained, (triple,), tmp_path)[0]["rest"]["steps"] == 1500  # other settings, another file
    assert len(set(CALLS)) == 2 and double.path(made).exists()
