import keras
import pytest

from s3d_tf.networks import build_model, cost


@pytest.mark.parametrize(
    ("name", "arguments", "params", "multiply_adds"),
    [  # at 64x224x224 and 400 classes
        ("i2d", {}, 6.00, 36.89),
        ("i3d", {}, 12.69, 111.15),
        ("s3d", {}, 9.69, 68.18),
        ("s3d", dict(temporal_branches=(1, 2)), 8.30, 64.18),
        ("s3d", dict(convention="torchvision"), 8.32, 71.92),
        ("s3d_g", {}, 10.90, 68.28),
        ("fast_s3d", {}, 7.61, 45.07),
    ],
)
def test_the_reference_table(name, arguments, params, multiply_adds):
    total = cost.total(build_model(name, **arguments))
    assert (round(total.params / 1e6, 2), round(total.multiply_adds / 1e9, 2)) == (params, multiply_adds)


def test_torchvision_has_8320048_parameters_and_17_98_g_at_16_frames():
    total = cost.total(build_model("s3d", convention="torchvision"), num_frames=16)
    assert total.params == 8_320_048
    assert round(total.multiply_adds / 1e9, 2) == 17.98


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("i3d", {}), ("s3d_g", {}), ("s3d", dict(convention="torchvision")), ("s3d_g", dict(convention="milnce"))],
)
def test_costs_equal_tensorflows_profiler(name, arguments):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("another Keras backend")
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = build_model(name, 10, width=0.25, **arguments)
    function = tf.function(lambda x: model(x, training=False))
    graph = convert_variables_to_constants_v2(
        function.get_concrete_function(tf.TensorSpec((1, 16, 64, 64, 3), tf.float32))
    ).graph
    with graph.as_default():
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options.update(output="none", account_type_regexes=["Conv3D"])
        flops = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    convs = [c for c in cost.layer_costs(model, 16, 64) if not c.name.endswith("gate")]
    assert flops / 2 == sum(c.multiply_adds for c in convs)


def test_parameters_are_kerass_and_a_gate_counts_mean_matrix_and_product():
    model = build_model("s3d_g", 10, width=0.25)
    costs = cost.layer_costs(model, 16, 64)
    assert sum(c.params for c in costs) == sum(keras.ops.size(w) for w in model.trainable_weights)
    (gate,) = (c for c in costs if c.name == "Conv2d_2c_3x3/gate")
    assert gate.output_shape == (8, 16, 16, 48)
    assert gate.multiply_adds == 48 * 48 + 2 * 8 * 16 * 16 * 48
