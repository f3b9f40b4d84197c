"""The messages of TensorFlow Serving's Predict call, without TensorFlow.

The stubs of the package tensorflow-serving-api import TensorFlow, which costs a client
seconds and gigabytes that it has no use for. These messages are the same on the wire.
Fields that no client sends or reads are left out: protobuf skips them.
"""

from serving import messages

PREDICT = "/tensorflow.serving.PredictionService/Predict"

_MESSAGES = {
    "Dim": {"size": (1, "int64")},
    "TensorShapeProto": {"dim": (2, "*Dim")},
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "*float"),
        "double_val": (6, "*double"),
        "int_val": (7, "*int32"),
        "string_val": (8, "*bytes"),
        "scomplex_val": (9, "*float"),
        "int64_val": (10, "*int64"),
        "bool_val": (11, "*bool"),
        "dcomplex_val": (12, "*double"),
        "half_val": (13, "*int32"),
        "uint32_val": (16, "*uint32"),
        "uint64_val": (17, "*uint64"),
    },
    "NamedTensor": {"key": (1, "string"), "value": (2, "TensorProto")},
    "Int64Value": {"value": (1, "int64")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, "*NamedTensor"),
        "output_filter": (3, "*string"),
    },
    "PredictResponse": {"outputs": (1, "*NamedTensor"), "model_spec": (2, "ModelSpec")},
}

_classes = messages.classes(_MESSAGES)

PredictRequest = _classes["PredictRequest"]
PredictResponse = _classes["PredictResponse"]
TensorProto = _classes["TensorProto"]
