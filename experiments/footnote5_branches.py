"""Footnote 5: temporal convs on the two branches of S3D that have 3x3 convs, or on all four.

    python experiments/footnote5_branches.py --output_dir=results/mini/footnote5_branches

6 trainings on the embedded motion set, of which Table 3 has three; about 6 minutes on two cores. Expected: both
>= 90 %, which differ by little more than their spread; full-size costs 8.30 M, 64.18 G with two branches and 9.69 M,
68.18 G with four, exactly.

    python experiments/footnote5_branches.py --scale=paper --data_dirs=mini_kinetics=DIR

The paper, Mini-Kinetics-200, top-1: two branches 78.4, four branches 78.9.
"""

import functools

from experiments import command, comparison, paper
from experiments.comparison import Candidate
from experiments.experiment import Experiment
from experiments.scale import Data

DATA = (Data("eight_motions", "mini_kinetics"),)
NETWORKS = {
    "two": Candidate("S3D, two branches", "s3d", ("temporal_branches=1+2",), paper=(paper.FOOTNOTE5["two"], None)),
    "four": Candidate("S3D, four branches", "s3d", paper=(paper.FOOTNOTE5["four"], None)),
}

EXPERIMENT = Experiment(
    "footnote5_branches",
    "Footnote 5: temporal convs on two or four branches",
    DATA,
    functools.partial(comparison.plan, data=DATA, candidates=NETWORKS),
    functools.partial(comparison.summarise, candidates=NETWORKS),
    comparison.draw,
    with_costs=True,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
