"""A self-contained HTML page: style, script, embedded pictures and sound.

Nothing is loaded from elsewhere, and the page's own policy forbids it.
"""

import base64
import html
import io
from collections.abc import Iterable

import numpy as np
import soundfile

from tf_mt.audio import files

_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2024; --soft: #5b636d; --paper: #fff; --card: #f5f6f8; --line: #d9dde2;
  --accent: #1f6feb; --best: #d8efdc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8eb; --soft: #a0a8b2; --paper: #121417; --card: #1b1e23;
    --line: #343a42; --accent: #6ea8ff; --best: #1f4a2a;
  }
  img.chart { filter: invert(1) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 90rem; padding: 1rem clamp(1rem, 3vw, 2.5rem) 4rem;
  background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 system-ui, sans-serif;
}
h1 { line-height: 1.2; margin: 1rem 0 .5rem; }
h2 { margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 1px solid var(--line); }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.05rem; }
p, ul, dd { max-width: 75ch; }
a { color: var(--accent); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; }
nav li { list-style: none; }
.soft, small, caption { color: var(--soft); }
small { font-size: .8rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; }
.wide {
  position: relative; overflow-x: auto;
  border: 1px solid var(--line); border-radius: .5rem;
}
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; padding: .5rem .75rem; position: sticky; left: 0; }
th, td { padding: .4rem .75rem; border-top: 1px solid var(--line); text-align: right; }
td small, thead small { display: block; white-space: nowrap; font-weight: 400; }
thead th { vertical-align: bottom; line-height: 1.25; font-size: .9rem; }
tbody th, thead .corner {
  text-align: left; position: sticky; left: 0; background: var(--paper); z-index: 1;
}
tbody th { min-width: 8.5rem; max-width: 14rem; font-weight: 600; }
tbody.baselines th { font-weight: 400; color: var(--soft); }
tbody + tbody { border-top: 3px double var(--line); }
.best { background: var(--best); }
.weak { color: var(--soft); font-style: italic; }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; padding: .35rem 0; }
.grid {
  display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(var(--card-width), 100%), 1fr));
}
.charts { --card-width: 17rem; }
.sounds { --card-width: 14rem; }
figure { margin: 0; padding: .75rem; background: var(--card); border-radius: .5rem; }
figcaption { font-weight: 600; margin-bottom: .35rem; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
audio { display: block; width: 100%; margin-top: .5rem; }
.hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
"""

# Starting one player pauses the others.
_SCRIPT = """
document.addEventListener("play", ({target}) => {
  for (const other of document.querySelectorAll("audio")) {
    if (other !== target) other.pause();
  }
}, true);
"""


def page(title: str, body: str) -> str:
    """Puts a title and a body into a whole page.

    Args:
        title: Plain text.
        body: HTML.

    Returns:
        HTML.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
<script>{_SCRIPT}</script>
</body>
</html>
"""


def table(caption: str, head: str, body: str) -> str:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        caption: Plain text, which also names the scrolled region.
        head: HTML, the rows of the head.
        body: HTML, one `tbody` or more.

    Returns:
        HTML.
    """
    caption = html.escape(caption)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{caption}">'
        f"<table><caption>{caption}</caption>\n<thead>{head}</thead>\n{body}\n"
        "</table></div>"
    )


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of terms and what is said of them, all plain text."""
    rows = (
        f"<dt>{html.escape(term)}</dt><dd>{html.escape(said)}</dd>"
        for term, said in pairs
    )
    return f'<dl class="facts">{"".join(rows)}</dl>'


def chart(title: str, png: bytes, alt: str) -> str:
    """A captioned picture that is inverted where the page is dark."""
    return f"<figure>{_caption(title)}{_image(png, alt, 'chart')}</figure>"


def picture(title: str, png: bytes) -> str:
    """A captioned picture that keeps its colours."""
    return f"<figure>{_caption(title)}{_image(png, title, 'picture')}</figure>"


def sound(title: str, png: bytes, audio: np.ndarray, sample_rate_hz: int) -> str:
    """A captioned picture of a sound, with a player below it.

    Args:
        title: Plain text.
        png: The picture.
        audio: `[samples]`; clipped to [-1, 1] and embedded as 16-bit FLAC, which
            browsers play and which, unlike a lossy format, adds no artefacts.
        sample_rate_hz: Its rate.

    Returns:
        HTML.
    """
    flac = io.BytesIO()
    soundfile.write(
        flac, files.to_pcm16(audio), sample_rate_hz, "PCM_16", format="FLAC"
    )
    image = _image(png, f"Spectrogram and chromagram of {title}", "picture")
    return (
        f"<figure>{_caption(title)}{image}"
        f'<audio controls preload="metadata" aria-label="{html.escape(title)}" '
        f'src="{_uri("audio/flac", flac.getvalue())}"></audio></figure>'
    )


def _caption(title: str) -> str:
    return f"<figcaption>{html.escape(title)}</figcaption>"


def _image(png: bytes, alt: str, kind: str) -> str:
    source = _uri("image/png", png)
    return f'<img class="{kind}" alt="{html.escape(alt)}" src="{source}">'


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
