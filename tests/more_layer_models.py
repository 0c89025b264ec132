"""Keras models of single layers: convolutions, pooling, shaping and activations of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frontend.layers.base import ACTIVATION
from frontend.reference import start_tensorflow
from tests.keras_weights import sequential

Build = Callable[[], Any]
IMAGE, STEPS = (9, 8, 4), (11, 4)
ACTIVATIONS = [name.strip("'") for name in ACTIVATION.text.split(" or ")]


def more_layer_models() -> dict[str, Build]:
    """Return builders of models of one layer each, in front of which no other stands."""
    L = start_tensorflow().layers
    of_images = {
        "conv_groups": lambda: L.Conv2D(6, 3, groups=2, activation="tanh"),
        "conv_groups_of_one": lambda: L.Conv2D(8, 3, groups=4, strides=2, padding="same"),
        "depthwise": lambda: L.DepthwiseConv2D(3),
        "depthwise_multiplier": lambda: L.DepthwiseConv2D(
            (3, 2), 2, depth_multiplier=2, activation="relu6"
        ),
        "depthwise_same": lambda: L.DepthwiseConv2D(4, 2, padding="same", use_bias=False),
        "depthwise_dilated": lambda: L.DepthwiseConv2D(3, dilation_rate=2, padding="same"),
        "separable": lambda: L.SeparableConv2D(5, 3),
        "separable_multiplier": lambda: L.SeparableConv2D(
            5, (3, 2), 2, "same", depth_multiplier=3, use_bias=False, activation="elu"
        ),
        "separable_dilated": lambda: L.SeparableConv2D(3, 3, dilation_rate=(2, 1)),
        "transposed": lambda: L.Conv2DTranspose(3, 3, activation="relu"),
        "transposed_strides": lambda: L.Conv2DTranspose(3, (3, 2), (2, 3)),
        "transposed_gaps": lambda: L.Conv2DTranspose(3, 2, 3, "same"),
        "transposed_same": lambda: L.Conv2DTranspose(3, (4, 3), 2, "same", use_bias=False),
        "transposed_same_odd": lambda: L.Conv2DTranspose(3, (5, 3), (1, 3), "same"),
        "transposed_output": lambda: L.Conv2DTranspose(3, 3, 2, "same", output_padding=1),
        "transposed_output_valid": lambda: L.Conv2DTranspose(3, 3, 3, output_padding=(2, 0)),
        "transposed_output_short": lambda: L.Conv2DTranspose(3, 3, 3, "same", output_padding=0),
        "average_pool": lambda: L.AveragePooling2D((3, 2), (2, 3)),
        "average_pool_same": lambda: L.AveragePooling2D(3, 2, "same"),
        "average_pool_overlapping": lambda: L.AveragePooling2D((4, 3), 1, "same"),
        "max_pool_overlapping": lambda: L.MaxPooling2D((4, 3), 1, "same"),
        "global_max": lambda: L.GlobalMaxPooling2D(),
        "global_max_keepdims": lambda: L.GlobalMaxPooling2D(keepdims=True),
        "cropping": lambda: L.Cropping2D(((1, 2), (0, 3))),
        "cropping_nothing": lambda: L.Cropping2D(0),
        "up_nearest": lambda: L.UpSampling2D((2, 3)),
        "up_bilinear": lambda: L.UpSampling2D((3, 2), interpolation="bilinear"),
        "reshape": lambda: L.Reshape((4, -1)),
        "reshape_same": lambda: L.Reshape(IMAGE),
        "reshape_four": lambda: L.Reshape((9, 2, 4, 4)),
        "permute": lambda: L.Permute((3, 1, 2)),
        "dense": lambda: L.Dense(5, activation="tanh"),
        "dense_plain": lambda: L.Dense(3, use_bias=False),
        "dense_softmax": lambda: L.Dense(3, activation="softmax"),
        "each_row_dense": lambda: L.TimeDistributed(L.Dense(5)),
        "each_row_softmax": lambda: L.TimeDistributed(L.Softmax(axis=1)),
        "softmax_rows": lambda: L.Softmax(axis=1),
        "softmax_image": lambda: L.Softmax(axis=[3, 1]),
        "prelu": lambda: L.PReLU(),
        "prelu_shared": lambda: L.PReLU(shared_axes=[1, 2]),
        "layer_norm": lambda: L.LayerNormalization(),
        "layer_norm_plain": lambda: L.LayerNormalization(
            axis=3, epsilon=0.1, center=False, scale=False
        ),
        "layer_norm_rows": lambda: L.LayerNormalization(axis=1),
        "layer_norm_image": lambda: L.LayerNormalization(axis=[-1, 2, 1]),
    }
    of_sequences = {
        "conv1d": lambda: L.Conv1D(3, 3, activation="relu"),
        "conv1d_causal": lambda: L.Conv1D(3, 3, padding="causal"),
        "conv1d_causal_dilated": lambda: L.Conv1D(3, 3, dilation_rate=3, padding="causal"),
        "conv1d_causal_strides": lambda: L.Conv1D(3, 4, 3, "causal"),
        "conv1d_same_groups": lambda: L.Conv1D(6, 4, 2, "same", groups=2, use_bias=False),
        "conv1d_dilated": lambda: L.Conv1D(3, 3, dilation_rate=2),
        "dense1d": lambda: L.Dense(5, activation="relu"),
        "each_step_dense": lambda: L.TimeDistributed(L.Dense(5, activation="tanh"), name="outer"),
        "each_step_batch_norm": lambda: L.TimeDistributed(L.BatchNormalization()),
        "each_step_layer_norm": lambda: L.TimeDistributed(L.LayerNormalization(axis=1)),
        "each_step_dropout": lambda: L.TimeDistributed(L.Dropout(0.5)),
        "layer_norm_steps": lambda: L.LayerNormalization(axis=[1, 2], center=False),
        "depthwise1d": lambda: L.DepthwiseConv1D(3, 2, "same", depth_multiplier=2),
        "depthwise1d_dilated": lambda: L.DepthwiseConv1D(3, dilation_rate=2),
        "separable1d": lambda: L.SeparableConv1D(5, 3, 2, "same", depth_multiplier=2),
        "transposed1d": lambda: L.Conv1DTranspose(3, 3, 2),
        "transposed1d_same": lambda: L.Conv1DTranspose(3, 4, 3, "same", activation="tanh"),
        "average_pool1d": lambda: L.AveragePooling1D(3, 2, "same"),
        "max_pool1d": lambda: L.MaxPooling1D(3, 2),
        "max_pool1d_same": lambda: L.MaxPooling1D(2, padding="same"),
        "global_average1d": lambda: L.GlobalAveragePooling1D(),
        "global_average1d_keepdims": lambda: L.GlobalAveragePooling1D(keepdims=True),
        "global_max1d": lambda: L.GlobalMaxPooling1D(),
        "global_max1d_keepdims": lambda: L.GlobalMaxPooling1D(keepdims=True),
        "padding1d": lambda: L.ZeroPadding1D((2, 1)),
        "cropping1d": lambda: L.Cropping1D((1, 2)),
        "up1d": lambda: L.UpSampling1D(3),
        "batchnorm1d": lambda: L.BatchNormalization(),
        "prelu1d": lambda: L.PReLU(shared_axes=[1]),
        "layer_norm1d": lambda: L.LayerNormalization(),
        "reshape1d": lambda: L.Reshape((11, 2, 2)),
        "permute1d": lambda: L.Permute((2, 1)),
        "flatten1d": lambda: L.Flatten(),
        "rescaling1d": lambda: L.Rescaling([1.0, 2.0, 3.0, 4.0], 0.5),
    }
    of_vectors = {
        "repeat": lambda: L.RepeatVector(3),
        "elu": lambda: L.ELU(0.7),
        "layer_norm_vector": lambda: L.LayerNormalization(),
        "prelu_vector": lambda: L.PReLU(),
    }
    built: dict[str, Build] = {}
    for shape, kinds in ((IMAGE, of_images), (STEPS, of_sequences), ((6,), of_vectors)):
        for name, make in kinds.items():
            built[name] = lambda shape=shape, make=make: sequential(shape, make())
    for name in ACTIVATIONS:
        built[f"activation_{name}"] = lambda name=name: sequential((6,), L.Activation(name))
        built[f"dense_{name}"] = lambda name=name: sequential((6,), L.Dense(4, activation=name))
    return built | _chains(L)


def _chains(L: Any) -> dict[str, Build]:
    """Layers whose export depends on their neighbours."""
    return {
        "sequence_chain": lambda: sequential(
            STEPS,
            L.ZeroPadding1D((2, 0)),
            L.Conv1D(4, 3, activation="relu"),
            L.BatchNormalization(),
            L.ZeroPadding1D(1),
            L.MaxPooling1D(2),
            L.LayerNormalization(),
            L.SeparableConv1D(4, 2, activation="hard_swish"),
            L.PReLU(),
            L.Cropping1D(1),
            L.Reshape((2, 6)),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ),
        "padding_then_depthwise": lambda: sequential(
            IMAGE,
            L.ZeroPadding2D(((0, 1), (0, 1))),
            L.DepthwiseConv2D(3, 2),
            L.ZeroPadding2D(1),
            L.SeparableConv2D(3, 3),
        ),
        "padding_then_average": lambda: sequential(
            IMAGE, L.ReLU(), L.ZeroPadding2D(1), L.AveragePooling2D(3, 2)
        ),
        "padding_then_transposed": lambda: sequential(
            IMAGE, L.ZeroPadding2D(1), L.Conv2DTranspose(2, 3)
        ),
        "reshaped_padding": lambda: sequential(
            (24,), L.Reshape((2, 3, 4)), L.ZeroPadding2D(1), L.Conv2D(2, 3), L.Permute((2, 3, 1))
        ),
        "image_chain": lambda: sequential(
            IMAGE,
            L.Conv2D(4, 3, activation="gelu"),
            L.PReLU(shared_axes=[1, 2]),
            L.Cropping2D((1, 2)),
            L.PReLU(),
            L.UpSampling2D(interpolation="bilinear"),
            L.Permute((2, 1, 3)),
            L.GlobalMaxPooling2D(),
            L.RepeatVector(5),
            L.Conv1D(2, 3),
        ),
        "reshape_only": lambda: sequential((4, 6), L.Reshape((6, 4))),
        "channel_shuffle": lambda: sequential(
            (4, 4, 6),
            L.Conv2D(6, 1, groups=3),
            L.Reshape((4, 4, 3, 2)),
            L.Permute((1, 2, 4, 3)),
            L.Reshape((4, 4, 6)),
            L.DepthwiseConv2D(3),
        ),
    }
