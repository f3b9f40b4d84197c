import collections
import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset
from tf_mt.data import augmentation, clips, index

CLIP_SAMPLES = 500
AUGMENTATION = augmentation.Augmentation(gain_db=6.0, noise_db=-30.0)
DETUNING = dataclasses.replace(AUGMENTATION, pitch_semitones=0.5)


@pytest.fixture(scope="module")
def ramp_clips(ramps):
    return clips.Clips(ramps, "train", CLIP_SAMPLES)


@pytest.fixture(scope="module")
def test_clips(scores_data):
    return clips.Clips(scores_data, "test", CLIP_SAMPLES)


def take(dataset):
    return [{k: v.numpy() for k, v in batch.items()} for batch in dataset]


def positions(batch):
    """File and first sample of each clip of ramps; checks that it is one stretch."""
    pcm = np.rint(batch["audio"] * 32768).astype(int) + 32000
    assert np.all(np.diff(pcm) == 1)
    assert np.all(pcm[..., 0] // 2000 == pcm[..., -1] // 2000)
    return pcm[..., 0] // 2000, pcm[..., 0] % 2000


def test_knows_its_dataset(ramps, ramp_clips):
    assert ramp_clips.info.name == "audio_folder"
    assert ramp_clips.info.sample_rate_hz == 16000
    assert ramp_clips.info.domains == ("high", "low")
    records = index.scan(index.shards(index.open_dataset(ramps), "train"))
    for number, name in enumerate(ramp_clips.info.domains):
        files = sum(record.domain == number for record in records)
        assert ramp_clips.seconds[name] == pytest.approx(files * 2000 / 16000)


def test_clips_are_stretches_of_recordings_of_their_domain_and_split(ramps, ramp_clips):
    records = index.scan(index.shards(index.open_dataset(ramps), "train"))
    files = {int(record.recording[-6:-4]) for record in records}
    seen = set()
    for form in ("mixed", "stacked"):
        for batch in take(ramp_clips.batches(form, 10, seed=0, steps=20)):
            file, _ = positions(batch)
            np.testing.assert_array_equal(file >= 12, batch["domain"] == 1)
            seen |= set(file.ravel().tolist())
    assert seen == files


def test_positions_are_uniform(ramp_clips):
    starts = np.concatenate(
        [
            positions(batch)[1].ravel()
            for batch in take(ramp_clips.batches("stacked", 100, seed=0, steps=50))
        ]
    )
    # 10,000 draws over 1,501 starts; both ends are possible, neither is favoured.
    assert starts.min() < 10
    assert starts.max() == 1500
    histogram, _ = np.histogram(starts, bins=10, range=(0, 1501))
    assert np.all(np.abs(histogram - 1000) < 150)


@pytest.mark.parametrize("form", dataset.FORMS)
def test_shapes(test_clips, form):
    domains = len(test_clips.info.domains)
    (batch,) = test_clips.batches(form, 6, seed=0, steps=1, parts=2)
    shape = (3, domains) if form in ("stacked", "paired") else (3,)
    assert batch["audio"].shape == (*shape, CLIP_SAMPLES)
    assert batch["audio"].dtype == tf.float32
    assert batch["domain"].shape == shape
    assert batch["domain"].dtype == tf.int32


@pytest.mark.parametrize("form", dataset.FORMS)
@pytest.mark.parametrize("augmented", [None, AUGMENTATION, DETUNING])
def test_a_batch_has_what_it_declares(test_clips, form, augmented):
    batches = test_clips.batches(form, 6, seed=0, augmentation=augmented)
    features = dataset.batch_features(form, 3, CLIP_SAMPLES, augmented is DETUNING)
    dataset.check_batch(features, batches.element_spec)
    assert batches.element_spec.keys() == features.keys()


def test_a_batch_that_is_not_as_declared_is_refused(test_clips, monkeypatch):
    declared = dataset.batch_features

    def changed(*arguments):
        return {**declared(*arguments), "step": dataset.Feature("step", (1,), "int64")}

    monkeypatch.setattr(dataset, "batch_features", changed)
    sentence = r"batch feature 'step' must be int64 \[1\] but is int64 \[\]; "
    with pytest.raises(ValueError, match=sentence):
        test_clips.batches("mixed", 6, seed=0)


def test_a_batch_carries_its_step(test_clips):
    for step, batch in enumerate(
        take(test_clips.batches("mixed", 2, seed=5, first_step=7, steps=2)), start=7
    ):
        assert batch["step"] == step
        np.testing.assert_array_equal(batch["seed"], [5, step])


@pytest.mark.parametrize("form", dataset.FORMS)
def test_a_step_is_the_same_however_it_is_reached(test_clips, form):
    arguments = {"form": form, "batch_size": 6, "seed": 5, "augmentation": AUGMENTATION}
    straight = take(test_clips.batches(**arguments, steps=8))
    resumed = take(test_clips.batches(**arguments, first_step=5, steps=3))
    for one, other in zip(straight[5:], resumed, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("form", dataset.FORMS)
def test_parts_together_are_the_whole(test_clips, form):
    arguments = {
        "form": form,
        "batch_size": 6,
        "seed": 5,
        "steps": 3,
        "augmentation": AUGMENTATION,
    }
    whole = take(test_clips.batches(**arguments))
    parts = [take(test_clips.batches(**arguments, part=p, parts=3)) for p in range(3)]
    for step, batch in enumerate(whole):
        for key in batch.keys() - {"seed", "step"}:
            together = np.concatenate([part[step][key] for part in parts])
            np.testing.assert_array_equal(together, batch[key])


@pytest.mark.parametrize("form", dataset.FORMS)
def test_the_input_of_an_encoder_is_detuned(test_clips, form):
    arguments = {"form": form, "batch_size": 6, "seed": 5, "steps": 3}
    clean = take(test_clips.batches(**arguments, augmentation=AUGMENTATION))
    batches = take(test_clips.batches(**arguments, augmentation=DETUNING))
    for batch, in_tune in zip(batches, clean, strict=True):
        assert "encoder_audio" not in in_tune
        for key in ("audio", "domain"):
            np.testing.assert_array_equal(batch[key], in_tune[key])
        assert batch["encoder_audio"].shape == batch["audio"].shape
        assert batch["encoder_audio"].dtype == np.float32
        moved = np.mean(batch["encoder_audio"] != batch["audio"], axis=-1)
        assert np.all((moved > 0.24) & (moved <= 0.5))


@pytest.mark.parametrize("form", dataset.FORMS)
def test_detuning_is_the_same_however_it_is_reached(test_clips, form):
    arguments = {"form": form, "batch_size": 6, "seed": 5, "augmentation": DETUNING}
    whole = take(test_clips.batches(**arguments, steps=3))[2]
    parts = [
        take(test_clips.batches(**arguments, first_step=2, steps=1, part=p, parts=3))
        for p in range(3)
    ]
    together = np.concatenate([batch["encoder_audio"] for (batch,) in parts])
    np.testing.assert_array_equal(together, whole["encoder_audio"])


def test_seeds_and_steps_differ(ramp_clips):
    batches = [
        batch["audio"].tobytes()
        for seed in range(3)
        for batch in take(ramp_clips.batches("mixed", 4, seed=seed, steps=4))
    ]
    assert len(set(batches)) == len(batches)


def test_batches_without_end(ramp_clips):
    batches = ramp_clips.batches("mixed", 2, seed=0)
    assert len(list(itertools.islice(batches, 50))) == 50


@pytest.mark.parametrize("batch_size", [2, 6, 7, 1])
def test_domains_are_balanced(test_clips, batch_size):
    domains = len(test_clips.info.domains)
    counts = collections.Counter()
    for batch in take(test_clips.batches("mixed", batch_size, seed=0, steps=12)):
        of_batch = collections.Counter(batch["domain"].tolist())
        assert max(of_batch.values()) <= -(-batch_size // domains)
        counts += of_batch
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_order_of_domains_is_shuffled(test_clips):
    orders = {
        tuple(batch["domain"])
        for batch in take(test_clips.batches("mixed", 6, seed=0, steps=10))
    }
    assert len(orders) > 3


def test_stacks_hold_every_domain(test_clips):
    for batch in take(test_clips.batches("stacked", 4, seed=0, steps=2)):
        np.testing.assert_array_equal(batch["domain"], [[0, 1, 2]] * 4)


def test_pairs_are_the_same_music(scores_data):
    """Where one instrument of a pair is silent, the others are as well."""
    test = clips.Clips(scores_data, "test", 8000)
    quiet = []
    for batch in take(test.batches("paired", 50, seed=0, steps=4)):
        np.testing.assert_array_equal(batch["domain"], [[0, 1, 2]] * 50)
        power = np.mean(np.square(batch["audio"]).reshape(50, 3, 100, 80), axis=-1)
        quiet.append(power > 1e-4)
    quiet = np.concatenate(quiet)
    together = np.mean(quiet[:, 0] == quiet[:, 1])
    assert together > 0.9
    apart = np.mean(quiet[:, 0] == np.roll(quiet[:, 1], 1, axis=0))
    assert together > apart + 0.05


def epochs(batches, field):
    """All rows of one feature, one after the other."""
    return np.concatenate([batch[field] for batch in take(batches)])


def test_an_epoch_of_the_grid_has_each_clip_once(ramp_clips):
    rows = ramp_clips.indexed_clips
    batches = ramp_clips.batches("indexed", 5, seed=0, steps=2 * rows)
    order = epochs(batches, "clip").reshape(10, rows)
    for epoch in order:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(rows))
    assert len({epoch.tobytes() for epoch in order}) == len(order)


def test_clips_of_the_grid_lie_end_to_end(ramps, ramp_clips):
    records = index.scan(index.shards(index.open_dataset(ramps), "train"))
    found = {}
    for batch in take(ramp_clips.batches("indexed", 6, seed=3, steps=30)):
        files, starts = positions(batch)
        np.testing.assert_array_equal(files >= 12, batch["domain"] == 1)
        for row, place in zip(
            batch["clip"].tolist(), zip(files, starts, strict=True), strict=True
        ):
            assert found.setdefault(row, place) == place
    files = sorted(int(record.recording[-6:-4]) for record in records)
    expected = [(file, start) for file in files for start in range(0, 2000, 500)]
    assert [found[row] for row in sorted(found)] == expected
    assert sorted(found) == list(range(len(expected)))


@pytest.mark.parametrize(("clip_samples", "of_a_file"), [(500, 4), (600, 3), (2000, 1)])
def test_the_size_of_the_grid_is_known_before(ramps, clip_samples, of_a_file):
    whole = clips.Clips(ramps, "train", clip_samples)
    files = len(index.scan(index.shards(index.open_dataset(ramps), "train")))
    assert whole.indexed_clips == files * of_a_file
    assert clips.grid_size(ramps, clip_samples) == whole.indexed_clips


def test_the_grid_is_of_the_domains_that_are_drawn(ramps):
    low = clips.Clips(ramps, "train", CLIP_SAMPLES, {"low": 7})
    assert low.indexed_clips == clips.grid_size(ramps, CLIP_SAMPLES, ["low"])
    assert low.indexed_clips < clips.grid_size(ramps, CLIP_SAMPLES)
    assert set(epochs(low.batches("indexed", 4, 0, steps=50), "domain")) == {7}
    rows = epochs(low.batches("indexed", 4, 0, steps=50), "clip")
    assert set(rows) == set(range(low.indexed_clips))


def test_clips_of_another_split_have_no_row(ramps):
    held_out = clips.Clips(ramps, "validation", CLIP_SAMPLES)
    assert held_out.indexed_clips == 0
    (batch,) = take(held_out.batches("indexed", 4, seed=0, steps=1))
    np.testing.assert_array_equal(batch["clip"], [dataset.NO_ROW] * 4)
    _, starts = positions(batch)
    assert np.all(starts % CLIP_SAMPLES == 0)


def test_refuses_an_unknown_form(ramp_clips):
    with pytest.raises(ValueError, match="form='mixt' is not known; did you mean 'mix"):
        ramp_clips.batches("mixt", 2, seed=0)


def test_refuses_parts_that_do_not_divide(ramp_clips):
    with pytest.raises(ValueError, match="batch_size=5 must be a multiple of parts=2"):
        ramp_clips.batches("mixed", 5, seed=0, parts=2)


def test_refuses_to_pair_without_pieces(ramp_clips):
    with pytest.raises(ValueError, match="form='paired' needs recordings of one perf"):
        ramp_clips.batches("paired", 2, seed=0)


def test_refuses_a_domain_without_a_long_enough_recording(ramps):
    sentence = (
        "domain 'high' has no recording in split 'train' as long as a clip: the "
        r"longest stretch is 0\.12 s of .* s in all, a clip needs 0\.19 s"
    )
    with pytest.raises(ValueError, match=sentence):
        clips.Clips(ramps, "train", 3000)
