"""Archives that are the same, byte by byte, whenever and wherever one zlib makes them of the same files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from ..naming import DeploymentError

__all__ = ["Archive", "write_archive"]

#: The first moment that a zip can hold.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3


class Archive(NamedTuple):
    """A zip on disk: its size, what it takes unpacked, and its digest."""

    file: Path
    size: int
    unzipped: int
    sha256: str


def write_archive(file: Path, files: Mapping[str, Path], prefix: str = "") -> Archive:
    """Write files under their names: in order, without times, owners or whatever else a machine adds of its own."""
    unfinished = file.with_name(f".{file.name}.part")
    unzipped = 0
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with ZipFile(unfinished, "w", ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(files):
                body = files[name].read_bytes()
                entry = ZipInfo(f"{prefix}{name}", _EPOCH)
                entry.create_system = _UNIX
                entry.compress_type = ZIP_DEFLATED
                # Lambda runs it as a user of its own, who has to be able to read it.
                runs = files[name].stat().st_mode & 0o100
                entry.external_attr = (0o100755 if runs else 0o100644) << 16
                archive.writestr(entry, body, compresslevel=9)
                unzipped += len(body)
        unfinished.replace(file)
    except OSError as error:
        raise DeploymentError(f"{file} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    body = file.read_bytes()
    return Archive(file, len(body), unzipped, sha256(body).hexdigest())
