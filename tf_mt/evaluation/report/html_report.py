"""The report of a scorecard: one HTML page with its tables, pictures and sounds."""

import html
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from tf_mt import atomic
from tf_mt.audio import files
from tf_mt.evaluation.report import (
    discrimination,
    html_page,
    plots,
    score_plots,
    score_text,
    sound_picture,
)


def write(
    scorecard: dict,
    examples: Sequence[dict],
    pictures: Mapping[str, Path],
    sample_rate_hz: int,
    path: Path,
) -> None:
    """Writes the report, whole or not at all.

    The page opens from disk and asks nothing of the network: its sounds are embedded as
    16-bit FLAC, its pictures as PNG.

    Args:
        scorecard: As `tf_mt.evaluation.protocol.scorecard` makes it.
        examples: Each `{"title": str, "sounds": {name: path of an audio file}}`; shown
            in their order.
        pictures: PNG files by their title.
        sample_rate_hz: The rate at which the sounds are drawn and played.
        path: The HTML file.

    Raises:
        FileNotFoundError: There is no such sound or picture.
        ValueError: A sound is not audio.
    """
    sections = {
        "Scores": _scores(scorecard),
        "Scores by pair": _pairs(scorecard),
        "Plots": _plots(scorecard),
        "Examples": _examples(examples, sample_rate_hz),
        "Pictures": _pictures(pictures),
        "Systems": _systems(scorecard),
        "Metrics": _metrics(scorecard),
    }
    sections = {title: body for title, body in sections.items() if body}
    body = [_opening(scorecard), _contents(list(sections))]
    body += [
        f'<section id="{_anchor(title)}"><h2>{title}</h2>\n{section}\n</section>'
        for title, section in sections.items()
    ]
    text = html_page.page(_title(scorecard), "\n".join(["<main>", *body, "</main>"]))
    with atomic.path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _title(scorecard: dict) -> str:
    return f"Scorecard: {scorecard['dataset']}"


def _opening(scorecard: dict) -> str:
    """The title, what was scored, and a sentence for each model."""
    sentences = (
        discrimination.compare_with_copy(scorecard, system["name"]).sentence(
            system["name"]
        )
        for system in scorecard["systems"]
        if system["kind"] == "model"
    )
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return (
        f"<h1>{html.escape(_title(scorecard))}</h1>\n"
        f'<p class="soft">{html.escape(score_text.setting(scorecard))}</p>\n'
        f"<ul>{items}</ul>\n"
    )


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _contents(titles: list[str]) -> str:
    links = (f'<li><a href="#{_anchor(title)}">{title}</a></li>' for title in titles)
    return f'<nav aria-label="Contents"><ul>{"".join(links)}</ul></nav>'


def _scores(scorecard: dict) -> str:
    bodies = []
    for kind, systems in itertools.groupby(
        discrimination.ordered(scorecard), lambda system: system["kind"]
    ):
        rows = "\n".join(_score_row(scorecard, system["name"]) for system in systems)
        bodies.append(f'<tbody class="{kind}s">{rows}</tbody>')
    table = html_page.table(
        "Mean and 95 % interval of each metric",
        _head(scorecard, "System"),
        "\n".join(bodies),
    )
    notes = "".join(
        f"<p><small>{html.escape(note)}</small></p>"
        for note in discrimination.notes(scorecard)
    )
    return table + notes


def _head(scorecard: dict, corner: str) -> str:
    """The head of a table with a column for each metric."""
    titles = "".join(_heading(scorecard, metric) for metric in scorecard["metrics"])
    return f'<tr><th scope="col" class="corner">{corner}</th>{titles}</tr>'


def _heading(scorecard: dict, metric: dict) -> str:
    discriminates = discrimination.discriminates(scorecard, metric["name"])
    mark = "" if discriminates else f" {discrimination.MARK}"
    return (
        f'<th scope="col"{_style(discriminates)}>{html.escape(metric["title"])}{mark}'
        f"<small>{html.escape(score_text.unit(metric))}"
        f'<span class="hidden">, {metric["better"]} is better</span></small></th>'
    )


def _style(discriminates: bool) -> str:
    return "" if discriminates else ' class="weak"'


def _score_row(scorecard: dict, system: str) -> str:
    cells = []
    for metric in scorecard["metrics"]:
        style = _style(discrimination.discriminates(scorecard, metric["name"]))
        score = scorecard["scores"].get(system, {}).get(metric["name"])
        if score is None:
            cells.append(f"<td{style}>-</td>")
            continue
        places = score_text.places(scorecard, metric["name"])
        mean = score_text.number(score["mean"], places)
        interval = f"<small>{score_text.interval(score, places)}</small>"
        if system in discrimination.best(scorecard, metric):
            style, mean = ' class="best"', f"<strong>{mean}</strong>"
        cells.append(f"<td{style}>{mean}{interval}</td>")
    return f'<tr><th scope="row">{html.escape(system)}</th>{"".join(cells)}</tr>'


def _pairs(scorecard: dict) -> str:
    """For each model a table of means with a row for each pair of domains."""
    return "\n".join(
        f"<details><summary>{html.escape(system['name'])}</summary>\n"
        + _pair_table(scorecard, system["name"])
        + "</details>"
        for system in scorecard["systems"]
        if system["kind"] == "model" and scorecard["pairs"].get(system["name"])
    )


def _pair_table(scorecard: dict, model: str) -> str:
    means = scorecard["pairs"][model]
    rows = []
    for pair in dict.fromkeys(itertools.chain.from_iterable(means.values())):
        cells = []
        for metric in scorecard["metrics"]:
            mean = means.get(metric["name"], {}).get(pair)
            places = score_text.places(scorecard, metric["name"])
            text = "-" if mean is None else score_text.number(mean, places)
            style = _style(discrimination.discriminates(scorecard, metric["name"]))
            cells.append(f"<td{style}>{text}</td>")
        rows.append(
            f'<tr><th scope="row">{html.escape(pair)}</th>{"".join(cells)}</tr>'
        )
    caption = f"Means of {model} by pair of domains, source -> target"
    body = "\n".join(["<tbody>", *rows, "</tbody>"])
    return html_page.table(caption, _head(scorecard, "Pair"), body)


def _plots(scorecard: dict) -> str:
    charts = (
        html_page.chart(
            metric["title"],
            score_plots.draw(scorecard, metric),
            _alt(scorecard, metric),
        )
        for metric in scorecard["metrics"]
    )
    return (
        "<p>Means and 95 % intervals; models in blue, baselines in grey, the dashed "
        "line at copying the source.</p>"
        f'<div class="grid charts">{"".join(charts)}</div>'
    )


def _alt(scorecard: dict, metric: dict) -> str:
    """What a plot shows, in words."""
    places = score_text.places(scorecard, metric["name"])
    scores = [
        f"{system['name']} {score_text.number(score['mean'], places)} "
        f"({score_text.interval(score, places)})"
        for system in discrimination.ordered(scorecard)
        if (score := scorecard["scores"].get(system["name"], {}).get(metric["name"]))
    ]
    return f"{metric['title']}, {score_text.meaning(metric)}: {', '.join(scores)}"


def _examples(examples: Sequence[dict], sample_rate_hz: int) -> str:
    if not examples:
        return ""
    rows = [
        "<p>Log-mel spectrogram and chromagram of the first "
        f"{plots.SHOWN_SECONDS:g} s, on one scale throughout; the player plays the "
        "whole.</p>"
    ]
    for example in examples:
        figures = []
        for name, place in example["sounds"].items():
            audio = files.read(Path(place), sample_rate_hz)
            drawn = sound_picture.draw(audio, sample_rate_hz)
            figures.append(html_page.sound(name, drawn, audio, sample_rate_hz))
        rows.append(
            f"<h3>{html.escape(example['title'])}</h3>"
            f'<div class="grid sounds">{"".join(figures)}</div>'
        )
    return "\n".join(rows)


def _pictures(pictures: Mapping[str, Path]) -> str:
    return "\n".join(
        html_page.picture(title, Path(place).read_bytes())
        for title, place in pictures.items()
    )


def _systems(scorecard: dict) -> str:
    return html_page.definitions(
        (
            system["name"],
            "; ".join(
                [
                    system["kind"],
                    *(f"{key}: {said}" for key, said in system["about"].items()),
                ]
            ),
        )
        for system in discrimination.ordered(scorecard)
    )


def _metrics(scorecard: dict) -> str:
    """What each metric means."""
    return html_page.definitions(
        (
            metric["title"],
            f"{metric['about']} ({score_text.meaning(metric)}; compared with: "
            f"{metric['against']})",
        )
        for metric in scorecard["metrics"]
    )
