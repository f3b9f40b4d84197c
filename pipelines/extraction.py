"""Exports the recordings of a converted dataset as WAV files."""

import collections
import re
from pathlib import Path

from tf_mt import progress
from tf_mt.audio import files, finding
from tf_mt.data import index, recordings


def extract(data_dir: Path, split: str, out: Path, limit: int | None = None) -> str:
    """Writes the recordings of a split as `<out>/<domain>/<recording>.wav`.

    Recordings of one piece have the same file name in every domain.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        split: The name of the split.
        out: The folder to write to.
        limit: The most recordings of each domain; all if None.

    Returns:
        A sentence that says what was written.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, the split is not there, or two recordings
            have the same file name.
    """
    dataset = index.open_dataset(data_dir)
    rate = int(dataset.info.metadata["sample_rate_hz"])
    written = collections.defaultdict(set)
    for recording in progress.bar(recordings.read(data_dir, split), unit="recording"):
        domain = recording.domain or "none"
        if limit is not None and len(written[domain]) >= limit:
            continue
        name = _file_name(recording.piece or recording.recording, domain)
        if name in written[domain]:
            raise ValueError(f"two recordings would be {domain}/{name}.wav.")
        files.write(Path(out) / _safe(domain) / f"{name}.wav", recording.audio, rate)
        written[domain].add(name)
    return f"{sum(map(len, written.values()))} recordings are in {out}."


def _file_name(recording: str, domain: str) -> str:
    """The id of a recording without what its folder says, as a file name."""
    path = Path(recording.removeprefix(f"{domain}/"))
    return _safe(str(path.with_suffix("") if finding.is_audio(path) else path))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "_", name)
