"""SavedModel folders as TensorFlow versions write them, for the tests of their reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from frontend.reference import start_tensorflow

start_tensorflow()
import tensorflow as tf  # noqa: E402

IMAGE = (6, 6, 2)


def parsed(folder: Path) -> Any:
    """Return the SavedModel message of ``folder``."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved


def write(folder: Path, saved: Any) -> None:
    """Put a changed SavedModel message in place."""
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


class Network(tf.Module):  # type: ignore[misc]
    """Convolution, batch normalization, pool and dense layer, as tf.keras 2.3 traced them."""

    def __init__(self, trained: bool = False) -> None:
        super().__init__()
        random = np.random.default_rng(0)

        def variable(name: str, *shape: int, offset: float = 0.0) -> Any:
            values = random.normal(offset, 0.2, shape).astype(np.float32)
            return tf.Variable(values, name=name)

        self.kernel = variable("conv2d/kernel", 3, 3, 2, 4)
        self.bias = variable("conv2d/bias", 4)
        self.gamma = variable("batch_normalization/gamma", 4, offset=1.0)
        self.beta = variable("batch_normalization/beta", 4)
        self.moving_mean = variable("batch_normalization/moving_mean", 4)
        self.moving_variance = variable("batch_normalization/moving_variance", 4, offset=2.0)
        self.dense = variable("dense/kernel", 36, 3)
        self.dense_bias = variable("dense/bias", 3)
        if trained:
            # its slots are written into the object graph, as those of OptimizerV2 were
            self.optimizer = tf.compat.v1.train.AdamOptimizer()
            weights = [self.kernel, self.bias, self.dense, self.dense_bias]
            self.optimizer.apply_gradients([(tf.zeros_like(w), w) for w in weights])

    @tf.function(input_signature=[tf.TensorSpec([None, *IMAGE], tf.float32, "conv2d_input")])
    def serve(self, x: Any) -> dict[str, Any]:
        with tf.name_scope("sequential"):
            with tf.name_scope("conv2d"):
                y = tf.nn.conv2d(x, self.kernel, 1, "SAME", name="Conv2D")
                y = tf.nn.relu(tf.nn.bias_add(y, self.bias))
            with tf.name_scope("batch_normalization"):
                y, *_ = tf.compat.v1.nn.fused_batch_norm(
                    y, self.gamma, self.beta, self.moving_mean, self.moving_variance,
                    epsilon=1e-3, is_training=False,
                )  # fmt: skip
            y = tf.nn.max_pool2d(y, 2, 2, "VALID", name="max_pooling2d/MaxPool")
            y = tf.reshape(y, [-1, 36], name="flatten/Reshape")
            y = tf.nn.bias_add(tf.matmul(y, self.dense, name="dense/MatMul"), self.dense_bias)
            return {"dense": tf.nn.softmax(y, name="dense/Softmax")}


def save_as_tensorflow_2_3(folder: Path) -> Network:
    """Write a trained network with its optimizer's slots, as ``tf.keras`` 2.3 did."""
    network = Network(trained=True)
    tf.saved_model.save(network, str(folder), signatures={"serving_default": network.serve})
    saved = parsed(folder)
    graph = saved.meta_graphs[0]
    graph.meta_info_def.tensorflow_version = "2.3.0"
    graph.graph_def.versions.producer = 440
    assert any(node.slot_variables for node in graph.object_graph_def.nodes)
    write(folder, saved)
    (folder / "fingerprint.pb").unlink()
    return network


def save_as_tensorflow_1(folder: Path, *, resource: bool) -> np.ndarray[Any, Any]:
    """Write a session's graph with its variables; return what it computes for ones."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 4], "x")
        with tf.compat.v1.variable_scope("dense", use_resource=resource):
            kernel = tf.compat.v1.get_variable("kernel", [4, 3])
            bias = tf.compat.v1.get_variable("bias", [3])
        y = tf.nn.relu(tf.matmul(x, kernel, name="dense/MatMul") + bias, name="dense/Relu")
        step = tf.compat.v1.train.AdamOptimizer().minimize(tf.reduce_sum(y))
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            session.run(step, {x: np.ones((1, 4))})
            tf.compat.v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
            return np.asarray(session.run(y, {x: np.ones((1, 4))}))
