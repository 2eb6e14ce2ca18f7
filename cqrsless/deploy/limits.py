"""What AWS takes of a template: more is refused here, with what to change, and not half-way through a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from . import snapstart
from .cloudformation import Template
from .naming import DeploymentError
from .plan import Plan

__all__ = ["check", "check_plan"]

#: CloudFormation quotas: resources, parameters and outputs of a template, and its bytes where it is in S3.
MOST_RESOURCES: Final = 500
MOST_OUTPUTS: Final = 200
MOST_BYTES: Final = 1_000_000
#: Lambda quotas: bytes of all environment variables of a function.
MOST_ENVIRONMENT: Final = 4_096
#: IAM quotas: characters of a role's own policies, blanks not counted.
MOST_POLICY: Final = 10_240


def check_plan(plan: Plan) -> None:
    """Refuse a function whose settings or role AWS would not take."""
    template = Template(plan)
    for function in plan.functions:
        size = sum(
            len(name) + len(_longest(template.texts.text(value))) for name, value in function.environment.items()
        )
        if size > MOST_ENVIRONMENT:
            raise DeploymentError(
                f"the environment of {function.id} has about {size:,} bytes, and Lambda takes {MOST_ENVIRONMENT:,}: "
                "shorten the names of processors or what environment in [tool.cqrsless] sets, or part the registry"
            )
        role = template.resources[function.role]["Properties"]["Policies"]
        size = len(_longest(role))
        if size > MOST_POLICY:
            raise DeploymentError(
                f"the role of {function.id} has about {size:,} characters, and IAM takes {MOST_POLICY:,}: name fewer "
                "resources in allow, or part the registry"
            )


def check(plan: Plan, document: Mapping[str, Any]) -> None:
    """Refuse a template that CloudFormation would not take."""
    if "Resources" not in document:
        return
    snapstart.check(document)
    count = sum(_resources(resource) for resource in document["Resources"].values())
    if count > MOST_RESOURCES:
        raise DeploymentError(
            f"the template has {count} resources, and CloudFormation takes {MOST_RESOURCES}: "
            f"{_advice(plan)}, or part the application into two registries, each with a stack of its own"
        )
    if len(document.get("Outputs", {})) > MOST_OUTPUTS:
        raise DeploymentError(
            f"the template has {len(document['Outputs'])} outputs, and CloudFormation takes {MOST_OUTPUTS}: part the "
            "application into two registries, each with a stack of its own"
        )
    size = len(json.dumps(document, separators=(",", ":")))
    if size > MOST_BYTES:
        raise DeploymentError(
            f"the template has {size:,} bytes, and CloudFormation takes {MOST_BYTES:,}: {_advice(plan)}, or part the "
            "application into two registries, each with a stack of its own"
        )


def _resources(resource: Mapping[str, Any]) -> int:
    """Count what CloudFormation makes of a resource: SAM writes several as one function."""
    if resource.get("Type") != "AWS::Serverless::Function":
        return 1
    properties = resource.get("Properties", {})
    return 1 + len(properties.get("Events", ())) + ("EventInvokeConfig" in properties)


def _advice(plan: Plan) -> str:
    counts = {
        f"alarms = false in [tool.cqrsless] leaves out {len(plan.alarms)} of them": len(plan.alarms),
        f"let several event handlers share a processor ({len(plan.functions)} functions now)": len(plan.functions) * 8,
        f"call fewer handlers by HTTP ({len(plan.api.routes) if plan.api else 0} routes now)": (
            len(plan.api.routes) if plan.api else 0
        ),
    }
    return max(counts, key=lambda advice: counts[advice])


def _longest(value: Any) -> str:
    return json.dumps(value, separators=(",", ":")).replace(" ", "")
