"""A page in the browser that translates a recording, made with Gradio."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gradio

from tf_mt.evaluation.report import translation_picture
from tf_mt.inference import stream, system, target

_HEADING = """# Music translation
Upload or record a phrase, choose an instrument, and hear the phrase played by it."""
_LARGEST_UPLOAD = "200mb"


def build(translating: system.System) -> gradio.Blocks:
    """Makes the page of a system; `serve` shows it.

    Args:
        translating: What translates. It is offered the names of its domains, and
            references where it can transfer.
    """
    info = translating.info
    with gradio.Blocks(title="Music translation", analytics_enabled=False) as page:
        gradio.Markdown(_HEADING)
        with gradio.Row():
            with gradio.Column():
                recording = _recording("Your recording", "recording")
                instrument = gradio.Dropdown(
                    [(name.replace("_", " "), name) for name in info.domains],
                    value=info.domains[0] if info.domains else None,
                    label="Instrument",
                    visible=bool(info.domains),
                )
                reference = _recording(
                    "A sound to imitate, in place of an instrument", "reference"
                )
                reference.visible = info.reference_samples > 0
                button = gradio.Button("Translate", variant="primary")
            with gradio.Column():
                translation = gradio.Audio(
                    type="filepath",
                    label="Translation",
                    interactive=False,
                    elem_id="translation",
                    buttons=["download"],
                )
                picture = gradio.Image(
                    type="filepath",
                    label="Spectrograms",
                    interactive=False,
                    elem_id="picture",
                    buttons=["fullscreen", "download"],
                )

        def translated(
            recording: str | None,
            instrument: str | None,
            reference: str | None,
            progress: gradio.Progress = gradio.Progress(),  # noqa: B008 (Gradio's way)
        ) -> Iterator[tuple[str, str]]:
            yield from _translated(
                translating, recording, instrument, reference, progress
            )

        button.click(
            translated,
            [recording, instrument, reference],
            [translation, picture],
            api_name="translate",
        )
    return page


def serve(page: gradio.Blocks, address: str, port: int) -> None:
    """Shows a page to browsers until the process is interrupted.

    Args:
        page: What `build` made.
        address: Of the network interface to listen on; 127.0.0.1 is this machine only.
        port: To listen on; 0 takes the first free one from 7860.

    Raises:
        OSError: The port is taken.
    """
    # Gradio asks itself whether it is there, and would say so.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        page.launch(
            server_name=address,
            server_port=port or None,
            max_file_size=_LARGEST_UPLOAD,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise OSError(
            f"address={address!r}, port={port}: cannot be listened on; give another "
            "--port."
        ) from error
    print(f"Listening: http://{address}:{page.server_port}", flush=True)
    page.block_thread()


def _recording(label: str, name: str) -> gradio.Audio:
    return gradio.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        label=label,
        elem_id=name,
        buttons=["download"],
    )


def _translated(
    translating: system.System,
    recording: str | None,
    instrument: str | None,
    reference: str | None,
    progress: gradio.Progress,
) -> Iterator[tuple[str, str]]:
    """The files of a translation and of its picture, of which Gradio takes copies.

    Raises:
        gradio.Error: What the user can mend, in a sentence.
    """
    if not recording:
        raise gradio.Error("Upload or record something first.", print_exception=False)
    rate_hz = translating.info.sample_rate_hz
    name = f"{Path(recording).stem}_{'as_reference' if reference else instrument}"
    with tempfile.TemporaryDirectory() as folder:
        written, picture = Path(folder, f"{name}.wav"), Path(folder, f"{name}.png")
        try:
            translate = target.streaming(
                translating, None if reference else instrument, reference
            )
            samples = 0
            for done in stream.translate_file(
                Path(recording), written, rate_hz, translate
            ):
                samples += done
                progress((samples / rate_hz, None), desc="Translating", unit="s")
            translation_picture.draw(Path(recording), written, rate_hz, picture)
        except (ValueError, OSError) as error:
            # Where Gradio keeps an upload says nothing to the user.
            kept = f"{Path(recording).parent}/"
            reason = str(error).replace(kept, "")
            raise gradio.Error(reason, print_exception=False) from error
        yield str(written), str(picture)
