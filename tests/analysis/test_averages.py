import json

import pytest

from s3d_tf.analysis.averages import average, read_evaluations

PROTOCOL = dict(frames="all", crop="centre 224x224")


def evaluation(top1, **changes):
    found = dict(top1=top1, top5=0.9, num_videos=10, damaged=[], chance=0.5, network="s3d", protocol=PROTOCOL)
    return found | changes


def test_mean_and_deviation_by_hand():
    result = average({"a": evaluation(0.5), "b": evaluation(0.6), "c": evaluation(0.7)})
    assert result["top1"]["mean"] == pytest.approx(0.6)
    assert result["top1"]["std"] == pytest.approx(0.1)  # sqrt((0.01 + 0 + 0.01) / 2)
    assert result["top5"] == dict(mean=pytest.approx(0.9), std=pytest.approx(0, abs=1e-9), values=[0.9] * 3)
    assert (result["num_videos"], result["evaluations"], result["damaged"]) == ([10] * 3, ["a", "b", "c"], 0)


def test_streams_are_averaged_beside_their_sum():
    rows = {
        n: evaluation(n / 10, streams=dict(rgb=dict(top1=n / 20, top5=1), flow=dict(top1=0, top5=1))) for n in (2, 4)
    }
    result = average({str(n): row for n, row in rows.items()})
    assert result["top1"]["mean"] == pytest.approx(0.3)
    assert result["streams"]["rgb"]["top1"]["mean"] == pytest.approx(0.15)
    assert result["streams"]["flow"]["top1"]["values"] == [0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            dict(protocol=PROTOCOL | dict(crop="centre 112x112")),
            r"in crop \('centre 224x224' and 'centre 112x112'\)$",
        ),
        (dict(protocol=PROTOCOL | dict(streams="flow")), r"differ in streams \(None and 'flow'\)"),
        (dict(chance=0.25, network="i3d"), r"differ in network \('s3d' and 'i3d'\), chance \(0.5 and 0.25\)"),
        (dict(per_class=[dict(name="x")]), "differ in the lists of classes"),
        (dict(top1="high"), "no evaluation that .* wrote. Received: b"),
        (dict(top1=float("nan")), "no evaluation that .* wrote. Received: b"),
    ],
)
def test_what_was_measured_otherwise_has_no_mean(changes, message):
    first = evaluation(0.5, per_class=[dict(name="y")])
    with pytest.raises(ValueError, match=message):
        average({"a": first, "b": evaluation(0.5) | changes})


def test_one_file_is_named_once_and_two_at_least(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(evaluation(0.5)))
    with pytest.raises(ValueError, match="Name each evaluation once"):
        read_evaluations([str(path), f"{tmp_path}/../{tmp_path.name}/a.json"])
    with pytest.raises(ValueError, match=r"two splits at least\. Received: .*a\.json"):
        average(read_evaluations([str(path)]))
