"""`cqrsless package`: the zip that Lambda is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click

from ..deploy.packaging.building import UNZIPPED_LIMIT, Package, build, mb
from ..deploy.packaging.settings import package_settings
from .options import Call, common_options

__all__ = ["command"]

#: Imports that are told.
SLOWEST: Final = 8


@click.command()
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="By default build/NAME.zip."
)
@click.option("--layer", is_flag=True, default=None, help="Put the dependencies into a layer of their own, beside it.")
@click.option("--trim", is_flag=True, default=None, help="Cut botocore's data to the services in use, and prove it.")
@click.option(
    "--compile/--no-compile",
    "compiled",
    default=None,
    help="Compile the modules, for a faster cold start; by default, if their Python is here.",
)
@click.option("--without-boto3", is_flag=True, help="Leave boto3 to Lambda's runtime, which has one.")
@click.option("--python", metavar="VERSION", help="As in 3.13; by default runtime in [tool.cqrsless].")
@click.option("--architecture", type=click.Choice(["arm64", "x86_64"]), help="By default that of [tool.cqrsless].")
@click.option(
    "--requirements",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="By default pylock.toml, uv.lock, requirements.txt, or the dependencies in pyproject.toml.",
)
@click.option(
    "--service", "services", metavar="NAME", multiple=True, help="With --trim, keep the data of this one, too."
)
@click.option("--no-measure", "measured", is_flag=True, flag_value=False, default=None, help="Do not time its start.")
@common_options
def command(call: Call, /, without_boto3: bool, services: tuple[str, ...], **given: Any) -> None:
    """Build the package that Lambda is given: the application and its dependencies.

    Dependencies are those of the project's lock, as wheels for Lambda's platform; of the application, the module that
    --app names, what that imports of the project, and what include in [tool.cqrsless.package] names. The package is run
    once, in a clean process, and told with its size and its slowest imports. The same input gives the same bytes.
    """
    settings = package_settings(
        Path.cwd(),
        os.environ,
        app=call.given.get("app"),
        boto3=False if without_boto3 else None,
        services=services or None,
        **given,
    )
    package = build(settings)
    if call.json:
        call.terminal.value(package.as_row())
    else:
        for line in _lines(package):
            call.terminal.line(line)
    for note in package.notes:
        call.terminal.note(note)


def _lines(package: Package) -> list[str]:
    lines = [f"{one.file}  {mb(one.size)}, sha256 {one.sha256}" for one in package.archives]
    lines.append(f"unpacked   {mb(package.unzipped)} of the {mb(UNZIPPED_LIMIT)} that Lambda takes")
    lines.append("largest    " + ", ".join(f"{name} {mb(size)}" for name, size in package.largest))
    if package.trimmed is not None:
        trimmed = package.trimmed
        services = ", ".join(trimmed.services)
        lines.append(f"trimmed    AWS's data from {mb(trimmed.before)} to {mb(trimmed.after)}: {services}")
        lines.append(
            f"           a client is made in {trimmed.client_ms[1]:.0f} ms, not {trimmed.client_ms[0]:.0f}; those "
            "of all these were made and used, and call what they called before"
        )
    if package.run is not None:
        lines.append(f"start      {package.run.ms:.0f} ms from nothing to the entrypoint, on {package.ran_on} here")
        slowest = package.run.imports[:SLOWEST]
        lines.append("imports    " + ", ".join(f"{one.name} {one.ms:.0f} ms" for one in slowest))
    return lines
