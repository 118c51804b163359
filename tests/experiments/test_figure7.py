"""Activations, their maps and the numbers beside them."""

import json

import keras
import numpy as np
import pytest

from experiments import activations, experiment, figure7_tsne, tsne
from experiments.figure7_tsne import DEPTHS, LEVEL, NETWORKS
from s3d_tf.data.pipeline import evaluation_batches
from s3d_tf.data.split import open_split
from s3d_tf.files import write_json
from s3d_tf.networks import build_model, endpoints
from s3d_tf.weights import Preprocessing
from s3d_tf.weights.own import attach

ABOVE = ["MaxPool_3a_3x3", "Mixed_5c"]


def test_activations_are_the_means_of_every_video_whatever_the_batch(motion_records):
    keras.utils.set_random_seed(0)
    model = build_model("i3d", 4, width=0.1, norm_momentum=0.0)
    model(np.random.default_rng(2).uniform(-1, 1, (2, 8, 32, 32, 3)), training=True)
    attach(model, Preprocessing(resize=(40, 40), crop=32))
    split = open_split(motion_records, "val")
    found = activations.pooled(model, split, ABOVE, at_least=16, batch_size=4)  # of ten: the last batch is filled up
    alone = list(evaluation_batches(split, at_least=16, crop=32, batch_size=1))
    assert found["labels"].tolist() == [int(batch["label"][0]) for batch in alone] and len(alone) == 10
    for place in (0, 9):
        clip = alone[place]["clip"].numpy().astype(np.float32) / 127.5 - 1
        expected = endpoints(model, ABOVE)(clip, training=False)
        for name in ABOVE:
            by_hand = expected[name].numpy().mean((0, 1, 2, 3))
            assert by_hand.std() > 0.01
            np.testing.assert_allclose(found[name][place], by_hand, rtol=1e-4, atol=1e-3)


def test_the_classes_of_most_videos_are_shown():
    labels = np.array([5, 1, 1, 7, 5, 1, 7, 2])
    shown, rows = tsne.choose(labels, classes=2, per_class=2)
    assert shown.tolist() == [1, 5] and rows.tolist() == [0, 1, 2, 4]
    assert tsne.choose(labels, 10, 100)[1].tolist() == list(range(8))


def test_numbers_beside_a_map():
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    apart = labels[:, None] * 100 + random.normal(size=(40, 3))
    found = tsne.describe(apart, labels)
    assert found["neighbours"] == 1 and found["silhouette_features"] > 0.95 and found["silhouette"] > 0.5
    assert np.shape(found["points"]) == (40, 2)
    assert tsne.describe(apart, labels) == found
    mixed = tsne.describe(random.normal(size=(40, 3)), labels)
    assert mixed["silhouette"] < 0.15 and mixed["neighbours"] < 0.8
    # Two heaps of two points, 10 apart: the nearest is of the class for the first heap, of the other for none.
    line = np.array([[0.0], [1.0], [10.0], [11.0]])
    assert tsne.describe(line, np.array([0, 0, 1, 2]))["neighbours"] == 0.5
    assert tsne.describe(np.eye(2), np.array([0, 1]))["silhouette"] is None


def test_the_figure_and_the_claims_follow_from_the_lines(tmp_path):
    def numbers(silhouette):
        points = [[float(i), float(i % 3)] for i in range(6)]
        return dict(points=points, silhouette=silhouette, silhouette_features=silhouette, neighbours=silhouette)

    at_level = dict(zip(NETWORKS, (0.2, 0.4, 0.6, 0.7), strict=True))
    deep = {endpoint: numbers(0.1 + 0.2 * place) for place, endpoint in enumerate(DEPTHS)}
    lines = [
        dict(name=network, part=network, seconds=1.0, forwards=dict(top1=0.9))
        | dict(tsne=dict(classes=["up", "down"], labels=[0, 1] * 3, maps={LEVEL: numbers(value)}))
        for network, value in at_level.items()
    ]
    lines[-1]["tsne"]["maps"] = deep
    scale = dict(name="mini", dry_run=False, seeds=[0, 1, 2], titles={})
    write_json(tmp_path / "config.json", dict(experiment="x", title="A title", scale=scale, versions={}))
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    paths = experiment.finish(figure7_tsne.EXPERIMENT, tmp_path)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert "| (b) I2D | Max5a | MaxPool_5a_2x2 | 0.20 | 0.20 | 20.0 | 90.0 |" in (tmp_path / "table.md").read_text()
    result = json.loads((tmp_path / "result.json").read_text())
    assert len(result["panels"]) == 9 and [claim["holds"] for claim in result["claims"]] == [True, True, True]
    lines[0]["tsne"]["labels"] = [1, 0] * 3
    with pytest.raises(ValueError, match="not shown the same videos"):
        figure7_tsne.EXPERIMENT.summarise(lines)
