"""Entry point of every script: reports a user's mistake in one line, no traceback."""

import sys
from collections.abc import Callable, Sequence

from absl import app


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Runs an absl `main`; errors that the user can mend become one line on stderr.

    Args:
        main: Takes the arguments that are left once the flags are parsed.

    Raises:
        SystemExit: Always; with status 1 after an error, 130 after an interrupt.
    """
    app.run(lambda argv: guard(lambda: _without_arguments(main, argv)))


def _without_arguments(
    main: Callable[[Sequence[str]], int | None], argv: Sequence[str]
) -> int | None:
    if argv[1:]:
        raise ValueError(f"unexpected argument {argv[1]!r}; see --help.")
    return main(argv)


def guard(action: Callable[[], int | None]) -> int | None:
    """Does something; an error that the user can mend becomes one line on stderr.

    Returns:
        The action's status; 1 after an error, 130 after an interrupt.
    """
    try:
        return action()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ArithmeticError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
