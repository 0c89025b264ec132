"""From a Keras file to a float ONNX graph that agrees with Keras."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from frontend.export import export_network
from frontend.guard import try_to_read
from frontend.network import Network, read_network
from frontend.reference import (
    keras_run,
    start_tensorflow,
    verify_export,
    without_final_softmax,
)
from frontend.source import Run, SourceModel
from frontend.stand_in import input_ranges


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A trained float model, exported and verified.

    Attributes:
        model: float ONNX graph, opset 21, IR version 10; NHWC input and output, symbolic batch.
        input_names: the graph's inputs, by Keras's names.
        output_names: the graph's outputs.
        layers: source layer of each ONNX node, by node name; inner layers of nested models have
            the names of the models in front (``outer/inner/conv``).
        network: the graph of layers with shapes and weights.
        run: the model in Keras, float32, frames ``(n, *shape)`` of each input by name in, those of
            each output out.
        format: kind of file, such as ``"HDF5"``.
        keras_version: version that wrote the file.
        export_error: largest difference between Keras and the graph, relative to the output.
        tensorflow_seconds: TensorFlow's start-up time, part of ``seconds``; 0 if it ran already.
        seconds: the whole time of loading.
    """

    model: onnx.ModelProto
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    layers: dict[str, str]
    network: Network
    run: Run
    format: str
    keras_version: str
    export_error: float
    tensorflow_seconds: float
    seconds: float

    @property
    def source(self) -> SourceModel:
        """The model as the compiler takes it."""
        return SourceModel(
            model=self.model,
            is_quantized=False,
            input_shapes=self.input_shapes,
            output_shapes=self.network.output_shapes,
            input_ranges=input_ranges(self.network),
            run=self.run,
            format=self.format,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one frame of the only input: (height, width, channels) or (features,)."""
        return self.network.input_shape

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one frame of each input, by name."""
        return self.network.input_shapes

    def predict(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what Keras computes for frames of the only input: the first output's frames."""
        return self.run({self.network.input_name: frames})[0]

    def float_accuracy(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
        """Return the share of frames whose largest Keras output is at the label, 0 to 1."""
        outputs = self.predict(images).reshape(len(images), -1)
        return float(np.mean(np.argmax(outputs, axis=1) == labels))


def load_float_onnx(path: Path, *, weights: Path | None = None) -> LoadedModel:
    """Load a Keras model file and export it as a float ONNX graph that agrees with Keras.

    Everything that can be refused is refused before TensorFlow is started.

    Args:
        path: ``.h5``, ``.hdf5``, ``.keras``, or a ``.json`` architecture.
        weights: weights of a ``.json``; by default ``X_weights.h5`` beside ``X.json``.

    Raises:
        CompileError: one line that names the file or the layer, the problem and the remedy.
    """
    begin = time.perf_counter()
    try_to_read(path, weights)
    network = read_network(path, weights)
    model, layers = export_network(network)
    before = time.perf_counter()
    start_tensorflow()
    tensorflow_seconds = time.perf_counter() - before
    run = keras_run(network)
    error = verify_export(network, model, run)
    if (bare := without_final_softmax(network)) is not None:
        error = max(error, verify_export(bare, export_network(bare)[0], keras_run(bare)))
    return LoadedModel(
        model=model,
        input_names=tuple(value.name for value in model.graph.input),
        output_names=tuple(value.name for value in model.graph.output),
        layers=layers,
        network=network,
        run=run,
        format=network.format,
        keras_version=network.keras_version,
        export_error=error,
        tensorflow_seconds=tensorflow_seconds,
        seconds=time.perf_counter() - begin,
    )
