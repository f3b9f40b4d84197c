"""Domains of MusicNet, selected by columns of its metadata.

A domain is a name and the text that columns of the table must have.
"""

import re
from collections.abc import Mapping, Sequence

from tf_mt import names

Domains = Mapping[str, Mapping[str, str]]

SYNTAX = (
    "NAME=column:value,column:value with each column once, such as "
    "'Bach Piano=composer:Bach,ensemble:Solo Piano'"
)

# A comma is part of a value unless a column follows.
_BETWEEN = re.compile(r",\s*(?=\w+:)")


def _named(*wanted: Mapping[str, str]) -> Domains:
    return {" ".join(columns.values()): columns for columns in wanted}


CONFIGS: Mapping[str, Domains] = {
    "umt": _named(
        {"composer": "Beethoven", "ensemble": "Accompanied Violin"},
        {"composer": "Bach", "ensemble": "Solo Cello"},
        {"composer": "Bach", "ensemble": "Solo Piano"},
        {"composer": "Beethoven", "ensemble": "Solo Piano"},
        {"composer": "Beethoven", "ensemble": "String Quartet"},
        {"composer": "Cambini", "ensemble": "Wind Quintet"},
    ),
    "cpc": _named(
        {"ensemble": "Solo Cello"},
        {"ensemble": "Solo Violin"},
        {"composer": "Beethoven", "ensemble": "Solo Piano"},
    ),
    "lord": _named(
        {"ensemble": "Solo Cello"},
        {"ensemble": "Solo Piano"},
        {"ensemble": "Solo Violin"},
        {"ensemble": "Wind Quintet"},
    ),
}


def parse(given: Sequence[str]) -> Domains:
    """Reads domains as the user writes them.

    Args:
        given: One text for each domain, as `SYNTAX` says.

    Raises:
        ValueError: If one is written otherwise, or a name is there twice.
    """
    domains: dict[str, Mapping[str, str]] = {}
    for text in given:
        name, _, selection = (part.strip() for part in text.partition("="))
        pairs = [
            [part.strip() for part in pair.split(":", 1)]
            for pair in _BETWEEN.split(selection)
        ]
        columns = {pair[0]: pair[-1] for pair in pairs}
        whole = all(len(pair) == 2 and all(pair) for pair in pairs)
        if not name or not whole or len(columns) < len(pairs):
            raise ValueError(f"domain={text!r} must be {SYNTAX}.")
        if name in domains:
            raise ValueError(f"domain={text!r}: {name!r} is there twice; rename one.")
        domains[name] = columns
    return domains


def recordings(
    domains: Domains, rows: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """The ids of the recordings of each domain.

    Args:
        domains: The domains.
        rows: The row of each recording, by its id.

    Raises:
        ValueError: If a domain has an unknown column or value or no recordings, or a
            recording is in two domains.
    """
    chosen = {name: _matching(name, wanted, rows) for name, wanted in domains.items()}
    domain_of: dict[str, str] = {}
    for name, ids in chosen.items():
        for recording in ids:
            other = domain_of.setdefault(recording, name)
            if other != name:
                raise ValueError(
                    f"recording={recording!r} is in the domains {other!r} and "
                    f"{name!r}; a recording can be in one only, so narrow one of them."
                )
    return chosen


def _matching(
    name: str, wanted: Mapping[str, str], rows: Mapping[str, Mapping[str, str]]
) -> list[str]:
    known = next(iter(rows.values()))
    for column, value in wanted.items():
        if column not in known:
            raise ValueError(
                f"domain={name!r}: {names.unknown('column', column, known)}"
            )
        values = {row[column] for row in rows.values()}
        if value not in values:
            raise ValueError(f"domain={name!r}: {names.unknown(column, value, values)}")
    ids = [
        recording
        for recording, row in rows.items()
        if all(row[column] == value for column, value in wanted.items())
    ]
    if not ids:
        listed = " and ".join(f"{c} {v!r}" for c, v in wanted.items())
        raise ValueError(
            f"domain={name!r} has no recordings: none has {listed} at once."
        )
    return ids
