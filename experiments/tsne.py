"""t-SNE of activations, and how well they tell the classes apart; scikit-learn is imported when one is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from s3d_tf.data.split import open_split

from . import activations
from .part import Part

PERPLEXITY = 30.0
SEED = 0


def of_part(part: Part, path: Path, endpoints: Sequence[str], classes: int, per_class: int) -> dict:
    """Of a trained part, for a `Derivation`.

    Args:
        endpoints: whose activations.
        classes: how many classes are shown: those of most videos, at equal numbers the lower ids.
        per_class: most videos of each, the first ones.

    Returns:
        `classes`, the names; `labels`, of each point its place among them; `maps`: what `describe` says of each
        endpoint; `versions`.

    Raises:
        ValueError: scikit-learn is not installed.
    """
    sklearn = _sklearn()
    found = activations.kept(part, path.with_suffix(".npz"), endpoints)
    labels = found[activations.LABELS]
    shown, rows = choose(labels, classes, per_class)
    places = np.searchsorted(shown, labels[rows])
    names = open_split(part.records, part.split).classes
    return dict(
        classes=[names[label] for label in shown],
        labels=places.tolist(),
        maps={endpoint: describe(found[endpoint][rows], places) for endpoint in endpoints},
        versions={"scikit-learn": sklearn.__version__},
    )


def choose(labels: np.ndarray, classes: int, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the classes that are shown, rising, and the indices of their videos, rising."""
    ids, counts = np.unique(labels, return_counts=True)
    shown = np.sort(ids[np.argsort(-counts, kind="stable")[:classes]])
    return shown, np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in shown]))


def describe(features: np.ndarray, labels: np.ndarray) -> dict:
    """A map of features, and numbers of how far the classes lie apart.

    Args:
        features: `[N, C]`, two rows or more.
        labels: `[N]` whole numbers.

    Returns:
        `points` `[[x, y], ...]`; `silhouette` of the classes on the map and `silhouette_features` among the features
        themselves, in [-1, 1] (None unless there are two classes or more, and fewer than points); `neighbours`,
        the share of rows whose nearest other row among the features is of their class.
    """
    sklearn = _sklearn()
    points = sklearn.manifold.TSNE(
        perplexity=min(PERPLEXITY, (len(features) - 1) / 3), init="random", random_state=SEED
    ).fit_transform(features)
    distances = sklearn.metrics.pairwise_distances(features)
    np.fill_diagonal(distances, np.inf)
    neighbours = (labels[distances.argmin(axis=1)] == labels).mean()
    return dict(
        points=points.astype(float).round(2).tolist(),
        silhouette=_silhouette(points, labels),
        silhouette_features=_silhouette(features, labels),
        neighbours=float(neighbours),
    )


def _silhouette(rows: np.ndarray, labels: np.ndarray) -> float | None:
    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    return float(_sklearn().metrics.silhouette_score(rows, labels))


def _sklearn():
    """scikit-learn with the modules that are used.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import sklearn.manifold
        import sklearn.metrics
    except ImportError as error:
        raise ValueError(f"t-SNE needs scikit-learn: pip install -e '.[plots]'. Received: {error}") from None
    return sklearn
