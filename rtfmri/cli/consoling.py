"""``rtfmri console``: the operator's page, in a process of its own."""

from __future__ import annotations

import signal
import webbrowser
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from rtfmri.errors import StudyError
from rtfmri.stream.ports import Ports, is_here


def serve_console(
    connect: str,
    web_port: int,
    bind: str,
    token_file: Path | None,
    tls: tuple[Path | None, Path | None],
    folders: tuple[Path | None, Path | None, Path | None],
    open_page: bool,
) -> int:
    """Serve until Ctrl-C or SIGTERM; 0.

    Parameters
    ----------
    tls : certificate and key.
    folders : of studies, of the record, of the scanner's files.
    """
    try:
        from rtfmri.cli.checking import for_arm
        from rtfmri.console.app import serve
        from rtfmri.console.context import Settings
        from rtfmri.console.security import Web, token_of
    except ModuleNotFoundError as error:
        raise StudyError(f"The console needs the package {error.name}: install it with pip install 'rtfmri[console]'.") from None
    for path in tls:
        if path is not None and not path.is_file():
            raise StudyError(f"{path} is not there: give the TLS certificate and its key as PEM files.")
    web = Web(bind, web_port, None if token_file is None else token_of(token_file), *tls)
    ports = Ports.from_address(connect)
    settings = Settings(ports, *folders, for_arm=for_arm(), commands=is_here(ports.bind))

    def opened() -> None:
        console = Console()
        console.print(f"The operator's page: {web.address}  (listening to {connect}; Ctrl-C ends it, the run goes on)", soft_wrap=True)
        if open_page:
            webbrowser.open(web.address)

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends as with Ctrl-C: what it keeps for a while is deleted
    with suppress(KeyboardInterrupt):
        serve(settings, web, opened)
    return 0
