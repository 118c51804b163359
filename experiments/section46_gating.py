"""Section 4.6: what the gates of S3D-G average over, and where they sit.

    python experiments/section46_gating.py --output_dir=results/mini/section46_gating

18 trainings on eight embedded motions, of which Table 3 has six; about 13 minutes on two cores. Expected: all of them
far above the chance of 12.5 %, with differences about as large as the spread over seeds; the costs are exact.

    python experiments/section46_gating.py --scale=paper --data_dirs=kinetics=DIR

The paper gives no table: pooling over space and time is better than over space or time alone, and the gate is best
straight after each temporal conv. The authors' code has it at the end of each unit: that is another place only where
some branches have no temporal conv, as in their code, so the place is compared between networks of two such branches.
"""

import functools

from experiments import command, comparison
from experiments.claims import About
from experiments.comparison import Candidate, Order
from experiments.experiment import Experiment
from experiments.scale import Data

DATA = (Data("eight_motions", "kinetics"),)
_TWO = ("temporal_branches=1+2",)
NETWORKS = {
    "none": Candidate("S3D, no gates", "s3d"),
    "space_time": Candidate("S3D-G, pooling over space and time", "s3d_g"),
    "space": Candidate("S3D-G, pooling over space", "s3d_g", ("gate_pool=space",)),
    "time": Candidate("S3D-G, pooling over time", "s3d_g", ("gate_pool=time",)),
    "after": Candidate("S3D-G, two branches, gates after temporal convs", "s3d_g", _TWO),
    "unit_end": Candidate("S3D-G, two branches, gates at each unit's end", "s3d_g", (*_TWO, "gate_place=unit_end")),
}

ORDERS = (
    Order("space_time", "space"),
    Order("space_time", "time"),
    Order("after", "unit_end"),
    Order("space_time", "none"),
)
ABOUT = About(
    question="A gate multiplies each channel by a number between 0 and 1 that follows from the channel's mean. Should "
    "that mean be over space, over time, or over both, and where in the network should the gates sit? The paper, in "
    "words: over both, and straight after each temporal conv.",
    shows="Whether the paper's choice is at least as good as each other one on small videos whose class is a motion, "
    "within the spread over seeds.",
    leaves_open="Which is best: the paper saw it on Kinetics, where a whole video's content helps to tell its class. "
    "Here the class is a motion and nothing else.",
)

EXPERIMENT = Experiment(
    "section46_gating",
    "Section 4.6: what a gate averages over, and where it sits",
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
