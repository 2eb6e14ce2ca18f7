"""Includes a template as the CDK does: parameters and resources that it does not have are errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

from aws_cdk import Stack


class CfnInclude:
    def __init__(self, scope: Stack, id: str, *, template_file: str, parameters: Mapping[str, object]) -> None:
        self.template = json.loads(Path(template_file).read_text(encoding="utf-8"))
        unknown = set(parameters) - set(self.template["Parameters"])
        assert not unknown, f"the template has no parameters {unknown}"

    def get_resource(self, logical_id: str) -> SimpleNamespace:
        return SimpleNamespace(**self.template["Resources"][logical_id]["Properties"])
