"""TFLite files, made by TensorFlow's converter in the tests, and TFLite's own interpreter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from frontend.reference import start_tensorflow

keras = start_tensorflow()
import tensorflow as tf  # noqa: E402
from tensorflow.lite.python import schema_py_generated as schema  # noqa: E402

Frames = np.ndarray[Any, np.dtype[np.float32]]


def convert(
    model: Any,
    *,
    quantized: bool = True,
    ends: Any = tf.int8,
    per_channel: bool = True,
    only_codes: bool = True,
) -> bytes:
    """Return a Keras model as a TFLite file; calibrated on uniform frames of -1 to 1.

    ``ends``: type of inputs and outputs.  ``only_codes``: with representative data.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantized and only_codes:
        converter.representative_dataset = lambda: _frames(model)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = ends
        converter._experimental_disable_per_channel = not per_channel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bytes(converter.convert())


def _frames(model: Any) -> Iterator[list[Frames]]:
    random = np.random.default_rng(0)
    for _ in range(20):
        yield [random.uniform(-1, 1, (1, *i.shape[1:])).astype(np.float32) for i in model.inputs]


def edit(data: bytes) -> Any:
    """Return a TFLite file as objects that can be changed."""
    return schema.ModelT.InitFromPackedBuf(data, 0)


def packed(model: Any) -> bytes:
    """Return the file of changed objects."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def as_unsigned(data: bytes) -> bytes:
    """Return an int8 file (weights per tensor) in the uint8 form of TensorFlow 1: codes + 128."""
    model = edit(data)
    for tensor in model.subgraphs[0].tensors:
        if tensor.type == schema.TensorType.INT8:
            tensor.type = schema.TensorType.UINT8
            tensor.quantization.zeroPoint = [int(z) + 128 for z in tensor.quantization.zeroPoint]
            buffer = model.buffers[tensor.buffer]
            if buffer.data is not None and len(buffer.data):
                buffer.data = (np.asarray(buffer.data, np.uint8) ^ 128).tolist()
    return packed(model)


def codes(values: Frames, end: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    """Return what an input or output (details of the interpreter) has for real values."""
    if end["dtype"] == np.float32:
        return values
    scale, zero = end["quantization"]
    limits = np.iinfo(end["dtype"])
    rounded = np.rint(values / np.float32(scale)) + zero
    return np.clip(rounded, limits.min, limits.max).astype(end["dtype"])


def interpret(
    data: bytes, frames: Mapping[str, Frames], *, kernels: str = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
) -> dict[str, np.ndarray[Any, Any]]:
    """Return what TFLite computes for frames of each input, codes by output name.

    ``kernels``: ``BUILTIN_WITHOUT_DEFAULT_DELEGATES`` are TFLite's own, which compute in fixed
    point; ``AUTO`` is XNNPACK, as on a PC.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(
            model_content=data,
            experimental_op_resolver_type=getattr(tf.lite.experimental.OpResolverType, kernels),
        )
    run = interpreter.get_signature_runner()
    given, results = run.get_input_details(), []
    for i in range(len(next(iter(frames.values())))):
        frame = {name: codes(values[i : i + 1], given[name]) for name, values in frames.items()}
        results.append(run(**frame))
    return {name: np.concatenate([r[name] for r in results]) for name in results[0]}


def output_codes(data: bytes, outputs: Mapping[str, Frames]) -> dict[str, np.ndarray[Any, Any]]:
    """Return the codes that real values of the outputs stand for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        details = tf.lite.Interpreter(model_content=data).get_signature_runner()
    ends = details.get_output_details()
    return {name: codes(values, ends[name]) for name, values in outputs.items()}


def image_model() -> Any:
    """Return a model with every operator on images that is supported, each on the input itself."""
    L = keras.layers
    x = keras.Input((8, 9, 4), name="x")
    y = L.Conv2D(4, 1, name="second")(x)
    outputs = [
        L.Conv2D(5, 3, strides=2, padding="same", activation="relu")(x),
        L.Conv2D(5, (3, 2), dilation_rate=2, activation="relu6")(x),
        L.Conv2D(6, 3, groups=2, use_bias=False)(x),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x),
        L.Conv2D(3, 3, strides=2)(L.ZeroPadding2D(((1, 0), (0, 2)))(x)),
        L.Conv2DTranspose(3, 3, strides=2, padding="same")(x),
        L.Conv2DTranspose(3, 2, strides=2)(x),
        L.ZeroPadding2D(((1, 0), (0, 2)))(x),
        L.MaxPooling2D(3, 2, padding="same")(x),
        L.AveragePooling2D(3, 2, padding="same")(x),
        L.AveragePooling2D(2)(x),
        L.AveragePooling2D((8, 9))(x),
        L.GlobalAveragePooling2D()(x),
        L.GlobalAveragePooling2D(keepdims=True)(x),
        L.Add()([x, y]),
        L.Subtract()([x, y]),
        L.Multiply()([x, y]),
        x * L.GlobalAveragePooling2D()(y),
        L.GlobalAveragePooling2D()(y) + x,
        y - L.GlobalAveragePooling2D()(x),
        L.Dense(3, activation="relu")(x),
        L.Maximum()([x, y]),
        L.Minimum()([x, y]),
        L.Concatenate()([x, y]),
        L.Concatenate(axis=2)([x, y]),
        keras.ops.image.resize(x, (16, 27), interpolation="nearest"),
        keras.ops.image.resize(x, (11, 13), interpolation="bilinear"),
        L.UpSampling2D(2, interpolation="bilinear")(x),
        L.Cropping2D(((1, 2), (0, 3)))(x),
        L.Reshape((6, 12, 4))(x),
        L.Permute((2, 3, 1))(x),
        L.LeakyReLU(0.2)(x),
        L.ReLU(6.0)(x),
        L.ReLU()(L.Permute((2, 3, 1))(y)),
        L.ELU()(x),
        L.Activation("sigmoid")(x),
        L.Activation("tanh")(x),
        keras.ops.abs(x),
        keras.ops.exp(x),
        keras.ops.negative(x),
        keras.ops.clip(x, -0.5, 0.5),
        keras.ops.clip(y, -1.0, 1.0),
        keras.ops.clip(y, 0.0, 1.0),
        L.Activation("hard_swish")(x),
        L.PReLU(alpha_initializer="uniform", shared_axes=[1, 2])(x),
        L.Softmax()(x),
        L.BatchNormalization(moving_variance_initializer="uniform")(x),
        L.Rescaling(0.5, 0.25)(x),
        L.Dense(3)(L.Flatten()(x)),
    ]
    keras.utils.set_random_seed(3)
    model = keras.Model(x, outputs)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.05, 0.4, w.shape) for w in model.get_weights()])
    return model


def sequence_model() -> Any:
    """Return a model with the operators on sequences."""
    L = keras.layers
    x = keras.Input((12, 3), name="x")
    outputs = [
        L.Conv1D(4, 3, padding="causal", activation="relu")(x),
        L.Conv1D(4, 3, strides=2, padding="same")(x),
        L.SeparableConv1D(4, 3)(x),
        L.Conv1D(4, 3, dilation_rate=2, padding="same", activation="relu")(x),
        L.Conv1D(4, 2, dilation_rate=3, padding="causal")(x),
        L.DepthwiseConv1D(3, dilation_rate=2)(x),
        L.Dense(5, activation="relu", use_bias=False)(x),
        x - L.GlobalAveragePooling1D()(x)[:, None],
        L.MaxPooling1D(2)(x),
        L.GlobalAveragePooling1D()(x),
        L.Flatten()(x),
    ]
    keras.utils.set_random_seed(3)
    model = keras.Model(x, outputs)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(-0.4, 0.4, w.shape) for w in model.get_weights()])
    return model


def function_model() -> Any:
    """Return a model with the functions that TFLite's kernels approximate each in its own way."""
    L, ops = keras.layers, keras.ops
    x = keras.Input((4, 6, 4), name="x")
    gate = L.Activation("sigmoid")(x)
    roots = [ops.sqrt(gate), ops.log(gate + 0.5), ops.rsqrt(gate + 0.5), ops.square(x)]
    return keras.Model(x, [*roots, ops.divide(x, gate + 1.0), L.Activation("softplus")(x)])


def moving_model() -> Any:
    """Return a model with the operators that take apart, join, repeat and reduce; and functions."""
    L, ops = keras.layers, keras.ops
    x = keras.Input((4, 6, 4), name="x")
    y = L.Conv2D(4, 1, name="second")(x)
    rows = ops.unstack(y, axis=1)
    sequence = L.Reshape((6, 16))(x)
    outputs = [
        ops.gelu(y, approximate=True),
        L.ReLU(threshold=0.3)(y),
        ops.tile(y, (1, 2, 1, 1)),
        ops.pad(y, ((0, 0), (1, 1), (2, 0), (0, 0)), mode="reflect"),
        ops.pad(y, ((0, 0), (0, 1), (2, 1), (0, 0)), mode="symmetric"),
        L.Add()(ops.split(y, 2, axis=3)),
        *ops.split(y, [1], axis=1),
        rows[2],
        ops.stack([rows[0], rows[3]], axis=1),
        y[:, -1],
        y[:, 1:, 2],
        ops.sum(y, axis=(1, 2)),
        ops.sum(sequence, axis=1),
        L.GlobalMaxPooling2D()(y),
        L.GlobalMaxPooling1D()(sequence),
        L.Dot(axes=2)([sequence, sequence]),
        L.AveragePooling2D(2)(y),
    ]
    keras.utils.set_random_seed(3)
    model = keras.Model(x, outputs)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(-0.6, 0.6, w.shape) for w in model.get_weights()])
    return model
