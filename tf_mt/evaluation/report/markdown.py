"""The table of a scorecard in Markdown, for a README and for a terminal."""

from tf_mt.evaluation.report import discrimination, score_text

_ESCAPED = str.maketrans({letter: f"\\{letter}" for letter in "\\`*|<["} | {"\n": " "})


def table(scorecard: dict) -> str:
    """Draws the scores: a row for each system, a column for each metric.

    The best model of a column is bold. A column whose title carries a dagger does not
    discriminate the truth from a copy on this dataset.

    Args:
        scorecard: As `tf_mt.evaluation.protocol.scorecard` makes it.

    Returns:
        Markdown, ending with a newline.
    """
    metrics = scorecard["metrics"]
    titles = [_title(scorecard, metric) for metric in metrics]
    columns = [_column(scorecard, metric) for metric in metrics]
    lines = [_row(["System", *titles]), "|---" * (1 + len(metrics)) + "|"]
    for number, system in enumerate(discrimination.ordered(scorecard)):
        cells = [column[number] for column in columns]
        lines.append(_row([_escape(system["name"]), *cells]))
    notes = [_escape(score_text.setting(scorecard)), *discrimination.notes(scorecard)]
    return "\n".join(lines) + "\n\n" + "\n\n".join(notes) + "\n"


def _title(scorecard: dict, metric: dict) -> str:
    mark = (
        ""
        if discrimination.discriminates(scorecard, metric["name"])
        else f" {discrimination.MARK}"
    )
    return _escape(f"{metric['title']} ({score_text.unit(metric)}){mark}")


def _column(scorecard: dict, metric: dict) -> list[str]:
    """The cells of a metric, one for each system."""
    places = score_text.places(scorecard, metric["name"])
    best = discrimination.best(scorecard, metric)
    cells = []
    for system in discrimination.ordered(scorecard):
        score = scorecard["scores"].get(system["name"], {}).get(metric["name"])
        if score is None:
            cells.append("-")
            continue
        mean = score_text.number(score["mean"], places)
        if system["name"] in best:
            mean = f"**{mean}**"
        cells.append(f"{mean} ({score_text.interval(score, places)})")
    return cells


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escape(text: str) -> str:
    return text.translate(_ESCAPED)
