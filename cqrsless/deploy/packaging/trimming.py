"""Cutting botocore's data to the services in use: a client is made in a fifth of the time, out of a tenth of the bytes.

What goes: the folders of other services, older versions of an API, examples, and of `endpoints.json` what is said of
other services. What stays is as it was, so clients of the services in use behave as before; those of others cannot be
made any more.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from ..naming import DeploymentError

__all__ = ["Trimmed", "known_services", "trim"]


class Trimmed(NamedTuple):
    """Bytes of botocore's and boto3's data before and after, the services that are left, and the times of a client."""

    before: int
    after: int
    services: tuple[str, ...]
    client_ms: tuple[float, float] = (0, 0)


def known_services(folder: Path) -> frozenset[str]:
    """Give all services that the botocore in a folder knows."""
    data = folder / "botocore" / "data"
    if not data.is_dir():
        raise DeploymentError("there is no botocore in the package, so there is nothing to trim: leave out --trim")
    return frozenset(one.name for one in data.iterdir() if one.is_dir())


def trim(folder: Path, services: Collection[str]) -> Trimmed:
    """Trim the botocore in a folder, and boto3 where that is there."""
    places = [place for place in (folder / "botocore" / "data", folder / "boto3" / "data") if place.is_dir()]
    before = sum(map(_size, places))
    prefixes = set(services)
    for place in places:
        for one in sorted(place.iterdir()):
            if not one.is_dir():
                continue
            if one.name not in services:
                shutil.rmtree(one)
            else:
                _keep_newest(one)
                prefixes |= _endpoint_prefixes(one)
    _trim_endpoints(folder / "botocore" / "data" / "endpoints.json", prefixes)
    shutil.rmtree(folder / "boto3" / "examples", ignore_errors=True)
    return Trimmed(before, sum(map(_size, places)), tuple(sorted(services)))


def _keep_newest(service: Path) -> None:
    """Keep the version of an API that a client is made of where none is asked for."""
    versions = sorted(one for one in service.iterdir() if one.is_dir())
    for version in versions[:-1]:
        shutil.rmtree(version)
    for examples in versions[-1].glob("examples-*"):
        examples.unlink()


def _endpoint_prefixes(service: Path) -> set[str]:
    """Give what a service is called in `endpoints.json`, which may be something else: monitoring for cloudwatch."""
    found: set[str] = set()
    for file in service.glob("*/service-2.json*"):
        body = file.read_bytes()
        document: Any = json.loads(gzip.decompress(body) if file.suffix == ".gz" else body)
        metadata = document["metadata"]
        found |= {metadata[name] for name in ("endpointPrefix", "signingName") if name in metadata}
    return found


def _trim_endpoints(file: Path, prefixes: Collection[str]) -> None:
    document: Any = json.loads(file.read_bytes())
    for partition in document["partitions"]:
        partition["services"] = {
            name: written for name, written in partition.get("services", {}).items() if name in prefixes
        }
    file.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True), encoding="utf-8")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
