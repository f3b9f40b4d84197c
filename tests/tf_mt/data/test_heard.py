import collections

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset
from tf_mt.data import augmentation, channel, clips, index, recordings
from tf_mt.data import heard as heard_only

CLIP_SAMPLES = 1500
HEARD = augmentation.Augmentation(heard_share=0.5)


@pytest.fixture(scope="module")
def train(heard_data):
    return clips.Clips(heard_data, "train", CLIP_SAMPLES)


@pytest.fixture(scope="module")
def played(heard_data):
    """The stored samples of each piece by each domain."""
    found = collections.defaultdict(dict)
    for recording in recordings.read(heard_data, "train"):
        found[recording.piece][recording.domain] = recording.audio
    return found


def take(train, share=0.5, batch_size=8, steps=4, **arguments):
    augmented = augmentation.Augmentation(heard_share=share)
    given = {"seed": 5, "steps": steps, "augmentation": augmented, **arguments}
    batches = train.batches("paired", batch_size, **given)
    return [{k: v.numpy() for k, v in batch.items()} for batch in batches]


def place(clip, played, domain):
    """The piece and the first sample of a clip of a domain."""
    for piece, renderings in played.items():
        byte = renderings[domain].tobytes().find(clip.tobytes())
        if byte >= 0:
            return piece, byte // 4
    raise AssertionError(f"no recording of {domain} has it")


def test_the_encoder_hears_the_same_stretch_by_another_instrument(train, played):
    by_others = set()
    for batch in take(train):
        for slot, domain in np.ndindex(batch["domain"].shape):
            truth, encoder = (
                batch[k][slot, domain] for k in ("audio", "encoder_audio")
            )
            if batch["encoder_domain"][slot, domain] != dataset.NO_DOMAIN:
                np.testing.assert_array_equal(encoder, truth)
                continue
            name = train.info.domains[domain]
            if np.std(truth) < 1e-3:  # Silence is in many places.
                continue
            piece, start = place(truth, played, name)
            stretch = slice(start, start + CLIP_SAMPLES)
            same = {
                other
                for other, audio in played[piece].items()
                if np.array_equal(audio[stretch], encoder)
            }
            assert len(same) == 1 and same <= {"clarinet", "oboe"}
            by_others |= same
    assert by_others == {"clarinet", "oboe"}


def test_the_truth_is_what_it_is_without(train):
    plain = take(train, share=0.0)
    for batch, without in zip(take(train), plain, strict=True):
        assert "encoder_audio" not in without
        for key in without:
            np.testing.assert_array_equal(batch[key], without[key])


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_is_as_asked(train, share):
    batches = take(train, share, batch_size=100)
    replaced = np.stack([b["encoder_domain"] == dataset.NO_DOMAIN for b in batches])
    assert np.mean(replaced) == pytest.approx(share, abs=0.05)
    np.testing.assert_allclose(np.mean(replaced, (0, 1)), share, atol=0.1)
    of_slots = np.mean(replaced, axis=2)
    assert share == 1.0 or np.any((of_slots > 0.0) & (of_slots < 1.0))


def test_a_step_is_the_same_however_it_is_reached(train):
    straight = take(train, steps=6)
    resumed = take(train, first_step=4, steps=2)
    parts = [take(train, steps=6, part=part, parts=2) for part in range(2)]
    for step, batch in enumerate(straight):
        for key in batch.keys() - {"seed", "step"}:
            together = np.concatenate([part[step][key] for part in parts])
            np.testing.assert_array_equal(together, batch[key])
            if step >= 4:
                np.testing.assert_array_equal(resumed[step - 4][key], batch[key])
    (other,) = take(train, steps=1, seed=6)
    assert np.any(other["encoder_domain"] != straight[0]["encoder_domain"])


def test_what_is_heard_has_the_gain_of_its_truth(train):
    gain = augmentation.Augmentation(gain_db=12.0, heard_share=1.0)
    (loud,) = take(train, steps=1, augmentation=gain)
    (plain,) = take(train, share=1.0, steps=1)
    for key in ("audio", "encoder_audio"):
        assert np.any(loud[key] != plain[key])
    ratio = [
        np.sum(loud[k] * plain[k], (1, 2)) / np.sum(plain[k] ** 2, (1, 2))
        for k in ("audio", "encoder_audio")
    ]
    np.testing.assert_allclose(*ratio, rtol=1e-4)


def test_what_is_heard_goes_through_the_channel_of_its_clip(train):
    """A channel depends on the slot, not on what is sent through it."""
    through = channel.Channel(equaliser_db=6.0)
    settings = {"pitch_semitones": 0.5, "channel": through}
    sent = augmentation.Augmentation(heard_share=0.5, **settings)
    (batch,) = take(train, steps=1, augmentation=sent)
    (direct,) = take(train, steps=1)
    expected = augmentation.encoder_input(
        sent, tf.constant(direct["encoder_audio"]), 8000, 5, tf.constant(0, tf.int64)
    )
    np.testing.assert_allclose(batch["encoder_audio"], expected, atol=1e-6)
    np.testing.assert_array_equal(batch["audio"], direct["audio"])


def test_a_domain_that_is_added_is_heard_from_others(heard_data):
    flute = clips.Clips(heard_data, "train", CLIP_SAMPLES, {"flute": 7})
    (batch,) = take(flute, share=1.0, steps=1)
    assert set(batch["domain"].ravel()) == {7}
    assert set(batch["encoder_domain"].ravel()) == {dataset.NO_DOMAIN}


@pytest.mark.parametrize("form", ["mixed", "stacked", "indexed"])
def test_only_pairs_can_be_heard_from_others(train, form):
    with pytest.raises(
        ValueError, match=r"heard_share=0\.5: batches must be of the fo"
    ):
        train.batches(form, 2, seed=0, augmentation=HEARD)


def test_a_dataset_without_such_instruments_is_refused(heard_data, paired_data):
    for data, split in ((paired_data, "train"), (heard_data, "validation")):
        stored = clips.Clips(data, split, CLIP_SAMPLES)
        with pytest.raises(
            ValueError, match=r"heard_share=0\.5: scores/paired must ha"
        ):
            stored.batches("paired", 2, seed=0, augmentation=HEARD)


def record(piece, byte, offset=0, samples=100):
    return index.Record(3, byte, samples, 0, f"{piece}/x", piece, offset)


def test_a_piece_that_no_other_plays_is_heard_as_it_is():
    rows = [[record("a", 10)], [record("b", 20)], [record("c", 30)]]
    others = [record("c", 300), record("a", 100), record("a", 200)]
    others += [record("b", 400, offset=100), record("b", 500, samples=99)]
    found = heard_only.Heard(rows, others)
    assert found.total == 3
    row = np.tile([0, 1, 2], 50)
    start_bytes = np.arange(150) % 7 * 2
    crops = np.tile(np.array([[[3, 9]]]), (150, 2, 1))
    random = np.random.default_rng(0)
    heard, replaced = found.instead(crops, row, start_bytes, 1.0, random)
    np.testing.assert_array_equal(replaced, np.repeat(row[:, None] != 1, 2, axis=1))
    assert np.all(crops == [3, 9])
    begins = heard[..., 1] - np.where(replaced, start_bytes[:, None], 0)
    assert set(begins[row == 0].ravel()) == {100, 200}
    assert set(begins[row == 1].ravel()) == {9}
    assert set(begins[row == 2].ravel()) == {300}
