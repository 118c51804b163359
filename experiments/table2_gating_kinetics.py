"""Table 2: I3D, S3D and S3D-G on Kinetics: accuracy, parameters, multiply-adds.

    python experiments/table2_gating_kinetics.py --output_dir=results/mini/table2_gating_kinetics

9 trainings on the embedded appearance set, of which Table 1 and Figure 4 have some; about 9 minutes on two cores.
Expected: the full-size costs I3D 12.69 M, 111.15 G; S3D 9.69 M, 68.18 G; S3D-G 10.90 M, 68.28 G, exactly; accuracies
that are close to each other, since the set is told by single frames.

    python experiments/table2_gating_kinetics.py --scale=paper --data_dirs=kinetics=DIR

The paper:   top-1  top-5  params M  GFLOPS
    I3D       71.1   89.3     12.06  107.89
    S3D       72.2   90.6      8.77   66.38
    S3D-G     74.7   93.4     11.56   71.38
"""

import functools

from experiments import command, comparison, paper
from experiments.comparison import Candidate
from experiments.experiment import Experiment
from experiments.scale import Data

DATA = (Data("appearance", "kinetics"),)
NETWORKS = {
    "i3d": Candidate("I3D", "i3d", paper=paper.TABLE2["i3d"], costs=paper.COSTS["i3d"]),
    "s3d": Candidate("S3D", "s3d", paper=paper.TABLE2["s3d"], costs=paper.COSTS["s3d"]),
    "s3d_g": Candidate("S3D-G", "s3d_g", paper=paper.TABLE2["s3d_g"], costs=paper.COSTS["s3d_g"]),
}

EXPERIMENT = Experiment(
    "table2_gating_kinetics",
    "Table 2: separable convs and gates, Kinetics",
    DATA,
    functools.partial(comparison.plan, data=DATA, candidates=NETWORKS),
    functools.partial(comparison.summarise, candidates=NETWORKS),
    comparison.draw,
    with_costs=True,
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
