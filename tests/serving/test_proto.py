import subprocess
import sys

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving import proto, tensors


def test_tensorflow_serving_reads_our_requests():
    ours = proto.PredictRequest(output_filter=["audio"])
    ours.model_spec.name = "toys"
    ours.model_spec.signature_name = "serving_default"
    audio = np.arange(6, dtype=np.float32).reshape(2, 3)
    domain = np.array([b"cello", b"flute"], object)
    tensors.write_content(audio, ours.inputs.add(key="audio").value)
    tensors.write_content(domain, ours.inputs.add(key="domain").value)

    theirs = predict_pb2.PredictRequest.FromString(ours.SerializeToString())

    assert theirs.model_spec.name == "toys"
    assert theirs.model_spec.signature_name == "serving_default"
    assert list(theirs.output_filter) == ["audio"]
    np.testing.assert_array_equal(tf.make_ndarray(theirs.inputs["audio"]), audio)
    np.testing.assert_array_equal(tf.make_ndarray(theirs.inputs["domain"]), domain)
    assert len(theirs.inputs) == 2


def test_we_read_the_responses_of_tensorflow_serving():
    theirs = predict_pb2.PredictResponse()
    theirs.model_spec.name = "toys"
    theirs.model_spec.version.value = 3
    audio = np.arange(6, dtype=np.float32).reshape(2, 3)
    theirs.outputs["content"].CopyFrom(tf.make_tensor_proto(audio))
    tensors.write_values(audio, theirs.outputs["values"])
    theirs.outputs["sample_rate"].CopyFrom(tf.make_tensor_proto(16000))
    theirs.outputs["domains"].CopyFrom(tf.make_tensor_proto(["cello"]))

    ours = proto.PredictResponse.FromString(theirs.SerializeToString())

    read = {named.key: tensors.to_array(named.value) for named in ours.outputs}
    np.testing.assert_array_equal(read["content"], audio)
    np.testing.assert_array_equal(read["values"], audio)
    assert read["sample_rate"] == 16000
    assert read["domains"].tolist() == [b"cello"]


def test_fields_have_the_numbers_of_tensorflow_serving():
    pairs = [
        (proto.PredictRequest, predict_pb2.PredictRequest),
        (proto.PredictResponse, predict_pb2.PredictResponse),
        (proto.TensorProto, tf.make_tensor_proto(0)),
    ]
    for ours, theirs in pairs:
        known = theirs.DESCRIPTOR.fields_by_name
        for name, field in ours.DESCRIPTOR.fields_by_name.items():
            assert field.number == known[name].number, name


def test_the_client_does_not_import_tensorflow():
    program = (
        "import sys; import serving.client, serving.translate; "
        "heavy = {'tensorflow', 'keras', 'librosa', 'tensorflow_serving'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
