"""All experiments one after the other, and their report.

    python experiments/run_all.py --scale=mini

Writes results/mini/NAME/ for each and results/mini/report.html. Parts that experiments share are measured once; what is
there already is not measured again, so the same command goes on after a kill. With Ctrl-C or SIGTERM the network that
is being trained is saved. An experiment that fails is named, the others are done, and the exit status is 1.

    python experiments/run_all.py --scale=paper --dry_run
    python experiments/run_all.py --only=table1_arrow_of_time,figure4_tradeoff

The flags of scale, data, seeds and steps are those of each experiment (README.md).
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags
from tqdm import tqdm

from experiments import command, contents, report
from experiments.children import Children
from experiments.experiment import Experiment, finish, run
from experiments.scale import Scale
from experiments.work import Entry, Shared, Work
from s3d_tf import cli

FAILURES = (ValueError, OSError, FloatingPointError, ImportError)  # which a user can mend
GO_ON = "stopped; the same command goes on from here"


class Planned(NamedTuple):
    """An experiment that can begin."""

    experiment: Experiment
    scale: Scale
    entries: list[Entry]


def main(_) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    names = flags.FLAGS.only or contents.NAMES
    experiments = [contents.load(name) for name in dict.fromkeys(names)]
    results = Path(flags.FLAGS.output_dir or command.results_folder())
    try:
        if flags.FLAGS.draw_only:
            failed = _each(experiments, lambda experiment: finish(experiment, results / experiment.name))
        else:
            shared = Shared(Path(flags.FLAGS.shared_dir or results / "shared"))
            failed = run_all(
                experiments, lambda each: command.make_scale(each, shared), results, shared, Children().call
            )
    except KeyboardInterrupt:
        print(GO_ON)
        return 130
    print(report.write(results, failed))
    return 1 if failed else 0


def run_all(
    experiments: Sequence[Experiment],
    make_scale: Callable[[Experiment], Scale],
    results: Path,
    shared: Shared,
    call: Callable,
) -> dict[str, str]:
    """Does the experiments in their order, with one bar over all their parts.

    Args:
        experiments: see `Experiment`.
        make_scale: what `--scale` means for one of them.
        results: a folder, of which each gets one.
        shared: their parts.
        call: as of `experiment.run`.

    Returns:
        Name -> what went wrong, for those that failed.
    """
    planned: dict[str, Planned] = {}

    def plan(experiment: Experiment) -> None:
        scale = make_scale(experiment)
        planned[experiment.name] = Planned(experiment, scale, experiment.plan(scale))

    failed = _each(experiments, plan)
    entries = [entry for each in planned.values() for entry in each.entries]
    with Work(f"{len(planned)} experiments", entries, shared, call) as work:

        def do(experiment: Experiment) -> None:
            run(experiment, planned[experiment.name].scale, results / experiment.name, shared, call, work)

        return failed | _each([each.experiment for each in planned.values()], do)


def _each(experiments: Sequence[Experiment], do: Callable[[Experiment], object]) -> dict[str, str]:
    """Does something with each; name -> what went wrong, which is told at once."""
    failed = {}
    for experiment in experiments:
        try:
            do(experiment)
        except Exception as error:  # the others need not wait for a defect of this one to be mended
            if not isinstance(error, FAILURES):
                traceback.print_exc()
            failed[experiment.name] = " ".join(str(error).split()) or type(error).__name__
            tqdm.write(f"{experiment.name} failed: {failed[experiment.name]}")
    return failed


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    command.define()
    flags.DEFINE_list("only", [], f"Of {', '.join(contents.NAMES)}; all by default.")
    cli.run(main)
