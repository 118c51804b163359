"""The layers the networks are made of: conv units, separable convs, self-gating, Inception blocks.

All of them take and return `[B, T, H, W, C]` floats. A composite layer is a few chains of layers side by side
(`branches`); its call, its build and the cost table all walk that one structure.
"""

from __future__ import annotations

import dataclasses

import keras
from keras import initializers, ops

from .pool import SpatioTemporalMaxPool
from .style import GATE_POOLS, Style, as_style, check

KINDS = ("2d", "3d", "separable")
LAST = dict(data_format="channels_last")  # whatever Keras is configured to


class Branches(keras.Layer):
    """Chains of layers side by side on the same input; their outputs are concatenated over the channels."""

    branches: list[list[keras.Layer]]

    @property
    def all_layers(self) -> list[keras.Layer]:
        """The layers of all branches in one list, in which Keras looks for what it saves.

        Keras 3.12 saves no layers in lists of lists. A later Keras does, but saves a layer where it finds it first, in
        alphabetical order of the attributes: here, so files are the same whichever Keras writes them.
        """
        return [layer for chain in self.branches for layer in chain]

    def build(self, input_shape):
        for chain in self.branches:
            shape = input_shape
            for layer in chain:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        self.built = True

    def call(self, inputs):
        outputs = []
        for chain in self.branches:
            x = inputs
            for layer in chain:
                x = layer(x)
            outputs.append(x)
        return outputs[0] if len(outputs) == 1 else ops.concatenate(outputs, axis=-1)

    def compute_output_shape(self, input_shape):
        channels = 0
        for chain in self.branches:
            shape = input_shape
            for layer in chain:
                shape = layer.compute_output_shape(shape)
            channels += shape[-1]
        return (*shape[:-1], channels)


class Branch(Branches):
    """One chain with a name of its own, so that variables are called `Mixed_3b/Branch_0/...`."""

    def __init__(self, chain: list[keras.Layer], **kwargs):
        super().__init__(**kwargs)
        self.branches = [chain]


@keras.saving.register_keras_serializable("s3d_tf")
class ConvUnit(Branches):
    """Conv, then batch norm (or a bias), then ReLU.

    Args:
        filters: channels out.
        kernel: `(frames, rows, columns)`.
        strides: likewise.
        padding: "same" (TensorFlow's, asymmetric at stride 2) or "symmetric" ((k - 1) // 2 zeros on each side).
        norm: batch norm without a conv bias; otherwise a conv bias and no norm.
        identity: start as the identity at the centre tap (temporal convs of the authors' code: the separable net
            starts out equal to the 2D net, "critical for a desired convergence behavior").
        style: see `Style`; a dict of its fields when loaded from a file.
    """

    def __init__(
        self,
        filters: int,
        kernel: tuple[int, int, int] = (1, 1, 1),
        strides: tuple[int, int, int] = (1, 1, 1),
        padding: str = "same",
        norm: bool = True,
        identity: bool = False,
        style: Style | dict | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check("padding", padding, ("same", "symmetric"))
        style = as_style(style)
        self.config = dict(
            filters=filters, kernel=kernel, strides=strides, padding=padding, norm=norm, identity=identity
        )
        self.style = style
        chain: list[keras.Layer] = []
        if padding == "symmetric" and max(kernel) > 1:
            chain.append(keras.layers.ZeroPadding3D(tuple((k - 1) // 2 for k in kernel), name="pad", **LAST))
        chain.append(
            keras.layers.Conv3D(
                filters,
                tuple(kernel),
                strides=tuple(strides),
                padding="valid" if padding == "symmetric" else "same",
                use_bias=not norm,
                kernel_initializer=CentreTapIdentity() if identity else initializers.TruncatedNormal(stddev=0.01),
                dtype=self.dtype_policy,
                name="conv",
                **LAST,
            )
        )
        if norm:
            chain.append(
                keras.layers.BatchNormalization(
                    momentum=style.norm_momentum,
                    epsilon=style.norm_epsilon,
                    scale=style.norm_scale,
                    dtype=self.dtype_policy,
                    name="norm",
                )
            )
        chain.append(keras.layers.ReLU(dtype=self.dtype_policy, name="relu"))
        self.branches = [chain]

    def get_config(self):
        return {**super().get_config(), **self.config, "style": dataclasses.asdict(self.style)}


@keras.saving.register_keras_serializable("s3d_tf")
class SpatioTemporalConv(Branches):
    """A `frames x k x k` conv in one of three kinds: "3d" as it is, "2d" `1 x k x k`, "separable" `1 x k x k` then
    `frames x 1 x 1` (section 4.3), with a gate after it where asked (section 4.6).

    Args:
        filters: channels out.
        kernel: `(frames, rows, columns)`; a separable one with a single frame has no temporal conv.
        strides: likewise; a separable conv spends the temporal stride in its temporal half.
        kind: one of `KINDS`.
        padding: as in `ConvUnit`.
        gated: add a gate (after a conv over several frames only, or always with `gate_place="unit_end"`).
        style: see `Style`.
    """

    def __init__(
        self,
        filters: int,
        kernel: tuple[int, int, int],
        strides: tuple[int, int, int] = (1, 1, 1),
        kind: str = "3d",
        padding: str = "same",
        gated: bool = False,
        style: Style | dict | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check("kind", kind, KINDS)
        self.style = style = as_style(style)
        self.config = dict(filters=filters, kernel=kernel, strides=strides, kind=kind, padding=padding, gated=gated)
        common = dict(padding=padding, style=style, dtype=self.dtype_policy)
        (frames, *spatial), (step, *spatial_steps) = kernel, strides
        temporal = kind == "separable" and frames > 1
        first_frames = frames if kind == "3d" else 1
        first_step = 1 if temporal else step
        spatial_kernel, spatial_step = (first_frames, *spatial), (first_step, *spatial_steps)
        chain = [ConvUnit(filters, spatial_kernel, spatial_step, norm=style.norm, name="spatial", **common)]
        if temporal:
            chain.append(
                ConvUnit(
                    filters,
                    (frames, 1, 1),
                    (step, 1, 1),
                    norm=style.norm and style.temporal_norm,
                    identity=True,
                    name="temporal",
                    **common,
                )
            )
        if gated and (temporal or first_frames > 1 or style.gate_place == "unit_end"):
            chain.append(SelfGating(style.gate_pool, style.gate_bias, dtype=self.dtype_policy, name="gate"))
        self.branches = [chain]

    def get_config(self):
        return {**super().get_config(), **self.config, "style": dataclasses.asdict(self.style)}


@keras.saving.register_keras_serializable("s3d_tf")
class SelfGating(keras.Layer):
    """Spatio-temporal feature gating, `Y = sigmoid(W pool(X) + b) * X` (section 4.6). About 0.5 at the start.

    Args:
        pool: a key of `GATE_POOLS`: what pool() averages over.
        use_bias: whether there is a b.
    """

    def __init__(self, pool: str = "space_time", use_bias: bool = False, **kwargs):
        super().__init__(**kwargs)
        check("gate_pool", pool, tuple(GATE_POOLS))
        self.pool, self.use_bias = pool, use_bias

    def build(self, input_shape):
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(channels, channels), initializer=initializers.TruncatedNormal(stddev=0.01), name="kernel"
        )
        self.bias = self.add_weight(shape=(channels,), initializer="zeros", name="bias") if self.use_bias else None
        self.built = True

    def call(self, inputs):  # [B, T, H, W, C]
        pooled = ops.mean(inputs, axis=GATE_POOLS[self.pool], keepdims=True)  # [B, T or 1, H or 1, W or 1, C]
        transformed = ops.matmul(pooled, self.kernel)
        if self.bias is not None:
            transformed = transformed + self.bias
        return ops.sigmoid(transformed) * inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "pool": self.pool, "use_bias": self.use_bias}


@keras.saving.register_keras_serializable("s3d_tf")
class InceptionBlock(Branches):
    """The Inception block of I3D and S3D (Figure 3): a 1x1, two 1x1 + 3x3 and a max-pool + 1x1 branch.

    Args:
        filters: channels of `(1x1, (1x1, 3x3), (1x1, 3x3), 1x1 after the pool)`.
        kind: "2d", "3d" (the 3x3 convs take 3 frames) or "separable" (the branches named in
            `style.temporal_branches` end in a temporal conv).
        gated: add a gate to every branch that `style.gate_place` says.
        style: see `Style`.
    """

    def __init__(
        self, filters: tuple, kind: str = "3d", gated: bool = False, style: Style | dict | None = None, **kwargs
    ):
        super().__init__(**kwargs)
        check("kind", kind, KINDS)
        self.style = style = as_style(style)
        self.config = dict(filters=filters, kind=kind, gated=gated)
        common = dict(style=style, dtype=self.dtype_policy)
        temporal_branches = style.temporal_branches if kind == "separable" else (1, 2)

        def reduce(channels: int) -> SpatioTemporalConv:
            return SpatioTemporalConv(channels, (1, 1, 1), kind="2d", name="Conv2d_0a_1x1", **common)

        def last(branch: int, channels: int, name: str) -> SpatioTemporalConv:
            frames, size = (3 if branch in temporal_branches else 1), (3 if branch in (1, 2) else 1)
            return SpatioTemporalConv(channels, (frames, size, size), kind=kind, gated=gated, name=name, **common)

        pool_size = (style.flat_pool_frames if kind == "2d" else 3, 3, 3)
        pool = SpatioTemporalMaxPool(pool_size, (1, 1, 1), dtype=self.dtype_policy, name="MaxPool_0a_3x3")
        first, (reduce1, conv1), (reduce2, conv2), after_pool = filters
        chains = (
            [last(0, first, "Conv2d_0a_1x1")],
            [reduce(reduce1), last(1, conv1, "Conv2d_0b_3x3")],
            [reduce(reduce2), last(2, conv2, "Conv2d_0b_3x3")],
            [pool, last(3, after_pool, "Conv2d_0b_1x1")],
        )
        self.branches = [[Branch(chain, dtype=self.dtype_policy, name=f"Branch_{i}")] for i, chain in enumerate(chains)]

    def get_config(self):
        return {**super().get_config(), **self.config, "style": dataclasses.asdict(self.style)}


@keras.saving.register_keras_serializable("s3d_tf")
class CentreTapIdentity(initializers.Initializer):
    """A temporal kernel `[frames, 1, 1, C, C]` that passes every frame on unchanged."""

    def __call__(self, shape, dtype=None):
        taps = ops.cast(ops.arange(shape[0]) == shape[0] // 2, dtype or "float32")
        identity = ops.eye(shape[3], shape[4], dtype=dtype or "float32")
        return ops.reshape(taps, (-1, 1, 1, 1, 1)) * ops.reshape(identity, (1, 1, 1, *shape[3:]))

    def get_config(self):
        return {}
