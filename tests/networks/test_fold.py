"""A network without its batch norms computes what it did with them."""

import keras
import numpy as np
import pytest

from s3d_tf.networks import CONVENTIONS, build_model, endpoints, fold_norms
from s3d_tf.networks.fold import leaves


def trained(name="s3d_g", **options):
    """With statistics, betas and gammas that are none of those at the start."""
    keras.utils.set_random_seed(0)
    model = build_model(name, 5, width=0.1, **options)
    random = np.random.default_rng(0)
    for leaf in leaves(model):
        if isinstance(leaf, keras.layers.BatchNormalization):
            shape = leaf.beta.shape
            leaf.moving_mean.assign(random.normal(0, 0.1, shape))
            leaf.moving_variance.assign(random.uniform(1e-3, 0.02, shape))
            leaf.beta.assign(random.normal(0, 0.3, shape))
            if leaf.scale:
                leaf.gamma.assign(random.uniform(0.5, 2, shape))
    return model


@pytest.mark.parametrize(
    ("name", "convention"), [("s3d_g", "paper"), ("i3d", "paper"), *(("s3d", c) for c in CONVENTIONS if c != "paper")]
)
def test_a_folded_network_gives_the_same_numbers(name, convention):
    model = trained(name, convention=convention)
    folded = fold_norms(model)
    clip = np.random.default_rng(1).uniform(-1, 1, (2, 9, 48, 40, 3)).astype("float32")
    taps = ["Conv2d_1a_7x7", "Mixed_4b", "Mixed_5c", "Logits"]
    expected, found = (endpoints(m, taps)(clip, training=False) for m in (model, folded))
    for tap in taps:
        size = np.abs(expected[tap]).max()
        assert size > 0.01, tap
        np.testing.assert_allclose(found[tap], expected[tap], atol=2e-5 * size, err_msg=tap)
    assert not any(isinstance(leaf, keras.layers.BatchNormalization) for leaf in leaves(folded))
    assert [layer.name for layer in folded.layers] == [layer.name for layer in model.layers]


def test_only_convs_with_a_norm_have_changed():
    """Temporal convs of the paper's S3D have a bias of their own: they stay bit for bit."""
    model = trained("s3d")
    folded = fold_norms(model)
    for unit, kept in (("temporal", True), ("spatial", False)):
        before, after = (
            m.get_layer("Conv2d_2c_3x3").branches[0][("spatial", "temporal").index(unit)].branches[0][0]
            for m in (model, folded)
        )
        assert np.array_equal(before.kernel, after.kernel) == kept


def test_a_network_of_another_maker_is_refused():
    inputs = keras.Input((8, 32, 32, 3))
    with pytest.raises(ValueError, match=r"Only a network of build_model.*Received: mine"):
        fold_norms(keras.Model(inputs, keras.layers.Flatten()(inputs), name="mine"))
