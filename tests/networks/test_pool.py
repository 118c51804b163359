"""The max-pool against Keras' own, and its gradient against a closed form that Keras' own does not meet."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.networks.pool import SpatioTemporalMaxPool

CASES = [
    ((1, 3, 3), (1, 2, 2), "same"),
    ((3, 3, 3), (2, 2, 2), "same"),
    ((3, 3, 3), (2, 2, 2), "valid"),
    ((2, 2, 2), (2, 2, 2), "same"),
    ((3, 3, 3), (1, 1, 1), "same"),
    ((1, 3, 3), (1, 1, 1), "valid"),
]


@pytest.mark.parametrize(("kernel", "strides", "padding"), CASES)
@pytest.mark.parametrize("size", [(8, 7, 6), (9, 8, 8), (3, 5, 3)])
@pytest.mark.parametrize("static", [True, False])
def test_it_is_keras_max_pooling(kernel, strides, padding, size, static):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32") - 5  # padding with zeros would be seen
    ours, theirs = SpatioTemporalMaxPool(kernel, strides, padding), keras.layers.MaxPooling3D(kernel, strides, padding)
    shape = x.shape if static else (None, None, None, None, 3)
    pool = tf.function(ours, input_signature=[tf.TensorSpec(shape)])
    np.testing.assert_array_equal(pool(x), theirs(x))
    assert ours.compute_output_shape(x.shape) == theirs.compute_output_shape(x.shape)


@pytest.mark.parametrize(("kernel", "strides", "padding"), CASES)
@pytest.mark.parametrize("graph", [True, False])
def test_the_gradient_of_a_window_goes_to_one_of_its_maxima(kernel, strides, padding, graph):
    x = tf.constant(np.random.default_rng(0).integers(0, 3, (2, 8, 6, 6, 2)).astype("float32"))  # many equal maxima
    pool = SpatioTemporalMaxPool(kernel, strides, padding)

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = pool(x)
        return tape.gradient(y, x), y

    found, y = tf.function(gradient)() if graph else gradient()
    assert float(tf.reduce_sum(found)) == int(tf.size(y))  # one a window
    np.testing.assert_array_equal(tf.reduce_sum(found * x), tf.reduce_sum(y))  # and all of them at maxima
