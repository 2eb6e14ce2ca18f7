"""`cqrsless template`: the template of the application's stack on AWS."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from ..deploy.configuration import read
from ..deploy.overlay import USUAL, read_overlay
from ..deploy.planning import plan
from ..deploy.rendering import FORMATS, check_name, document, write, written
from ..deploy.snapstart import with_code
from ..deploy.targets import not_of_the_stack
from ..deploy.terraform import seen_from
from ..loading import setting
from .options import Call, common_options

__all__ = ["command"]


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="sam",
    show_default=True,
    help="What the template is written for.",
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
@click.option(
    "--overlay",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own resources and overrides; template.overlay.yaml beside pyproject.toml is taken by itself. Terraform "
    "needs none: it lays your own files over the one that is written.",
)
@click.option(
    "--code",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With SnapStart and CloudFormation, the zip that the stack will run; by default what cqrsless package wrote.",
)
@click.option("--open-http", is_flag=True, help="Let everybody call the routes: no authorizer.")
@click.option(
    "--force",
    is_flag=True,
    help="Write over a file that was changed by hand.",
)
@common_options
def command(
    call: Call, form: str, output: Path | None, overlay: Path | None, code: Path | None, open_http: bool, force: bool
) -> None:
    """Write the template of the stack.

    It is made of the registry and of [tool.cqrsless] in pyproject.toml, with the overlay laid over it; the same input
    gives the same text, so that it may be written again at any time.
    """
    model = call.application(store="memory://").model
    configuration, project = read(Path.cwd(), model.deployment)
    if open_http:
        configuration = replace(configuration, http=replace(configuration.http, open=True))
    made = plan(model, configuration, setting(os.environ, Path.cwd()).text)
    root = project.parent if project is not None else Path.cwd()
    if overlay is None and form in USUAL:
        usual = root / USUAL[form]
        overlay = usual if usual.exists() else None
    laid = read_overlay(overlay) if overlay is not None else None
    if form == "cloudformation":
        made = with_code(made, root, code)
    if output is not None:
        check_name(output, form)
        if form == "terraform":
            made = seen_from(output.parent, made, root)
    as_json = call.json or form == "terraform" or (output is not None and output.suffix == ".json")
    text = written(document(made, form, laid, f"the overlay {overlay}"), json=as_json)
    if output is None:
        call.terminal.line(text.removesuffix("\n"))
    else:
        changed = write(output, text, force=force)
        call.terminal.note(f"{output} {'is written' if changed else 'was so already'}")
    for to in not_of_the_stack(model, configuration.create_targets):
        call.terminal.note(
            f"events are published to {to}, which has to be there: create_targets makes it with the stack"
        )
    if made.api is not None and made.api.authorization == "open":
        call.terminal.note("everybody can call the routes of the API: allow= alone says no")
