"""Small Keras models for the tests of the front end, with weights that make every term count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from frontend.reference import start_tensorflow
from tests.branch_models import branch_models
from tests.keras_weights import randomized, sequential
from tests.more_layer_models import more_layer_models

Build = Callable[[], Any]


def layer_models() -> dict[str, Build]:
    """Return builders of models that together use every supported parameter."""
    L = start_tensorflow().layers
    image = (9, 8, 3)
    return {
        "rescaling": lambda: sequential(image, L.Rescaling(1 / 255, -0.5), L.Conv2D(2, 3)),
        "rescaling_channels": lambda: sequential(
            image, L.Rescaling([0.5, 0.25, 2.0], [0.0, 1.0, -1.0]), L.Conv2D(2, 3)
        ),
        "rescaling_flat": lambda: sequential(image, L.Rescaling([0.5, 0.25, 2.0]), L.Flatten()),
        "normalization_config": lambda: sequential(
            image, L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 9.0, 0.25]), L.Flatten()
        ),
        "normalization_weights": lambda: sequential(image, L.Normalization(), L.Conv2D(2, 3)),
        "normalization_scalar": lambda: sequential(image, L.Normalization(axis=None), L.Flatten()),
        "padding_then_conv": lambda: sequential(
            image, L.ZeroPadding2D(((1, 2), (0, 3))), L.Dropout(0.5), L.Conv2D(2, 3, strides=2)
        ),
        "padding_twice_then_same": lambda: sequential(
            image, L.ZeroPadding2D(1), L.ZeroPadding2D((0, 2)), L.Conv2D(2, 3, padding="same")
        ),
        "padding_then_pool": lambda: sequential(image, L.ZeroPadding2D(1), L.MaxPooling2D(2)),
        "padding_relu_pool": lambda: sequential(
            image, L.Conv2D(4, 2, activation="relu"), L.ZeroPadding2D(1), L.MaxPooling2D(3, 2)
        ),
        "padding_above_pool": lambda: sequential(
            image, L.ReLU(), L.ZeroPadding2D(2), L.MaxPooling2D(2, 1)
        ),
        "padding_last": lambda: sequential(image, L.ZeroPadding2D((2, 1))),
        "conv_rectangular": lambda: sequential(
            image, L.Conv2D(4, (2, 3), strides=(3, 1), use_bias=False, activation="relu")
        ),
        "conv_same_stride": lambda: sequential(image, L.Conv2D(4, 3, strides=2, padding="same")),
        "conv_same_even": lambda: sequential(image, L.Conv2D(4, 4, strides=3, padding="same")),
        "conv_dilated": lambda: sequential(
            image, L.Conv2D(4, 3, dilation_rate=(2, 3), padding="same", activation="leaky_relu")
        ),
        "conv_softmax": lambda: sequential(image, L.Conv2D(4, 1, activation="softmax")),
        "batchnorm": lambda: sequential(
            image,
            L.BatchNormalization(epsilon=0.01),
            L.Conv2D(4, 3, activation="relu6"),
            L.BatchNormalization(scale=False),
            L.Flatten(),
            L.Dense(5),
            L.BatchNormalization(center=False),
        ),
        "batchnorm_only": lambda: sequential(image, L.BatchNormalization(), L.Flatten()),
        "relu": lambda: sequential((6,), L.ReLU()),
        "relu_max": lambda: sequential((6,), L.ReLU(max_value=0.4)),
        "relu_slope": lambda: sequential((6,), L.ReLU(negative_slope=0.3)),
        "relu_slope_max": lambda: sequential((6,), L.ReLU(0.4, negative_slope=0.3)),
        "relu_threshold": lambda: sequential((6,), L.ReLU(threshold=0.25)),
        "relu_all": lambda: sequential((6,), L.ReLU(0.5, negative_slope=0.3, threshold=0.25)),
        "relu_threshold_slope": lambda: sequential((6,), L.ReLU(None, 0.3, 0.25)),
        "leaky": lambda: sequential((6,), L.LeakyReLU(1.5), L.LeakyReLU(0.0)),
        "pool": lambda: sequential(image, L.MaxPooling2D((3, 2), strides=(2, 3))),
        "pool_same": lambda: sequential(image, L.MaxPooling2D(3, strides=2, padding="same")),
        "average": lambda: sequential(image, L.GlobalAveragePooling2D(), L.Dense(3)),
        "average_keepdims": lambda: sequential(
            image, L.GlobalAveragePooling2D(keepdims=True), L.Conv2D(5, 1), L.Flatten()
        ),
        "flatten": lambda: sequential(image, L.Conv2D(4, 3), L.Flatten(), L.Dense(3)),
        "flatten_first": lambda: sequential(image, L.Flatten(), L.Dense(3, use_bias=False)),
        "flatten_grey": lambda: sequential((5, 4), L.Flatten(), L.Flatten(), L.Dense(3)),
        "training_only": lambda: sequential(
            image,
            L.GaussianNoise(0.1),
            L.SpatialDropout2D(0.2),
            L.Conv2D(2, 3),
            L.Flatten(),
            L.GaussianDropout(0.3),
            L.ActivityRegularization(0.1),
            L.AlphaDropout(0.2),
            L.Dense(3),
        ),
        "softmax": lambda: sequential((6,), L.Dense(4), L.Activation("relu"), L.Softmax()),
        "identity": lambda: sequential((6,), L.Dropout(0.5), L.Activation("linear")),
        "hostile_names": hostile_names,
        "nested": nested,
        "nested_frozen": nested_frozen,
        "shared": shared,
        "two_outputs": two_outputs,
        "two_inputs": two_inputs,
        "fork": fork,
        "input_is_output": input_is_output,
        "nested_ends": nested_ends,
        "nested_shared": nested_shared,
        **branch_models(),
        **more_layer_models(),
    }


def hostile_names() -> Any:
    L = start_tensorflow().layers
    names = ["a b", "a_b", '"; rm -rf', "entity", "Größe\n😀", "pixels:0", "..\\..\\x", "{{7*7}}"]
    return sequential((4,), *(L.Dense(4, name=name) for name in names))


def nested(*, one_name: bool = False) -> Any:
    """Two levels, functional in sequential in functional, with layers of the same names."""
    keras = start_tensorflow()
    L = keras.layers

    def block(name: str) -> Any:
        end = "" if one_name else f"_{name}"
        source = keras.Input((6, 6, 4))
        mid = L.Conv2D(4, 3, padding="same", name=f"conv{end}")(source)
        mid = L.BatchNormalization(name=f"norm{end}")(mid)
        return keras.Model(source, L.ReLU(name=f"relu{end}")(mid), name=name)

    pair = keras.Sequential([keras.Input((6, 6, 4)), block("one"), block("two")], name="pair")
    source = keras.Input((8, 8, 3), name="camera")
    mid = pair(L.Conv2D(4, 3, name="first")(source))
    mid = L.Dense(3, name="last")(L.GlobalAveragePooling2D(name="mean")(mid))
    return randomized(keras.Model(source, mid, name="outer"))


def nested_frozen() -> Any:
    model = nested()
    model.get_layer("pair").get_layer("one").trainable = False
    model.get_layer("pair").get_layer("two").get_layer("norm_two").trainable = False
    return model


def shared() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6,), name="features")
    dense = L.Dense(6, activation="relu", name="again")
    block = keras.Sequential([keras.Input((6,)), L.Dense(6, name="inner")], name="block")
    return randomized(keras.Model(source, L.Dense(2)(block(dense(block(dense(source)))))))


def two_outputs() -> Any:
    """One tensor that goes on and is an output, too, in the other layout; one output twice."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((8, 8, 3), name="camera")
    features = L.Conv2D(4, 3, activation="relu", name="features")(source)
    end = L.Conv2D(2, 3, name="end")(features)
    return randomized(keras.Model(source, [features, end, end]))


def two_inputs() -> Any:
    keras = start_tensorflow()
    L = keras.layers
    image, vector = keras.Input((8, 8, 3), name="camera"), keras.Input((5,), name="angles")
    ends = L.Conv2D(4, 3, name="c")(image), L.Dense(3, activation="softmax", name="d")(vector)
    return randomized(keras.Model([vector, image], ends))


def fork() -> Any:
    """Zeros that two convolutions take, and zeros that only one of two takers can take over."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((8, 8, 3), name="camera")
    zeros = L.Dropout(0.5)(L.ZeroPadding2D(1)(source))
    more = L.ZeroPadding2D((0, 2))(source)
    ends = [
        L.Conv2D(2, 3, name="a")(zeros),
        L.Conv2D(2, 3, strides=2, padding="same", name="b")(zeros),
        L.Conv2D(2, 3, name="c")(more),
        L.MaxPooling2D(2, name="d")(more),
    ]
    return randomized(keras.Model(source, ends))


def input_is_output() -> Any:
    keras = start_tensorflow()
    source = keras.Input((4, 4, 2), name="camera")
    end = keras.layers.Conv2D(2, 3, name="c")(source)
    return randomized(keras.Model(source, [source, end, source]))


def two_ended(keras: Any) -> Any:
    """A model of two inputs and two outputs, all named, in no order."""
    L = keras.layers
    a, b = keras.Input((4,), name="z"), keras.Input((5,), name="c")
    outputs = {"y": L.Dense(3, name="from_z")(a), "x": L.Dense(2, name="from_c")(b)}
    return keras.Model({"z": a, "c": b}, outputs, name="inner")


def nested_ends() -> Any:
    """A nested model of two inputs and outputs, called twice; one of its outputs is not used."""
    keras = start_tensorflow()
    inner = two_ended(keras)
    u, v, w = keras.Input((5,), name="u"), keras.Input((4,), name="v"), keras.Input((5,), name="w")
    first = inner({"z": v, "c": u})
    second = inner({"z": keras.layers.ReLU()(v), "c": w})
    end = keras.layers.Dense(3, name="end")(second["x"])
    return randomized(keras.Model([u, v, w], [first["y"], end, first["x"]]))


def nested_shared() -> Any:
    """Functional and sequential models called several times, their last calls inside and out."""
    keras = start_tensorflow()
    L = keras.layers
    source = keras.Input((6,), name="features")
    inner = keras.Input((6,))
    block = keras.Model(inner, L.Dense(6, name="inner")(L.ReLU()(inner)), name="block")
    chain = keras.Sequential([keras.Input((6,)), L.Dense(6, name="inner")], name="chain")
    again = L.Dense(6, name="again")
    a = block(source)
    b = again(chain(block(again(a))))
    return randomized(keras.Model(source, [chain(a), b, block(L.ReLU()(b)), a]))
