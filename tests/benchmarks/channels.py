"""What a translation keeps of a recording that was made in worse and worse conditions.

python tests/benchmarks/channels.py --recordings=folder --domain=cello

Recordings go through random channels (`tf_mt.data.channel`) and are then translated.
Notes are compared with those of the recording as it was. Beside each translation stands
what a copy of its source would have.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from tf_mt import script
from tf_mt.audio import files, finding
from tf_mt.data import channel
from tf_mt.evaluation.metrics import chroma, loudness, pitch
from tf_mt.inference import bundle, pretrained

BUNDLE = flags.DEFINE_string("bundle", str(pretrained.BUNDLE), "What translates.")
RECORDINGS = flags.DEFINE_string(
    "recordings", None, "A folder of audio files.", required=True
)
DOMAIN = flags.DEFINE_string("domain", "cello", "What is translated to.")
SECONDS = flags.DEFINE_float("seconds", 8.0, "The most of each recording.")
SEEDS = flags.DEFINE_integer("seeds", 3, "Channels of each kind for a recording.")

CHANNELS = {
    "as it is": channel.Channel(),
    "room, up to 0.5 s": channel.Channel(room_seconds=0.5),
    "equaliser, 12 dB": channel.Channel(equaliser_db=12.0),
    "noise, up to -20 dB": channel.Channel(coloured_noise_db=-20.0),
    "noise, up to -10 dB": channel.Channel(coloured_noise_db=-10.0),
    "clipped, up to 12 dB": channel.Channel(clipping_db=12.0),
    "low-pass from 3 kHz": channel.Channel(band_hz=3000.0),
    "a telephone": channel.Channel(6.0, 0.5, -20.0, 3.0, 3400.0),
}


def main(_) -> None:
    """Prints a table, a row for each kind of channel."""
    translating = bundle.Bundle(Path(BUNDLE.value))
    rate_hz = translating.info.sample_rate_hz
    most = round(SECONDS.value * rate_hz)
    clips = [
        files.read(path, rate_hz)[:most] for path in finding.find(RECORDINGS.value)
    ]
    print(f"to {DOMAIN.value}: {len(clips)} recordings, {SEEDS.value} channels of each")
    print(f"{'':22}{'chroma':>16}{'pitch class':>16}{'loudness off':>14}")
    print(f"{'':22}{'copy':>8}{'ours':>8}{'copy':>8}{'ours':>8}{'dB':>14}")
    for name, kind in CHANNELS.items():
        rows = [
            _scores(translating, clip, kind, [number, seed])
            for number, clip in enumerate(clips)
            for seed in range(SEEDS.value)
        ]
        *kept, off_db = np.mean(rows, axis=0)
        print(f"{name:22}" + "".join(f"{one:8.3f}" for one in kept) + f"{off_db:14.2f}")


def _scores(
    translating: bundle.Bundle, clip: np.ndarray, kind: channel.Channel, seed: list[int]
) -> tuple[float, ...]:
    """Chroma and pitch class of a copy and of a translation, and its loudness error."""
    rate_hz = translating.info.sample_rate_hz
    seed = tf.constant(seed, tf.int64)
    heard = channel.through(kind, tf.constant(clip[None]), rate_hz, seed).numpy()[0]
    translated = np.concatenate(
        list(translating.translate_stream([heard], DOMAIN.value))
    )
    contour, colours = pitch.track(clip, rate_hz), chroma.chromagram(clip, rate_hz)
    sounding = pitch.sounding(clip, rate_hz)
    found = [
        (
            chroma.similarity(colours, chroma.chromagram(audio, rate_hz), sounding),
            pitch.accuracies(contour, pitch.track(audio, rate_hz)).chroma,
        )
        for audio in (heard, translated)
    ]
    loud = [loudness.integrated_lufs(audio, rate_hz) for audio in (heard, translated)]
    (copy_chroma, copy_pitch), (our_chroma, our_pitch) = found
    return copy_chroma, our_chroma, copy_pitch, our_pitch, abs(loud[1] - loud[0])


if __name__ == "__main__":
    script.run(main)
