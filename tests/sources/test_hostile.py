"""Every recorded payload, spoiled at random: the answer is a clear one in its source's own form, and never a bug's."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cqrsless import CqrslessError
from cqrsless.sources import handle, recognise
from tests.sources.shop import CONTEXT, PAYLOADS, Shop, recorded

STREAMS = ("dynamodb_stream", "kinesis")
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem not in STREAMS)
HTTP = ("HTTP API or Function URL", "REST API", "load balancer")

#: The rest is the project's profile: the same examples on every run, unless `--hypothesis-profile=random` is given.
spoiling = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def nested(depth: int) -> Any:
    innermost: Any = 0
    for _ in range(depth):
        innermost = [innermost]
    return innermost


#: By name, so that hypothesis has something short to show.
JUNK: dict[str, Any] = {
    "none": None,
    "true": True,
    "seven": 7,
    "fraction": -1.5,
    "huge number": 10**400,
    "nan": float("nan"),
    "infinity": float("inf"),
    "empty text": "",
    "text": "x",
    "brace": "{",
    "command": '{"command": "Nothing"}',
    "controls": "a\nb\x00\x1b[31m",
    "half a pair": "\ud800",
    "right to left": "\u202egnp.exe",
    "foreign": "é😀",
    "long text": "x" * 100_000,
    "empty list": [],
    "empty object": {},
    "list of null": [None],
    "empty key": {"": None},
    "commands": {"command": {"command": {}}},
    "half a pair as key": {"\ud800": "\udfff"},
    "nested": [[["x"]]],
    "deep": nested(150),
    "very deep": nested(20_000),
}
FIELDS = {
    **{name: name for name in ("zz", "", "\ud800", "__class__", "command", "query", "Records", "detail-type")},
    "a long one": "x" * 100_000,
}
LONG = {"lists": "[" * 100_000, "objects": '{"a":' * 100_000, "digits": "9" * 100_000, "text": '"' + "x" * 3_000_000}
SHAPES = ["command", "query", "payload", "Records", "detail-type", "source", "detail", "httpMethod", "path", "rawPath"]
SHAPES += ["requestContext", "specversion", "id", "body", "eventSource", "messageId", "Sns", "Message", "Type"]

Path = tuple[Any, ...]


def paths(document: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield from paths(value, (*path, key))


def at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def put(document: Any, path: Path, value: Any) -> None:
    at(document, path[:-1])[path[-1]] = value


def texts(document: Any) -> list[Path]:
    """Find the JSON inside: bodies, messages, details, plain or in base64."""
    names = ("body", "Message", "detail")
    found = [path for path in paths(document) if path[-1] in names and isinstance(at(document, path), str)]
    return [path for path in found if len(at(document, path)) > 2]


@contextmanager
def listening() -> Iterator[list[logging.LogRecord]]:
    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    records: list[logging.LogRecord] = []
    handler, logger = Listener(), logging.getLogger("cqrsless")
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def check(event: Any, spoiled: int | None = None) -> None:
    """Hand over a spoiled event; `spoiled` is the one record of a batch that was touched, if it was only one."""
    shop, source = Shop(), recognise(event)
    form = source.name if source is not None else "none"
    answer: Any = None
    with listening() as records:
        try:
            answer = handle(event, CONTEXT, shop)
        except CqrslessError as error:
            # Nothing to answer with: an invocation, a topic, a bus, or an envelope that cannot be made out.
            assert form in ("none", "direct", "SNS", "EventBridge", "stream") or (form, "messageId" in str(error)) == (
                "SQS",
                True,
            )
            assert_clear(str(error))
            assert records or form == "stream", "the log says nothing"
            return
    for record in records:
        assert_clear(record.getMessage())
        assert record.exc_info is None, record.getMessage()
    if form in HTTP:
        assert answer["statusCode"] < 500
        body = json.loads(answer["body"])
        if answer["statusCode"] >= 400:
            assert body["type"].startswith("urn:cqrsless:error:")
            assert_clear(body["detail"])
            assert records, "the log says nothing"
    elif form == "SQS":
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert all(any(message_id in record.getMessage() for record in records) for message_id in failed)
        if spoiled is not None:
            assert set(failed) <= allowed_failures(event, spoiled)


def allowed_failures(event: Any, spoiled: int) -> set[str]:
    """Name the spoiled record and, in a FIFO queue, those behind it, which may be of its group."""
    records = event["Records"]
    arn = records[spoiled].get("eventSourceARN")
    fifo = not isinstance(arn, str) or arn.endswith(".fifo")
    return {record["messageId"] for record in (records[spoiled:] if fifo else [records[spoiled]])}


def assert_clear(text: str) -> None:
    assert 0 < len(text) < 2_000
    assert "Traceback" not in text and 'File "' not in text
    text.encode()


def record_of(path: Path, least: int) -> int | None:
    return path[1] if path[:1] == ("Records",) and len(path) >= least else None


@pytest.mark.parametrize("name", NAMES)
@spoiling
@given(data=st.data())
def test_a_wrong_type_anywhere_has_a_clear_answer(name: str, data: st.DataObject) -> None:
    event = recorded(name)
    path = data.draw(st.sampled_from(list(paths(event))))
    put(event, path, JUNK[data.draw(st.sampled_from(sorted(JUNK)))])
    check(event, record_of(path, 3))


@pytest.mark.parametrize("name", NAMES)
@spoiling
@given(data=st.data())
def test_a_missing_field_anywhere_has_a_clear_answer(name: str, data: st.DataObject) -> None:
    event = recorded(name)
    path = data.draw(st.sampled_from(list(paths(event))))
    del at(event, path[:-1])[path[-1]]
    check(event, record_of(path, 3))


@pytest.mark.parametrize("name", NAMES)
@spoiling
@given(data=st.data())
def test_an_unknown_field_anywhere_has_a_clear_answer(name: str, data: st.DataObject) -> None:
    event = recorded(name)
    objects: list[Path] = [(), *(path for path in paths(event) if isinstance(at(event, path), dict))]
    path = data.draw(st.sampled_from(objects))
    field = FIELDS[data.draw(st.sampled_from(sorted(FIELDS)))]
    at(event, path)[field] = JUNK[data.draw(st.sampled_from(sorted(JUNK)))]
    check(event, record_of(path, 2))


WITH_TEXT = [name for name in NAMES if texts(recorded(name))]


@pytest.mark.parametrize("name", WITH_TEXT)
@spoiling
@given(data=st.data())
def test_a_text_cut_short_is_malformed_and_only_that_one(name: str, data: st.DataObject) -> None:
    event = recorded(name)
    path = data.draw(st.sampled_from(texts(event)))
    text = at(event, path)
    put(event, path, text[: data.draw(st.integers(0, len(text) - 1))])
    check(event, record_of(path, 3))


@pytest.mark.parametrize("name", WITH_TEXT)
@spoiling
@given(data=st.data())
def test_a_wrong_type_inside_the_text_has_a_clear_answer(name: str, data: st.DataObject) -> None:
    event = recorded(name)
    path = data.draw(st.sampled_from(texts(event)))
    encoded = event.get("isBase64Encoded") is True
    text = at(event, path)
    document = json.loads(base64.b64decode(text) if encoded else text)
    inner = data.draw(st.sampled_from(list(paths(document))))
    put(
        document, inner, JUNK[data.draw(st.sampled_from(sorted(JUNK.keys() - {"very deep"})))]
    )  # json has no word for it
    text = json.dumps(document)
    put(event, path, base64.b64encode(text.encode()).decode() if encoded else text)
    check(event, record_of(path, 3))


@pytest.mark.parametrize("name", ["function_url", "alb_base64"])
@spoiling
@given(body=st.binary(max_size=200))
def test_any_bytes_in_a_body_have_a_clear_answer(name: str, body: bytes) -> None:
    event = recorded(name)
    event["body"] = base64.b64encode(body).decode()
    check(event)


@pytest.mark.parametrize("name", ["http_api", "rest_api", "alb", "sqs", "sns", "scheduler_command"])
@spoiling
@given(text=st.text(max_size=200) | st.sampled_from(sorted(LONG)))
def test_any_text_in_a_body_has_a_clear_answer(name: str, text: str) -> None:
    event = recorded(name)
    path = texts(event)[0]
    put(event, path, LONG.get(text, text))
    check(event, record_of(path, 3))


@spoiling
@given(
    event=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.text(max_size=3) | st.sampled_from(SHAPES),
                inner | st.sampled_from(["aws:sqs", "aws:sns", "GET", "/orders", "1.0"]),
                max_size=5,
            )
        ),
        max_leaves=15,
    )
)
def test_any_event_at_all_has_a_clear_answer(event: Any) -> None:
    check(event)
