"""Rounds in turn, ratios within a round, and peers that answer, refuse or die."""

import sys

import pytest

from s3d_tf.analysis import ceilings, peer_openvino, peer_torch, speed, timing
from s3d_tf.networks import build_model, cost

ANSWERS = """
import json, sys
print(json.dumps(dict(versions=dict(echo="1.0"), runs=["two", "three"])), flush=True)
for line in sys.stdin:
    print(dict(two=2.0, three=3.0)[line.strip()], flush=True)
"""


def test_everything_runs_in_turn_and_the_first_round_does_not_count():
    order = []
    ticks = iter(range(6))

    def run(name):
        order.append(name)
        return next(ticks)

    seconds = timing.interleave({"a": lambda: run("a"), "b": lambda: run("b")}, 2)
    assert order == ["a", "b"] * 3
    assert seconds == {"a": [2, 4], "b": [3, 5]}


def test_a_ratio_is_of_one_round():
    seconds = {"a": [2.0, 20.0, 9.0], "b": [1.0, 10.0, 1.0]}  # the machine was busy in the second round
    assert timing.ratio(seconds, "a", "b") == 2


def test_a_short_run_is_repeated_and_a_long_one_is_not():
    ticks = iter([0.25, 0.5, 0.75, 9.0])
    run = timing.repeated(lambda: next(ticks), 1.5)
    assert run() == 0.5
    assert run() == 9.0


def test_peers_answer_or_are_missing():
    commands = dict(
        echo=[sys.executable, "-c", ANSWERS],
        dead=[sys.executable, "-c", "raise SystemExit('no luck')"],
        none=["/no/such/python"],
        torch=[sys.executable, "-S", peer_torch.__file__, '{"threads": 1, "part": "forward", "clip": [1, 8, 32, 32]}'],
        openvino=[sys.executable, "-S", peer_openvino.__file__, '{"threads": 1, "models": {}, "clip": [1, 8, 32, 32]}'],
    )
    with timing.peers(commands) as (peers, missing):
        assert list(peers) == ["echo"]
        assert {name: run() for name, run in peers["echo"].runs.items()} == {"two": 2.0, "three": 3.0}
        assert peers["echo"].versions == {"echo": "1.0"}
    assert "no luck" in missing["dead"]
    assert "/no/such/python" in missing["none"]
    assert missing["torch"].startswith("torchvision is not installed")  # -S: no site-packages
    assert missing["openvino"].startswith("openvino is not installed")


def test_a_peer_gets_its_environment():
    code = "import json, os; print(json.dumps(dict(versions=dict(a=os.environ['TF_ENABLE_ONEDNN_OPTS']), runs=[])))"
    for setting in "01":
        peer = timing.Peer([sys.executable, "-c", code], dict(TF_ENABLE_ONEDNN_OPTS=setting))
        peer.close()
        assert peer.greeting == dict(versions=dict(a=setting), runs=[])


def test_the_convs_are_the_networks_and_cost_as_much():
    model = build_model("s3d", width=0.1)
    works, labels = ceilings.convs(model, (2, 8, 32, 32))
    head = cost.layer_costs(model, 8, 32)
    assert len(labels) == sum(c.multiply_adds > 0 for c in head)
    assert sum(works[label].multiply_adds for label in labels) == 2 * sum(c.multiply_adds for c in head)
    assert min(work.run() for work in works.values()) > 0


def test_the_summary_of_known_seconds():
    measured = dict(
        seconds={"s3d": [2.0, 4.0, 2.0], "matmul 1": [1.0, 1.0, 1.0], "conv a": [0.5] * 3, "conv b": [1.0] * 3},
        multiply_adds={"s3d": 20, "matmul 1": 40, "conv a": 10, "conv b": 5},
        convs=["conv a", "conv b", "conv b"],
    )
    found = speed.summary(measured)
    assert (found["medians"]["s3d"], found["rates"]["s3d"]) == (2.0, 10)
    assert found["ceilings"] == {"matmul": 40, "Conv3D": 20, "convs": 8}  # 20 in 2.5 s
    assert found["fastest"] == {"matmul": "matmul 1", "conv": "conv a"}


@pytest.mark.parametrize("repeats", [0, -1])
def test_no_repeats(repeats):
    with pytest.raises(ValueError, match=f"Received: {repeats}"):
        timing.interleave({}, repeats)
