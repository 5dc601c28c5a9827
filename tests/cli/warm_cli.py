"""``rtfmri`` in a process of its own without a second for its imports: a server that has them forks one child for each call.

The child is what ``python -m rtfmri`` would be: its own arguments, folder, streams and exit code. Calls whose environment matters, and live
sessions, are started afresh by the tests instead. Speaks JSON lines: a request on stdin, ``[pid]`` and then ``[exit code]`` on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory
from types import TracebackType


class WarmCli:
    """The tests' side; a context manager."""

    def __enter__(self) -> WarmCli:
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.communicate(timeout=30)

    def call(self, arguments: list[str], cwd: Path | None, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Run ``rtfmri ARGUMENTS`` to its end."""
        with TemporaryDirectory() as folder:
            streams = [Path(folder) / name for name in ("stdout", "stderr")]
            request = {"arguments": arguments, "cwd": str(cwd or Path.cwd()), "streams": [str(path) for path in streams]}
            self._write(request)
            (pid,) = self._read()
            killer = threading.Timer(timeout_s, _kill, (pid,))
            killer.start()
            (code,) = self._read()
            killer.cancel()
            return subprocess.CompletedProcess(arguments, code, *(path.read_text() for path in streams))

    def _write(self, request: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()

    def _read(self) -> list[int]:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, "the server of warm processes ended"
        return list(json.loads(line))


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)


def _serve() -> None:
    import rtfmri.cli
    from rtfmri.pipeline import warm_up

    for module in iter_modules(rtfmri.cli.__path__):
        import_module(f"rtfmri.cli.{module.name}")
    warm_up(3)  # the kernels, too: compiled once, forked with everything else
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_the_command(**request)
        _answer(pid)
        _answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _answer(number: int) -> None:
    print(json.dumps([number]), flush=True)


def _be_the_command(arguments: list[str], cwd: str, streams: list[str]) -> None:
    """In the child: never returns."""
    os.chdir(cwd)
    for number, path in enumerate(("/dev/null", *streams)):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["rtfmri", *arguments]
    code = 1
    try:
        runpy.run_module("rtfmri", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        _end(code)


def _end(code: int) -> None:
    """As an interpreter ends: what is registered to run at exit runs, children are waited for."""
    import atexit

    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
