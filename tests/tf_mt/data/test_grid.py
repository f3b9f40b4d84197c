import tracemalloc

import numpy as np

from tf_mt.data import grid, index

CLIP_SAMPLES = 100


def record(recording, samples, offset=0, byte=0, shard=0, domain=0):
    return index.Record(shard, byte, samples, domain, recording, "", offset)


def test_clips_are_numbered_by_recording_and_time():
    records = [
        record("b", 250, offset=0, byte=1000, shard=1, domain=1),
        record("a", 330, offset=330, byte=5000, shard=0),
        record("a", 330, offset=0, byte=90, shard=2),
        record("c", 99, byte=7),
    ]
    of_clips = grid.Grid(records, CLIP_SAMPLES)
    assert of_clips.clips == 8
    domain, crops = of_clips.at(np.arange(8))
    np.testing.assert_array_equal(domain, [0] * 6 + [1] * 2)
    expected = [(2, 90), (2, 290), (2, 490), (0, 5000), (0, 5200), (0, 5400)]
    expected += [(1, 1000), (1, 1200)]
    np.testing.assert_array_equal(crops, expected)


def test_an_epoch_ends_within_a_batch():
    of_clips = grid.Grid([record("a", 700)], CLIP_SAMPLES)
    drawn = np.concatenate([of_clips.draw(0, step, 5) for step in range(7)])
    for epoch in drawn.reshape(5, 7):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(7))


def test_a_batch_may_be_larger_than_the_grid():
    of_clips = grid.Grid([record("a", 300)], CLIP_SAMPLES)
    counts = np.bincount(of_clips.draw(0, 1, 7), minlength=3)
    assert counts.sum() == 7
    assert counts.min() >= 1


def test_a_step_costs_no_more_where_the_grid_is_large():
    of_clips = grid.Grid([record("a", 10**6 * CLIP_SAMPLES)], CLIP_SAMPLES)
    assert of_clips.clips == 10**6
    of_clips.draw(0, 0, 64)
    tracemalloc.start()
    try:
        drawn = of_clips.draw(0, 10**9, 64)
        of_clips.at(drawn)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(set(drawn.tolist())) == 64
    # A table of the order of all clips would take 8 MB.
    assert peak_bytes < 64_000
