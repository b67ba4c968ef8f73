"""What a TFLite file says of its operators and tensors."""

from __future__ import annotations

from typing import Any

from edgecnn_export.quiet import quiet

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D_TRANSPOSE", "FULLY_CONNECTED", "BATCH_MATMUL")


def read_graph(model: bytes) -> Any:
    """Return the file's object tree."""
    with quiet():
        from ai_edge_quantizer.utils.tfl_flatbuffer_utils import read_model

        return read_model(model)


def layer_names(model: bytes) -> tuple[str, ...]:
    """Return the name of every layer with weights, which is that of the tensor it makes."""
    from ai_edge_quantizer.utils import tfl_flatbuffer_utils as utils

    tree = read_graph(model)
    tensors = tree.subgraphs[0].tensors
    return tuple(
        utils.get_op_scope(op, tensors).removesuffix(";")
        for op in tree.subgraphs[0].operators
        if utils.TFL_OP_CODE_TO_NAME.get(tree.operatorCodes[op.opcodeIndex].builtinCode)
        in _WEIGHTED
        and utils.get_tensor_data(tensors[op.inputs[1]], tree.buffers) is not None
    )


def head_names(model: bytes) -> tuple[str, ...]:
    """Return what normalizes pixels, where the model takes them; as `layer_names` names things."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_quantizer.utils import tfl_flatbuffer_utils as utils

    tree = read_graph(model)
    graph = tree.subgraphs[0]
    source, known = int(graph.inputs[0]), schema.BuiltinOperator
    if graph.tensors[source].type != schema.TensorType.UINT8:
        return ()
    made, names = {source}, []
    for op in graph.operators:
        kind = tree.operatorCodes[op.opcodeIndex].builtinCode
        first = made & {int(i) for i in op.inputs}
        if first and kind in (known.CAST, known.TRANSPOSE, known.MUL, known.ADD):
            made.add(int(op.outputs[0]))
            names.append(utils.get_op_scope(op, graph.tensors).removesuffix(";"))
    return tuple(names)


def activation_indices(model: bytes) -> tuple[int, ...]:
    """Return the indices of the float32 tensors that operators make, the inputs first."""
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(model).subgraphs[0]
    made = [int(i) for op in graph.operators for i in op.outputs]
    ordered = dict.fromkeys((*map(int, graph.inputs), *made))
    return tuple(i for i in ordered if graph.tensors[i].type == schema.TensorType.FLOAT32)
