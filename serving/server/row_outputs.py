"""Which outputs of a signature can be shared out among requests that are run jointly.

An output whose first dimension is left open has a row for each row of the inputs. One
that does not depend on the inputs, as `sample_rate`, is the same for everybody. Any
other one may say something of one request to another.
"""

from collections.abc import Iterable, Mapping

from tensorflow.core.framework import function_pb2, node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_FEEDS = ("Placeholder", "PlaceholderWithDefault")

_Nodes = Mapping[str, node_def_pb2.NodeDef]
_Functions = Mapping[str, function_pb2.FunctionDef]


def of_signatures(
    meta_graph: meta_graph_pb2.MetaGraphDef,
) -> dict[str, dict[str, bool]]:
    """Finds the outputs that can be shared out.

    Args:
        meta_graph: A SavedModel's.

    Returns:
        {signature: {tensor: whether it has rows}}; outputs that cannot be shared out
        are left out.
    """
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    library = meta_graph.graph_def.library.function
    functions = {function.signature.name: function for function in library}
    return {
        name: _of_signature(signature, nodes, functions)
        for name, signature in meta_graph.signature_def.items()
    }


def _of_signature(
    signature: meta_graph_pb2.SignatureDef, nodes: _Nodes, functions: _Functions
) -> dict[str, bool]:
    inputs = signature.inputs.values()
    if not inputs or not all(_has_rows(info) for info in inputs):
        return {}
    found = {}
    for info in signature.outputs.values():
        if not _sources([info.name], nodes, functions):
            found[info.name] = False
        elif _has_rows(info):
            found[info.name] = True
    return found


def _has_rows(info: meta_graph_pb2.TensorInfo) -> bool:
    dims = info.tensor_shape.dim
    is_dense = info.WhichOneof("encoding") == "name"
    return is_dense and bool(dims) and dims[0].size == -1


def _sources(tensors: Iterable[str], nodes: _Nodes, functions: _Functions) -> set[str]:
    """The feeds of a graph, or arguments of a function, that some tensors depend on."""
    sources, seen, waiting = set(), set(), list(tensors)
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor.startswith("^"):
            continue
        seen.add(tensor)
        # NODE:INDEX in a graph, NODE:OUTPUT:INDEX or ARGUMENT in a function.
        name, _, place = tensor.partition(":")
        if name not in nodes or nodes[name].op in _FEEDS:
            sources.add(name)
        else:
            index = int(place.rpartition(":")[2] or 0)
            waiting += _inputs(nodes[name], index, functions)
    return sources


def _inputs(node: node_def_pb2.NodeDef, index: int, functions: _Functions) -> list[str]:
    """The inputs of a node that an output of it depends on, or more."""
    if node.op not in _CALLS:
        return list(node.input)
    function = functions[node.attr["f"].func.name]
    result = function.ret[function.signature.output_arg[index].name]
    nodes = {node.name: node for node in function.node_def}
    sources = _sources([result], nodes, functions)
    arguments = [argument.name for argument in function.signature.input_arg]
    return [
        tensor
        for tensor, argument in zip(node.input, arguments, strict=False)
        if argument in sources
    ]
