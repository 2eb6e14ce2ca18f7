"""Clients of AWS services other than the store's, made when they are first needed."""

from __future__ import annotations

import os
import sys
from typing import Any

from .errors import AppLoadError

__all__ = ["aws_client"]


def aws_client(
    service: str,
    region: str | None = None,
    *,
    endpoint: str | None = None,
    timeout: float = 10,
    attempts: int = 4,
) -> Any:
    """Make a client: from boto3's default session where the user has set one up, else from botocore.

    Its endpoint is the given one, else AWS's, or what `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` say.
    `timeout` is the seconds that an answer may take, `attempts` how often botocore makes a call.
    """
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    config = Config(
        connect_timeout=2,
        read_timeout=timeout,
        tcp_keepalive=True,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        user_agent_extra="cqrsless",
    )
    try:
        return make_client(service, region, endpoint, config)
    except NoRegionError as error:
        raise AppLoadError(f"no AWS region is known for {service}; set AWS_REGION") from error


def make_client(service: str, region: str | None, endpoint: str | None, config: Any) -> Any:
    """Make a client with this `Config` of botocore, in the region that is given, set up for the session, or set.

    Raises what botocore raises. boto3 itself is not imported: its resource layer costs a cold start time that nothing
    here needs.
    """
    session: Any = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
    if session is not None:
        make, known = session.client, session.region_name
    else:
        import botocore.session

        from .service_data import ServiceData

        session = botocore.session.get_session()
        session.register_component("data_loader", ServiceData(session.get_component("data_loader")))
        make, known = session.create_client, session.get_config_variable("region")
    region = region or known or os.environ.get("AWS_REGION")
    return make(service, region_name=region, endpoint_url=endpoint, config=config)
