"""Which variable a captured handle is, by the object graph of TensorFlow 2.

The graph calls the served function with its arguments and then the handles that it captured. The
object graph lists the objects behind those handles, and the checkpoint lists, for each object, the
key of its value. Objects are known by the path of names that leads to them from the root. Source:
tensorflow/core/protobuf/saved_object_graph.proto and trackable_object_graph.proto.
"""

from __future__ import annotations

from typing import Any

from frontend.saved_model.inline import CALLS

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"


def captured_keys(graph: Any, objects: Any, stored: bytes) -> dict[str, str]:
    """Return the checkpoint's key of each variable that is captured by a called function.

    Args:
        graph: GraphDef whose nodes call the functions.
        objects: SavedObjectGraph of the same file.
        stored: the checkpoint's TrackableObjectGraph, serialized; what it is where it is damaged
            does not matter, no key is found then.

    Returns:
        keys by the name of the node that is the variable's handle.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    trackable = trackable_object_graph_pb2.TrackableObjectGraph()
    try:
        trackable.ParseFromString(stored)
    except DecodeError:
        return {}
    by_object = _keys_of_objects(objects, trackable)
    keys: dict[str, str] = {}
    for node in graph.node:
        function = node.attr["f"].func.name if node.op in CALLS else node.op
        if function not in objects.concrete_functions:
            continue
        captured = list(objects.concrete_functions[function].bound_inputs)
        tensors = [reference for reference in node.input if not reference.startswith("^")]
        if not captured or len(captured) > len(tensors):
            continue
        for reference, number in zip(tensors[-len(captured) :], captured, strict=True):
            if number in by_object:
                keys[reference.split(":")[0]] = by_object[number]
    return keys


def _keys_of_objects(objects: Any, trackable: Any) -> dict[int, str]:
    """Return the key of each object that has a value, by its number in the SavedModel."""
    keys: dict[int, str] = {}
    seen = {0}
    pending = [(0, 0)]
    while pending:
        saved, stored = pending.pop()
        if saved >= len(objects.nodes) or stored >= len(trackable.nodes):
            continue
        for attribute in trackable.nodes[stored].attributes:
            if attribute.name == "VARIABLE_VALUE":
                keys[saved] = attribute.checkpoint_key
        children = {child.local_name: child.node_id for child in trackable.nodes[stored].children}
        for child in objects.nodes[saved].children:
            if child.local_name in children and child.node_id not in seen:
                seen.add(child.node_id)
                pending.append((child.node_id, children[child.local_name]))
    return keys
