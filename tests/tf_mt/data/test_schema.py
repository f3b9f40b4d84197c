import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_mt.data import schema


@pytest.mark.parametrize(("domain", "number"), [("flute", 1), (schema.NO_DOMAIN, -1)])
def test_what_is_written_is_what_is_read(domain, number):
    features = tfds.features.FeaturesDict(schema.features())
    features["domain"].names = ["cello", "flute"]
    chunk = schema.Chunk(16_000, domain, "ré/01.wav", 10**12, "suite")
    pcm = np.array([1, -2, 3], "<i2").tobytes()
    serialized = features.serialize_example(schema.example(pcm, chunk))
    stored = tf.train.Example.FromString(serialized).features.feature
    assert schema.parse(stored) == chunk._replace(domain=number)
    assert stored[schema.AUDIO].bytes_list.value[0] == pcm


def test_a_dataset_of_recordings_has_all_features():
    features = schema.features()
    labelled = {**features, "pitch": np.int32}
    assert schema.are_in(tfds.features.FeaturesDict(labelled))
    del features["offset"]
    assert not schema.are_in(tfds.features.FeaturesDict(features))
