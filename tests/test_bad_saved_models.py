"""SavedModel folders that must not be taken: damaged, hostile, or not supported. One line each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend import limits
from frontend.guard import try_to_read
from frontend.open_model import open_model
from frontend.saved_model import read_saved_model
from ir.errors import CompileError
from tests.saved_models import Network, parsed, tf, write

RESAVE = "save the model again with TensorFlow"
EXPORT = "save the model again with model.export(folder)"


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good folder, to copy."""
    folder = tmp_path_factory.mktemp("saved") / "good"
    network = Network()
    tf.saved_model.save(network, str(folder), signatures={"serving_default": network.serve})
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A good folder, to damage."""
    shutil.copytree(original, tmp_path / "m")
    return tmp_path / "m"


def refusal(folder: Path) -> str:
    """Return the one line with which ``folder`` is refused, the path in front cut off."""
    with pytest.raises(CompileError) as caught:
        read_saved_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    return message.replace(f"{folder.parent}/", "")


def test_the_good_one_is_read(folder: Path) -> None:
    assert [value.name for value in read_saved_model(folder).model.graph.input] == ["conv2d_input"]


# The folder


def test_folders_that_are_no_saved_model(tmp_path: Path) -> None:
    remedy = "name a model file or a SavedModel folder with saved_model.pb"
    (tmp_path / "m").mkdir()
    assert refusal(tmp_path / "m") == f"m: is a directory without saved_model.pb; {remedy}"
    (tmp_path / "m" / "saved_model.pbtxt").touch()
    assert refusal(tmp_path / "m") == (f"m: holds its graph as text (saved_model.pbtxt); {remedy}")
    (tmp_path / "m" / "saved_model.pb").touch()
    assert refusal(tmp_path / "m") == (
        "m/saved_model.pb: is empty (0 bytes); save or copy it again"
    )


def test_the_child_refuses_as_the_parent_does(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with pytest.raises(CompileError, match=r"m: is a directory without saved_model\.pb; name a "):
        try_to_read(tmp_path / "m")


def test_weights_beside_a_folder(folder: Path) -> None:
    with pytest.raises(CompileError) as caught:
        open_model(folder, weights=Path("w.h5"))
    assert str(caught.value) == (
        "w.h5: a SavedModel folder holds its own weights; leave --weights out"
    )


@pytest.mark.parametrize("cut", [1, 100, 5000, -20])
def test_a_truncated_graph(cut: int, folder: Path) -> None:
    file = folder / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:cut])
    assert refusal(folder).startswith("m/saved_model.pb: is truncated or damaged; ")


def test_no_truncation_of_the_variables_gets_through(folder: Path) -> None:
    for name in ("variables.index", "variables.data-00000-of-00001"):
        file = folder / "variables" / name
        data = file.read_bytes()
        for cut in (1, len(data) // 2, len(data) - 1):
            file.write_bytes(data[:cut])
            assert refusal(folder) == (
                "m/variables: is truncated or damaged; copy or save it again"
            )
        file.write_bytes(data)
    read_saved_model(folder)


def test_a_damaged_byte_of_the_variables(folder: Path) -> None:
    file = folder / "variables" / "variables.data-00000-of-00001"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert refusal(folder) == "m/variables: is truncated or damaged; copy or save it again"


def test_missing_variables(folder: Path) -> None:
    shutil.rmtree(folder / "variables")
    assert refusal(folder) == (
        "m/variables: has no variables.index, which the variables need; copy the whole folder"
    )


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index"])
def test_links_out_of_the_folder(name: str, folder: Path, tmp_path: Path) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert refusal(folder) == (
        f"m/{name}: is a link that leads out of the model's folder; copy the file itself"
    )


def test_a_pipe_among_the_variables(folder: Path) -> None:
    os.mkfifo(folder / "variables" / "variables.data-00001-of-00002")
    assert refusal(folder) == (
        "m/variables/variables.data-00001-of-00002: is a device or pipe, not a file; name a file"
    )


def test_variables_larger_than_the_limit(folder: Path) -> None:
    for part in range(2):
        with (folder / "variables" / f"part{part}").open("wb") as stream:
            stream.truncate(limits.MAX_FILE_BYTES // 2 + 1)
    message = refusal(folder)
    assert message.startswith("m/variables: has 10737")
    assert message.endswith(
        " bytes, more than the limit of 1073741824; "
        "export the model without the optimizer's state (model.export)"
    )


# The graph


def two_signatures(graph: Any) -> None:
    graph.signature_def["a\n"].CopyFrom(graph.signature_def["serving_default"])
    graph.signature_def["b"].CopyFrom(graph.signature_def["serving_default"])
    del graph.signature_def["serving_default"]


def no_signature(graph: Any) -> None:
    del graph.signature_def["serving_default"]


def signature(graph: Any) -> Any:
    return graph.signature_def["serving_default"]


def other_tag(graph: Any) -> None:
    graph.meta_info_def.tags[:] = ["train"]


def unknown_size(graph: Any) -> None:
    signature(graph).inputs["conv2d_input"].tensor_shape.dim[1].size = -1


def unknown_rank(graph: Any) -> None:
    signature(graph).inputs["conv2d_input"].tensor_shape.unknown_rank = True


def strings_in(graph: Any) -> None:
    signature(graph).inputs["conv2d_input"].dtype = 7


def missing_output(graph: Any) -> None:
    signature(graph).outputs["dense"].name = "no\x1bwhere:0"


def missing_second_output(graph: Any) -> None:
    signature(graph).outputs["dense"].name = "StatefulPartitionedCall:7"


def sparse_input(graph: Any) -> None:
    signature(graph).inputs["conv2d_input"].coo_sparse.values_tensor_name = "x"


def nodes(graph: Any) -> dict[str, Any]:
    """Return the nodes of the served function by name."""
    functions = graph.graph_def.library.function
    return {node.name: node for function in functions for node in function.node_def}


def operator(name: str) -> Callable[[Any], None]:
    def change(graph: Any) -> None:
        nodes(graph)["sequential/dense/Softmax"].op = name

    return change


def missing_function(graph: Any) -> None:
    node = next(n for n in graph.graph_def.node if n.op == "StatefulPartitionedCall")
    node.attr["f"].func.name = "__inference_<gone>"


def endless_function(graph: Any) -> None:
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            if node.op == "StatefulPartitionedCall":
                node.attr["f"].func.name = function.signature.name


def missing_input(graph: Any) -> None:
    nodes(graph)["sequential/dense/Softmax"].input[0] = "nothing:output:0"


def doubles(graph: Any) -> None:
    nodes(graph)["sequential/dense/Softmax"].attr["T"].type = 2


def contradiction(graph: Any) -> None:
    node = nodes(graph)["sequential/conv2d/Conv2D"]
    node.attr["padding"].s = b"SOMETIMES"


def huge_constant(graph: Any) -> None:
    tensor = nodes(graph)["sequential/flatten/Reshape/shape"].attr["value"].tensor
    tensor.tensor_shape.dim[0].size = 2**40


def lost_variable(graph: Any) -> None:
    graph.saver_def.restore_op_name = ""
    graph.object_graph_def.Clear()


def other_shape(graph: Any) -> None:
    for node in graph.graph_def.node:
        if node.op == "VarHandleOp" and node.attr["shared_name"].s == b"conv2d/bias":
            node.attr["shape"].shape.dim[0].size = 5


GRAPHS: dict[str, tuple[Callable[[Any], None], str]] = {
    "two signatures": (
        two_signatures,
        "m: has 2 signatures ('a\\n', 'b') and none called 'serving_default'; "
        "save it with signatures={'serving_default': ...}",
    ),
    "no signature": (no_signature, f"m: has no serving signature; {EXPORT}"),
    "other tag": (
        other_tag, f"m: has 0 graphs with the tag 'serve', not 1 (tags [['train']]); {EXPORT}"
    ),
    "unknown size": (
        unknown_size,
        "conv2d_input: dimension 1 of its input [None, None, 6, 2] is unknown (None); "
        "save the model with a fixed input size",
    ),
    "unknown rank": (
        unknown_rank,
        "conv2d_input: its input shape must be [batch, features] or [batch, height, width, "
        "channels], not of unknown rank; use a supported input",
    ),
    "strings": (
        strings_in,
        "conv2d_input: the input must be of type float, not string; serve a float32 input",
    ),
    "missing output": (
        missing_output, f"no\\x1bwhere: is a node that the graph does not have; {RESAVE}"
    ),
    "missing second output": (
        missing_second_output,
        "StatefulPartitionedCall: is taken as 'StatefulPartitionedCall:7', which is not there; "
        + RESAVE,
    ),
    "sparse input": (
        sparse_input, "conv2d_input: is a sparse or composite tensor; serve plain tensors"
    ),
    **{
        name: (
            operator(name),
            f"sequential/dense/Softmax: uses the TensorFlow operator '{name}', which is not "
            "supported; save the model for inference only, without it",
        )
        for name in ("ReadFile", "WriteFile", "PyFunc", "LookupTableFindV2", "RandomUniform", "X")
    },
    "missing function": (
        missing_function,
        "StatefulPartitionedCall: calls the function '__inference_<gone>', which is not there; "
        + RESAVE,
    ),
    "endless function": (
        endless_function,
        f"StatefulPartitionedCall: nests functions deeper than 64; {RESAVE}",
    ),
    "missing input": (
        missing_input, f"nothing: is taken as 'nothing:output:0', which is not there; {RESAVE}"
    ),
    "doubles": (
        doubles,
        "sequential/dense/Softmax: must compute in float32 or int32 or int64 or bool, not float64; "
        "save the model in float32",
    ),
    "huge constant": (
        huge_constant,
        "sequential/flatten/Reshape/shape: is a constant of the shape [1099511627776], more than "
        "the limit of 67108864 values; use a smaller layer",
    ),
    "lost variable": (
        lost_variable,
        "conv2d/kernel: the variable is restored from nowhere; save the model again",
    ),
    "other shape": (
        other_shape,
        "conv2d/bias: its value in the file has the shape [4], not [5]; "
        "give the variables that were saved with this graph",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_are_refused(name: str, folder: Path) -> None:
    change, message = GRAPHS[name]
    saved = parsed(folder)
    change(saved.meta_graphs[0])
    write(folder, saved)
    assert refusal(folder) == message


def test_a_graph_that_tensorflow_finds_inconsistent(folder: Path) -> None:
    saved = parsed(folder)
    contradiction(saved.meta_graphs[0])
    write(folder, saved)
    message = refusal(folder)
    assert message.startswith("the graph: is damaged (")
    assert message.endswith(f"); {RESAVE}")


def save(folder: Path, function: Callable[[Any], Any], *shape: int | None) -> None:
    module = tf.Module()
    module.variable = tf.Variable(np.float32(2))
    module.serve = tf.function(
        lambda x: function(module, x), input_signature=[tf.TensorSpec([None, *shape], name="x")]
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})


def counted(module: Any, x: Any) -> Any:
    module.variable.assign_add(1.0)
    return {"y": x * module.variable}


def repeated(module: Any, x: Any) -> Any:
    return {"y": tf.reduce_sum(tf.tile(x, [1, 2**20]), axis=1, keepdims=True)}


def nonzero(module: Any, x: Any) -> Any:
    return {"y": tf.tile(x, tf.stack([1, tf.cast(x[0, 0], tf.int32)]))}


def reshaped(module: Any, x: Any) -> Any:
    return {"y": tf.reshape(x, tf.stack([1, tf.cast(x[0, 0], tf.int32)]))}


def test_a_variable_that_changes(tmp_path: Path) -> None:
    save(tmp_path / "m", counted, 4)
    assert refusal(tmp_path / "m") == (
        "AssignAddVariableOp: uses the variable 'Variable' with the operator "
        "'AssignAddVariableOp' while the network runs; save the model for inference only"
    )


def test_a_tensor_of_absurd_size(tmp_path: Path) -> None:
    save(tmp_path / "m", repeated, 4096)
    assert refusal(tmp_path / "m") == (
        "Tile: its output [1, 4294967296] has 4294967296 elements, more than the limit of "
        "67108864; use a smaller input or a larger stride"
    )


def test_a_size_that_depends_on_values(tmp_path: Path) -> None:
    save(tmp_path / "m", nonzero, 4)
    assert refusal(tmp_path / "m") == (
        "Tile: its output has the shape [1, None], which depends on values; "
        "save the model with fixed sizes"
    )


def test_a_shape_that_depends_on_values(tmp_path: Path) -> None:
    save(tmp_path / "m", reshaped, 4)
    assert refusal(tmp_path / "m") == (
        "Reshape: makes a shape that depends on values; save the model with fixed sizes"
    )


def test_values_that_are_no_numbers(tmp_path: Path) -> None:
    module = tf.Module()
    module.variable = tf.Variable([1.0, np.nan])
    module.serve = tf.function(
        lambda x: {"y": x * module.variable}, input_signature=[tf.TensorSpec([None, 2], name="x")]
    )
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": module.serve})
    assert refusal(tmp_path / "m") == (
        "Variable: 1 of its 2 values are NaN or infinite; train the model again"
    )
