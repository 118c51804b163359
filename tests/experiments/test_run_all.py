"""All experiments one after the other: parts are measured once, a kill costs nothing, and a failure only itself."""

import json
import os
import signal

import pytest

from experiments import contents, run_all
from experiments.experiment import Shared
from experiments.part import BACKWARDS, EVALUATIONS, FORWARDS
from experiments.scale import MINI, TITLES, Scale, mini_recipe
from s3d_tf.files import write_json
from tests.experiments.test_drawing import line, write_lines

BINARY = "../experiments/run_all.py"
NAMES = ("table3_gating_something", "table1_arrow_of_time", "footnote5_branches")


class Stub:
    """In place of `Children().call`: writes what a training and an evaluation would; ends at the part number `last`."""

    def __init__(self, last=None, refused=""):
        self.last, self.refused, self.measured = last, refused, {}

    def __call__(self, name, log, waiting, function, *arguments):
        if name == "costs":
            return {each: dict(params=10**7, multiply_adds=10**11) for each in arguments[0]}
        if len(self.measured) == self.last:
            raise KeyboardInterrupt
        if self.refused and self.refused in name:
            raise OSError(f"{name} failed: No luck.")
        self.measured[name] = arguments[-1]
        log.parent.mkdir(parents=True)
        write_json(log.parent / "result.json", dict(step=2, seconds_of_this_session=3.0))
        found = dict(top1=0.5, top5=1.0, mean_class_accuracy=0.5, num_videos=10, chance=0.25, protocol={}, damaged=0)
        for direction in arguments[-1]:
            write_json(log.parent / EVALUATIONS[direction].format("val"), found)
        return None


@pytest.fixture
def do(motion_records, tmp_path):
    """Does some experiments by a stub; what failed comes back."""

    def make_scale(experiment):
        keys = [data.mini for data in experiment.data]
        assert set(keys) <= set(TITLES)
        return Scale(MINI, dict.fromkeys(keys, motion_records), dict.fromkeys(keys, mini_recipe(2)), (0, 1))

    def run(call, names=NAMES):
        experiments = [contents.load(name) for name in names]
        return run_all.run_all(experiments, make_scale, tmp_path, Shared(tmp_path / "shared"), call)

    return run


def test_parts_are_measured_once_and_a_kill_costs_none(do, tmp_path):
    first = Stub(last=3)
    with pytest.raises(KeyboardInterrupt):
        do(first)
    assert not (tmp_path / NAMES[0] / "result.json").exists()
    second = Stub()
    assert do(second) == {}
    assert len(first.measured) == 3 and not set(first.measured) & set(second.measured)
    measured = first.measured | second.measured
    assert len(measured) == 2 * 5  # i2d, i3d, s3d, s3d_g and s3d with two branches; two seeds
    both = [name for name, directions in measured.items() if set(directions) == {FORWARDS, BACKWARDS}]
    assert len(both) == 4 and all(name.startswith(("i3d", "i2d")) for name in both)
    for name in NAMES:
        config = json.loads((tmp_path / name / "config.json").read_text())
        (made,) = config["made"]
        assert made["parts"] == len(config["parts"]) / len(contents.load(name).data)
        assert made["machine"]["cores"] >= 1 and made["first"] <= made["last"]
    third = Stub(last=0)
    assert do(third) == {} and not third.measured


def test_what_fails_is_named_and_the_others_are_done(do, tmp_path):
    failed = do(Stub(refused="temporal_branches"), ("footnote5_branches", "table3_gating_something"))
    assert list(failed) == ["footnote5_branches"] and failed["footnote5_branches"].endswith("failed: No luck.")
    assert not (tmp_path / "footnote5_branches" / "table.md").exists()
    assert (tmp_path / "table3_gating_something" / "table.md").exists()


def test_a_defect_of_one_is_named_with_its_place(do, tmp_path, capsys):
    class Defect(Stub):
        def __call__(self, name, *arguments):
            if "temporal_branches" in name:
                raise KeyError("nowhere")
            return super().__call__(name, *arguments)

    assert do(Defect(), ("footnote5_branches", "table3_gating_something")) == {"footnote5_branches": "'nowhere'"}
    captured = capsys.readouterr()
    assert "footnote5_branches failed: 'nowhere'" in captured.out and 'raise KeyError("nowhere")' in captured.err
    assert (tmp_path / "table3_gating_something" / "table.md").exists()


def test_every_experiment_loads_under_its_own_name():
    assert [contents.load(name).name for name in contents.NAMES] == list(contents.NAMES)


def test_drawing_alone_makes_the_report_and_names_what_is_missing(run_script, tmp_path):
    lines = [line("motion", name, seed, 0.9) for name in ("two", "four") for seed in (0, 1)]
    (tmp_path / "footnote5_branches").mkdir()
    write_lines(tmp_path / "footnote5_branches", lines, dict(motion="moves"))
    flags = ["--draw_only", f"--output_dir={tmp_path}"]
    done = run_script(BINARY, *flags, "--only=table1_arrow_of_time,footnote5_branches")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stdout.startswith("table1_arrow_of_time failed: Cannot read ")
    assert done.stdout.endswith(f"{tmp_path / 'report.html'}\n") and (tmp_path / "report.html").exists()
    assert run_script(BINARY, *flags, "--only=footnote5_branches").returncode == 0


def stop_while_it_plans():
    from experiments import command

    command.make_scale = lambda *_: os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_ends_it_with_a_sentence(run_script, tmp_path):
    done = run_script(BINARY, f"--output_dir={tmp_path}", before=stop_while_it_plans)
    assert (done.returncode, done.stdout) == (130, f"{run_all.GO_ON}\n")


def test_an_unknown_experiment_is_one_sentence(run_script, tmp_path):
    done = run_script(BINARY, "--only=table9", f"--output_dir={tmp_path}")
    assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].endswith("Received: 'table9'")
