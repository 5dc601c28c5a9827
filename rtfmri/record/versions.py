"""What the numbers were computed with: bits are promised on the same kind of CPU with the same versions. Nothing names the computer."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import rtfmri

PACKAGES = ("numpy", "scipy", "nibabel", "numba", "llvmlite", "pydicom", "pydantic", "pydantic-core", "pyzmq", "watchdog")


def versions() -> dict[str, Any]:
    """Python, platform, CPU and the packages that values may depend on; None for a package that is not installed."""
    return {
        "rtfmri": rtfmri.__version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()).strip() or None,
        "cpu": cpu_model(),
        "packages": {package: _version(package) for package in PACKAGES},
    }


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model name, as Linux tells it; elsewhere what Python knows."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
