"""Options of gRPC, by TensorFlow Serving's --grpc_channel_arguments."""


def parse(text: str) -> dict[str, int | str]:
    """Reads options as they are on the command line.

    Args:
        text: `name=value,name=value`; what looks like a number is one.

    Raises:
        ValueError: An option has no value.
    """
    return dict(_option(part) for part in text.split(",") if part)


def _option(part: str) -> tuple[str, int | str]:
    name, _, value = part.partition("=")
    if not (name and value):
        raise ValueError(
            f"grpc_channel_arguments={part!r} is not name=value; give such pairs, "
            "separated by commas."
        )
    return name, int(value) if value.lstrip("-").isdecimal() else value
