"""Stream records whose image is no commit: each a failure of its own, before any consumer sees it."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.delivery.batches import Delivery
from cqrsless.sources import handle
from tests.sources.test_streams import FIRST, OTHER, SECOND, Consumer, failures, recorded

#: What every consumer relies on, in another form than a commit has it.
BROKEN: list[tuple[str, Any]] = [
    *((name, None) for name in ("pk", "c", "time", "seq", "head")),
    *((name, {"NULL": True}) for name in ("pk", "c", "time", "seq", "head", "events", "names")),
    *((name, {"B": "AAAA"}) for name in ("pk", "c", "time", "seq", "head", "names")),
    *((name, {"S": "x"}) for name in ("c", "time", "seq", "names")),
    *((name, {"N": number}) for name in ("c", "time") for number in ("0", "-7", "1.5", "9" * 20, "")),
    ("pk", {"S": ""}),
    ("events", {"S": "[]"}),
    ("names", {"M": {"OrderPlaced": {"S": "1"}}}),
]


@pytest.mark.parametrize(("name", "value"), BROKEN)
def test_an_image_that_is_no_commit_fails_alone(name: str, value: Any, caplog: pytest.LogCaptureFixture) -> None:
    event = recorded("dynamodb_stream")
    image = event["Records"][0]["dynamodb"]["NewImage"]
    image.pop(name, None)
    if value is not None:
        image[name] = value
    app = Consumer()
    assert handle(event, None, app) == failures(FIRST)
    assert app.commits == [Delivery(SECOND, OTHER)]
    assert f"the stream record {FIRST} failed: MalformedMessage: it cannot be decoded" in caplog.text
