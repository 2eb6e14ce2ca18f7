from __future__ import annotations

import copy
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from cqrsless import logs
from cqrsless.logs import JsonFormatter, handling, install_record_factory, log_as_json
from cqrsless.messages import Message

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
SHIP = Message("c-1", "ShipOrder", "command", {}, NOON, correlation_id="k-1", causation_id="e-9", aggregate_id="o-1")


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    logger = logging.getLogger("a.users.own")
    logger.addHandler(handler)
    before, level = logging.getLogRecordFactory(), logger.level
    logger.setLevel(logging.DEBUG)
    logging.setLogRecordFactory(logging.LogRecord)
    install_record_factory()
    yield handler
    logging.setLogRecordFactory(before)
    logger.setLevel(level)
    logger.removeHandler(handler)


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    text = JsonFormatter().format(record)
    assert len(text.splitlines()) == 1
    line: dict[str, Any] = json.loads(text)
    return line


def log(text: object = "hello", *args: object, **kwargs: Any) -> None:
    logging.getLogger("a.users.own").info(text, *args, **kwargs)


def test_a_users_own_logger_bears_the_ids_of_the_message(kept: Kept) -> None:
    with handling(SHIP):
        log()
    (record,) = kept.records
    assert isinstance(record, logs.MessageRecord)
    assert (record.message_id, record.message_name) == ("c-1", "ShipOrder")
    line = line_of(record)
    assert {name: line[name] for name in logs.IDS} == {
        "message_id": "c-1",
        "message_name": "ShipOrder",
        "correlation_id": "k-1",
        "causation_id": "e-9",
        "aggregate_id": "o-1",
    }


def test_outside_of_a_message_there_are_no_ids(kept: Kept) -> None:
    with handling(SHIP):
        pass
    log()
    assert line_of(kept.records[0]).keys() == {"timestamp", "level", "logger", "message"}
    assert isinstance(kept.records[0], logs.MessageRecord)
    assert kept.records[0].correlation_id is None


def test_a_nested_message_gives_way_to_the_outer_one(kept: Kept) -> None:
    with handling(SHIP):
        with pytest.raises(RuntimeError), handling(SHIP.replace(id="c-2")):
            log()
            raise RuntimeError
        log()
    assert [line_of(record)["message_id"] for record in kept.records] == ["c-2", "c-1"]


def test_a_text_format_of_the_users_own_finds_the_ids(kept: Kept) -> None:
    form = logging.Formatter("%(correlation_id)s %(message)s")
    with handling(SHIP):
        log()
    log()
    assert [form.format(record) for record in kept.records] == ["k-1 hello", "None hello"]


@pytest.mark.parametrize("name", logs.IDS)
def test_a_users_extra_of_the_same_name_neither_raises_nor_replaces_the_id(kept: Kept, name: str) -> None:
    with handling(SHIP):
        log(extra={name: "theirs"})
    line = line_of(kept.records[0])
    assert line[f"{name}_"] == "theirs"
    assert line[name] == getattr(SHIP, name.removeprefix("message_") if name.startswith("message_") else name)


def test_installing_twice_changes_nothing(kept: Kept) -> None:
    before = logging.getLogRecordFactory()
    install_record_factory()
    assert logging.getLogRecordFactory() is before


def test_a_record_factory_that_was_there_stays_in_use(kept: Kept) -> None:
    class Own(logging.LogRecord):
        pass

    def plain(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = logging.LogRecord(*args, **kwargs)
        record.__dict__["team"] = "shop"
        return record

    for factory in (plain, Own):
        logging.setLogRecordFactory(factory)
        install_record_factory()
        install_record_factory()
        with handling(SHIP):
            log()
    assert line_of(kept.records[0])["team"] == "shop"
    assert line_of(kept.records[0])["correlation_id"] == "k-1"
    assert type(kept.records[1]) is Own
    assert line_of(kept.records[1])["correlation_id"] == "k-1"


def test_a_record_can_be_copied_and_pickled(kept: Kept) -> None:
    with handling(SHIP):
        log()
    (record,) = kept.records
    assert line_of(copy.copy(record)) == line_of(record)
    assert pickle.loads(pickle.dumps(dict(record.__dict__)))["msg"] == "hello"


def test_a_line_has_time_level_logger_and_text(kept: Kept) -> None:
    log("%s of %s", 1, 2)
    record = kept.records[0]
    record.created, record.msecs = NOON.timestamp(), 7.9
    assert line_of(record) == {
        "timestamp": "2026-11-23T12:00:00.007Z",
        "level": "INFO",
        "logger": "a.users.own",
        "message": "1 of 2",
    }


HOSTILE = 'a\nb\rc\u2028d\u2029e\x85f\x1bg\x00h"i\\j\ud800k'


def test_hostile_text_cannot_break_the_line() -> None:
    # Not logged but made: pytest would capture it, and a lone surrogate breaks the reports of its workers.
    extra = {HOSTILE: {HOSTILE: [HOSTILE]}}
    line = line_of(logging.getLogger().makeRecord("shop", logging.INFO, "", 0, HOSTILE, (), None, extra=extra))
    assert line["message"] == HOSTILE
    assert line[HOSTILE] == {HOSTILE: [HOSTILE]}


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({1}, "{1}"),
        (float("nan"), "nan"),
        ({("a", "b"): 1}, "{('a', 'b'): 1}"),
        (Unshowable(), "<Unshowable that cannot be shown>"),
        ([NOON], [repr(NOON)]),
    ],
)
def test_a_value_that_json_cannot_hold_is_shown_by_its_repr(kept: Kept, value: object, shown: object) -> None:
    log(extra={"value": value})
    assert line_of(kept.records[0])["value"] == shown


def test_a_value_that_holds_itself_is_shown(kept: Kept) -> None:
    loop: list[object] = []
    loop.append(loop)
    log(extra={"value": loop})
    assert line_of(kept.records[0])["value"] == "[[...]]"


def test_long_texts_are_cut_in_the_middle_and_say_so(kept: Kept) -> None:
    log("x" * 1_000_000, extra={"value": ["y" * 1_000_000]})
    line = line_of(kept.records[0])
    assert len(json.dumps(line)) < 3 * logs.LONGEST
    assert "[983616 characters left out]" in line["message"]


def test_wrong_arguments_do_not_lose_the_line() -> None:
    record = logging.LogRecord("shop", logging.INFO, "", 0, "%d orders", ("many",), None)
    assert line_of(record)["message"] == "'%d orders' ('many',)"


def test_an_exception_has_its_type_text_and_stack(kept: Kept) -> None:
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        log(exc_info=True)
    exception = line_of(kept.records[0])["exception"]
    assert (exception["type"], exception["message"]) == ("ValueError", "no\nsuch thing")
    assert exception["stack"].startswith("Traceback (most recent call last)")


def test_lambdas_request_id_is_on_the_line(kept: Kept) -> None:
    log(extra={"aws_request_id": "r-1"})
    assert line_of(kept.records[0])["request_id"] == "r-1"


LAMBDA = """
import logging, sys
from awslambdaric import bootstrap
bootstrap._setup_logging(bootstrap.LogFormat.from_str({format!r}), "INFO", bootstrap.StandardLogSink())
from cqrsless.logs import log_as_json
log_as_json(); log_as_json()
logging.info("one"); logging.warning("two")
record = logging.LogRecord("a", logging.WARNING, "", 0, "x", None, None)
logging.getLogger().handlers[0].format(record)
sys.stdout.write(repr(getattr(record, "_frame_type", None)))
"""


@pytest.mark.parametrize(("form", "frame"), [("Text", "None"), ("JSON", "b'\\xa5Z\\x00\\x12'")])
def test_lambdas_own_handlers_write_json_lines(form: str, frame: str) -> None:
    pytest.importorskip("awslambdaric")
    run = subprocess.run([sys.executable, "-c", LAMBDA.format(format=form)], capture_output=True, text=True, check=True)
    *lines, last = run.stdout.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["one", "two"]
    assert last == frame


SCRIPT = """
import logging, sys
from cqrsless import App, Event, Registry
exec(sys.argv[1])
shop = Registry("shop")
Order = shop.aggregate("Order", id_field="order_id")
mailer = shop.processor("mailer", retries=5)

@shop.command_handler("Create", aggregate=Order, creation="always")
def create(command, order):
    return {}, Event("Created", dict(command))

@shop.event_handler("Created", processor=mailer)
def tell(event):
    raise RuntimeError("no mail\\nserver")

app = App("memory://", registry=shop)
App("memory://", registry=shop)
for number in (1, 2):
    app.execute("Create", {"order_id": f"o-{number}"})
    app.drain()
"""


def told_by(setup: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", SCRIPT, setup], capture_output=True, text=True, check=True)
    assert run.stdout == ""
    return run.stderr.splitlines()


def test_a_script_without_logging_is_told_in_one_line_what_was_parked() -> None:
    first, second = told_by("")
    parked = "mailer parked Order#o-1 at commit 1: RuntimeError: no mail server in tell (<string>:15); "
    assert first.startswith(parked) and first.endswith("; logging.basicConfig() shows the traceback")
    assert second.startswith(parked.replace("o-1", "o-2")) and second.endswith("'Order#o-2')")


@pytest.mark.parametrize("setup", ["logging.basicConfig()", "logging.getLogger('cqrsless').addHandler(MINE)"])
def test_where_somebody_listens_each_attempt_is_told_to_them_alone(setup: str) -> None:
    told = told_by(setup.replace("MINE", "logging.StreamHandler()"))
    assert sum("could not take Order#o-1@1 yet: attempt" in line for line in told) == 5
    assert sum("parked Order#o-1" in line for line in told) == 1
    assert "Traceback (most recent call last):" in told


@pytest.mark.parametrize(
    "setup", ["logging.lastResort = None", "sys.stderr = None", "logging.getLogger().addHandler(logging.NullHandler())"]
)
def test_who_wants_to_hear_nothing_hears_nothing(setup: str) -> None:
    assert told_by(setup) == []


def test_without_a_handler_json_goes_to_standard_output() -> None:
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        log_as_json()
        (handler,) = root.handlers
        assert isinstance(handler.formatter, JsonFormatter)
    finally:
        root.handlers = before
