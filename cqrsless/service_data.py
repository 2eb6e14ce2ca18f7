"""What botocore knows of AWS's services, read for the service that is asked for.

Botocore's own loader lists the folders of all 400 services before it reads one, and reads JSON into `OrderedDict`s,
which takes three times as long as into dicts, which have an order too. A client is made in each cold start.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import JSONFileLoader, Loader

__all__ = ["ServiceData"]


class _Files(JSONFileLoader):
    """Reads botocore's files, given by their paths without the ending: what its `Loader` takes as a file loader."""

    def exists(self, file_path: str) -> bool:
        return any(map(_is_file, _named(file_path)))

    def load_file(self, file_path: str) -> Any:
        """Give a file's content, or `None` where there is no such file."""
        for path in filter(_is_file, _named(file_path)):
            data = path.read_bytes()
            return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
        return None


def _named(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")


def _is_file(path: Path) -> bool:
    """Say whether a file is there, as botocore does: a home that this process may not look into holds none."""
    try:
        return path.is_file()
    except PermissionError:
        return False


class ServiceData(Loader):
    """A loader for one session of botocore; it finds what the loader `like` finds, in the same places.

    >>> ServiceData(Loader()).load_service_model("sqs", "service-2")["metadata"]["serviceId"]
    'SQS'
    """

    def __init__(self, like: Loader) -> None:
        super().__init__(
            extra_search_paths=list(like.search_paths), file_loader=_Files(), include_default_search_paths=False
        )
        self._found: dict[str, set[str]] = {}
        self._lists_all = False

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        try:
            self.determine_latest_version(service_name, type_name)
            self._found.setdefault(type_name, set()).add(service_name)
        except DataNotFoundError:
            self._lists_all = True  # botocore's error names all there are
        return super().load_service_model(service_name, type_name, api_version)

    def list_available_services(self, type_name: str) -> list[str]:
        """List the services that were asked for and found: while one is loaded, that is all that is looked up here."""
        if self._lists_all or type_name not in self._found:
            every: list[str] = super().list_available_services(type_name)
            return every
        return sorted(self._found[type_name])
