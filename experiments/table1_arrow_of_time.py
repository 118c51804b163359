"""Table 1: I3D and I2D on videos as they are and played backwards.

    python experiments/table1_arrow_of_time.py --output_dir=results/mini/table1_arrow_of_time

12 trainings, about 12 minutes on two cores. Expected: on the appearance set the same forwards and backwards
within 3 points for both networks; on four directions of motion I3D >= 90 % forwards and <= 10 % backwards, and I2D
within 10 points of the chance of 25 % both ways. A 2D network sees frames and not their order; backwards, a drift to
the left is one to the right.

    python experiments/table1_arrow_of_time.py --scale=paper --data_dirs=kinetics=DIR,something_something=DIR

The paper, top-1:    Kinetics-Full normal / reversed    Something-something normal / reversed
    I3D                        71.1 / 71.1                          45.8 / 15.2
    I2D                        67.0 / 67.2                          34.4 / 35.2
"""

from experiments import command, paper, spread, tables
from experiments.experiment import Entry, Experiment
from experiments.part import BACKWARDS, FORWARDS
from experiments.scale import Data, Scale

DATA = (Data("appearance", "kinetics"), Data("motion", "something_something"))
NETWORKS = {"i3d": "I3D", "i2d": "I2D"}
DIRECTIONS = (FORWARDS, BACKWARDS)


def plan(scale: Scale) -> list[Entry]:
    """Each network on each set, three seeds, shown forwards and backwards."""
    return [
        Entry(scale.key(data), network, scale.part(data, network, seed), DIRECTIONS)
        for data in DATA
        for network in NETWORKS
        for seed in scale.seeds
    ]


def summarise(lines: list[dict]) -> dict:
    """`rows`: network, data set, the spread of top-1 of each direction, and the paper's."""
    rows = []
    for data in dict.fromkeys(line["data"] for line in lines):
        found = {direction: spread.by_network(lines, data, direction) for direction in DIRECTIONS}
        chance = next(line[FORWARDS]["chance"] for line in lines if line["data"] == data)
        for network in NETWORKS:
            rows.append(
                dict(
                    network=network,
                    data=data,
                    papers_data=_papers(data),
                    chance=chance,
                    **{direction: found[direction][network] for direction in DIRECTIONS},
                    paper=dict(zip(DIRECTIONS, paper.TABLE1[network][_papers(data)], strict=True)),
                )
            )
    return dict(rows=rows)


def draw(result: dict) -> dict[str, bytes]:
    """`table.md`: a row a network and data set."""
    titles = result["scale"]["titles"]
    heads = ["network", "data", "normal", "reversed", "chance", "paper's data", "paper: normal", "paper: reversed"]
    rows = [
        [NETWORKS[row["network"]], titles[row["data"]], *(tables.percent(row[each]) for each in DIRECTIONS)]
        + [f"{row['chance'] * 100:.1f}", row["papers_data"].replace("_", "-").capitalize()]
        + [tables.number(row["paper"][each]) for each in DIRECTIONS]
        for row in result["rows"]
    ]
    return {"table.md": tables.page(result, tables.markdown(heads, rows))}


def _papers(data: str) -> str:
    """The paper's set for which one stands."""
    return next(each.paper for each in DATA if data in each)


EXPERIMENT = Experiment("table1_arrow_of_time", "Table 1: the arrow of time", DATA, plan, summarise, draw)

if __name__ == "__main__":
    command.main(EXPERIMENT)
