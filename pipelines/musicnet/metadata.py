"""Reads `musicnet_metadata.csv`, which has a row for each recording."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

COLUMNS = (
    "id",
    "composer",
    "composition",
    "movement",
    "ensemble",
    "source",
    "transcriber",
    "catalog_name",
    "seconds",
)


def read(path: Path) -> dict[str, Mapping[str, str]]:
    """Reads the table.

    Args:
        path: The CSV file.

    Returns:
        The row of each recording, by its id: the text of each column.

    Raises:
        ValueError: If it is not such a table, or has an id twice.
    """
    rows: dict[str, Mapping[str, str]] = {}
    try:
        for line, row in _rows(path):
            if row["id"] in rows:
                raise ValueError(
                    f"path={str(path)!r}, line {line}: id={row['id']!r} is there "
                    "twice; remove one of its rows."
                )
            rows[row["id"]] = row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"path={str(path)!r} cannot be read as CSV ({error}); get it anew."
        ) from error
    if not rows:
        raise ValueError(f"path={str(path)!r} lists no recordings; get it anew.")
    return rows


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The number of a line and what it says, for each row."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        columns = table.fieldnames or []
        missing = [column for column in COLUMNS if column not in columns]
        if missing:
            raise ValueError(
                f"path={str(path)!r} has no column {missing[0]!r}; it has to be the "
                f"table that MusicNet is published with: {','.join(COLUMNS)}."
            )
        for row in table:
            if None in row or None in row.values():
                raise ValueError(
                    f"path={str(path)!r}, line {table.line_num}: it does not have "
                    f"{len(columns)} columns; get the file anew."
                )
            yield table.line_num, row
