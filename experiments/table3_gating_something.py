"""Table 3: I2D, I3D, S3D and S3D-G on Something-something: accuracy, and costs beside it.

    python experiments/table3_gating_something.py --output_dir=results/mini/table3_gating_something

12 trainings on eight embedded motions, of which Figure 4, section 4.6 and footnote 5 have some; about 9 minutes on two
cores. Expected: I2D within 10 points of the chance of 12.5 %, the means of the others between 75 and 90 %, one seed of
which may be far below (deviations of up to 28 points); full-size costs, exactly: I2D 6.00 M, 36.89 G; I3D 12.69 M,
111.15 G; S3D 9.69 M, 68.18 G; S3D-G 10.90 M, 68.28 G.

    python experiments/table3_gating_something.py --scale=paper --data_dirs=something_something=DIR

The paper, validation:   top-1  top-5
    I2D                   34.4   69.0
    I3D                   45.8   76.5
    S3D                   47.3   78.1
    S3D-G                 48.2   78.7
"""

import functools

from experiments import command, comparison, paper
from experiments.claims import About
from experiments.comparison import Candidate, Order
from experiments.experiment import Experiment
from experiments.scale import Data

DATA = (Data("eight_motions", "something_something"),)
NETWORKS = {
    "i2d": Candidate("I2D", "i2d", paper=paper.TABLE3["i2d"]),
    "i3d": Candidate("I3D", "i3d", paper=paper.TABLE3["i3d"], costs=paper.COSTS["i3d"]),
    "s3d": Candidate("S3D", "s3d", paper=paper.TABLE3["s3d"], costs=paper.COSTS["s3d"]),
    "s3d_g": Candidate("S3D-G", "s3d_g", paper=paper.TABLE3["s3d_g"], costs=paper.COSTS["s3d_g"]),
}

ORDERS = (Order("i3d", "i2d", strictly=True), Order("s3d", "i3d"), Order("s3d_g", "s3d"))
ABOUT = About(
    question="The networks of Table 2 on Something-something, whose classes are movements of the hand, such as moving "
    "something up or down, and beside them I2D, which sees frames and not their order. The paper: I2D is 11 points "
    "below I3D; S3D is 1.5 points above I3D, S3D-G 0.9 above S3D.",
    shows="Whether networks with convs over time are above the one without on a set whose classes are motions, and "
    "whether the cheaper S3D and the gates keep up with I3D.",
    leaves_open="By how much they differ on real videos: drawn textures drift, turn and zoom here, which is far "
    "easier than hands and objects, and no single frame tells anything of it.",
)

EXPERIMENT = Experiment(
    "table3_gating_something",
    "Table 3: separable convs and gates, Something-something",
    DATA,
    functools.partial(comparison.plan, data=DATA, candidates=NETWORKS),
    functools.partial(comparison.summarise, candidates=NETWORKS),
    comparison.draw,
    with_costs=True,
    about=ABOUT,
    claims=functools.partial(comparison.claims, orders=ORDERS),
)

if __name__ == "__main__":
    command.main(EXPERIMENT)
