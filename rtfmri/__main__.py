"""``rtfmri`` and ``python -m rtfmri``: a user's mistake ends in sentences and exit code 2, never in a traceback."""

from __future__ import annotations

import sys


def main() -> None:
    from rtfmri.cli.app import app  # after the interpreter is up: `--help` of a broken install still says what is missing
    from rtfmri.errors import StudyError

    try:
        app()
    except StudyError as error:
        print("\n".join(error.problems), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
