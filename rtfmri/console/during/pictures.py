"""Aftercare's pictures for the page. A path that came over the wire is trusted only as far as it lies in the run's own folder.

Conventions: the newest picture of each kind is known by the run and its volume number, so an address never shows an older one and the
browser may keep it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from rtfmri.console.story import Story
from rtfmri.messages import Picture

ADDRESS = "/picture"
MOST_BYTES = 8 * 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n"


def trusted(picture: Picture, story: Story) -> Path | None:
    """The file, if it is a PNG among the figures of this very run: what a link points to counts, not its name."""
    if story.start is None or story.blind:
        return None
    path = Path(picture.path)
    entities = story.start.entities
    expected = ("derivatives", "rtfmri", f"sub-{entities.sub}", f"ses-{entities.ses}", "func", "figures")
    if not path.is_absolute() or path.parent.parts[-6:] != expected or not path.name.startswith(f"{entities.label}_"):
        return None
    try:
        real = path.resolve(strict=True)
        if real != path.parent.resolve() / path.name or real.stat().st_size > MOST_BYTES:
            return None
        with real.open("rb") as file:
            return real if file.read(len(PNG)) == PNG else None
    except OSError:
        return None


def address(story: Story, picture: Picture) -> str:
    """Where the page finds it."""
    run = "" if story.start is None else story.start.run_uid
    return f"{ADDRESS}/{quote(picture.what)}?run={quote(run)}&volume={picture.index}"


def name_of(what: str) -> str:
    return what.replace("_", " ")


def caption(picture: Picture, story: Story) -> str:
    """Its volume and how many volumes ago that was."""
    behind = 0 if story.volume is None else story.volume.index - picture.index
    return f"volume {picture.index + 1}" + (f", {behind} ago" if behind > 0 else "")
