import dataclasses
import json
import types

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models
from tf_mt.data import augmentation, clips
from tf_mt.training import run, trainer

CLIP_SAMPLES = 500
TRAINING = config.Training(batch_size=4)
DETUNING = augmentation.Augmentation(pitch_semitones=0.5)


def model_of(stored, form, **changes):
    """What the trainer asks a model about its batches."""
    return types.SimpleNamespace(
        batches=form,
        info=dataclasses.replace(stored.info, **changes),
        trained_domains=stored.info.domains,
        clip_samples=CLIP_SAMPLES,
    )


def steps(stored, model, strategy, count=3, **arguments):
    """The batches of a few steps, for each of the replicas."""
    batches = iter(
        trainer._distributed(stored, model, TRAINING, strategy, seed=5, **arguments)
    )
    return [
        [
            {name: value.numpy() for name, value in zip(batch, values, strict=True)}
            for values in zip(
                *map(strategy.experimental_local_results, batch.values()), strict=True
            )
        ]
        for batch in (next(batches) for _ in range(count))
    ]


@pytest.fixture(scope="module")
def stored(scores_data):
    return clips.Clips(scores_data, "train", CLIP_SAMPLES)


@pytest.mark.parametrize("form", ["mixed", "stacked", "indexed"])
@pytest.mark.parametrize("augmented", [None, DETUNING])
def test_replicas_share_a_batch(stored, form, augmented):
    model = model_of(stored, form, indexed_clips=stored.indexed_clips)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    arguments = {"first_step": 7, "augmented": augmented}
    whole = steps(stored, model, tf.distribute.get_strategy(), **arguments)
    shared = steps(stored, model, two, **arguments)
    features = dataset.batch_features(form, 3, CLIP_SAMPLES, augmented is not None)
    for step, ((batch,), parts) in enumerate(zip(whole, shared, strict=True), start=7):
        assert batch.keys() == features.keys()
        for name, feature in features.items():
            found = [part[name] for part in parts]
            if feature.per_slot:
                np.testing.assert_array_equal(np.concatenate(found), batch[name])
            else:
                np.testing.assert_array_equal(found, [batch[name]] * 2)
        assert batch["step"] == step
        np.testing.assert_array_equal(batch["seed"], [5, step])


def test_a_model_with_other_clips_than_the_data_is_refused(stored, scores_data):
    strategy = tf.distribute.get_strategy()
    model = model_of(stored, "indexed", indexed_clips=stored.indexed_clips + 1)
    with pytest.raises(ValueError, match=r"indexed_clips=\d+ must be the number of cl"):
        steps(stored, model, strategy)
    held_out = clips.Clips(scores_data, "validation", CLIP_SAMPLES)
    ((batch,),) = steps(held_out, model, strategy, count=1)
    np.testing.assert_array_equal(batch["clip"], [dataset.NO_ROW] * 4)


def test_a_model_of_another_clip_length_is_refused(stored):
    model = model_of(stored, "mixed")
    model.clip_samples = 400
    with pytest.raises(ValueError, match=r"'audio' must be float32 \[\?, 400\] but is"):
        steps(stored, model, tf.distribute.get_strategy())


@pytest.mark.parametrize("indexed_clips", [0, 1234])
def test_a_run_keeps_the_number_of_its_clips(indexed_clips):
    info = dataset.DatasetInfo("toy", 8000, ("a", "b"), indexed_clips)
    settings = run.settings_of("vae_gan", models.preset("vae_gan", "tiny"), info)
    kept = json.loads(json.dumps(settings))
    assert run.info_of(kept) == info
    # A run from before there were such clips goes on with the same settings.
    assert ("indexed_clips" in kept["dataset"]) == (indexed_clips > 0)
