"""A call that fails for now is made again, under the same id and not for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless import (
    App,
    Client,
    Command,
    ConcurrencyConflict,
    CqrslessError,
    Forbidden,
    HandlerFailed,
    MalformedMessage,
    MethodNotAllowed,
    NotCaughtUp,
    StoreUnavailable,
    Unauthenticated,
    UnknownMessage,
    Unreachable,
)
from cqrsless.remote.attempts import Attempts, Passing
from tests.remote.servers import LOST, Server, Status, function_url, in_process, invoke_api
from tests.sources.shop import Shop, registry

ORDER = {"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}
THROTTLED = Status(
    429, b'{"Type": "User", "message": "Rate Exceeded."}', (("x-amzn-ErrorType", "TooManyRequestsException"),)
)
BUSY = Status(503, b'{"message": "Service Unavailable"}')
FAILED = Status(500, b'{"message": "Internal server error"}')


def failed_invocation(name: str, text: str) -> Status:
    body = json.dumps({"errorType": name, "errorMessage": text} if name else {"errorMessage": text}).encode()
    return Status(200, body, (("X-Amz-Function-Error", "Unhandled"),))


@pytest.fixture(params=["invoke", "http"])
def way(request: pytest.FixtureRequest) -> Any:
    """Give a client with its server, for each way that answers."""
    kind = "function" if request.param == "invoke" else "api"
    return request.getfixturevalue(f"by_{request.param}"), request.getfixturevalue(kind)


@pytest.mark.parametrize("fault", [THROTTLED, BUSY, FAILED, LOST], ids=["throttled", "busy", "failed", "lost"])
def test_a_command_is_sent_again_under_the_id_it_had(way: Any, fault: Any, app: App, pauses: list[float]) -> None:
    client, server = way
    server.faults = [fault, fault]
    assert client.execute("CreateOrder", ORDER).version == 1
    assert len(server.requests) == 3 and len(pauses) == 2
    assert app.load("Order", "o-1").version == 1
    ids = {json.loads(r.body).get("id") or r.headers["idempotency-key"] for r in server.requests}
    assert len(ids) == 1


def test_a_lost_answer_is_not_a_second_commit(way: Any, app: App) -> None:
    client, server = way
    server.faults = [LOST]
    result = client.execute("TouchOrder", {"order_id": "o-1"})
    assert (result.version, result.duplicate, app.load("Order", "o-1").version) == (1, True, 1)


def test_a_call_ends_after_so_many_attempts(way: Any, pauses: list[float]) -> None:
    client, server = way
    server.faults = [BUSY] * 9
    with pytest.raises(Unreachable, match="503"):
        client.ask("Echo", {"word": "w"})
    assert (len(server.requests), len(pauses)) == (4, 3)


def test_an_application_that_is_not_there_is_unreachable() -> None:
    for url, routes in (
        ("lambda://orders?region=eu-west-1&endpoint=http://127.0.0.1:9", None),
        ("http://127.0.0.1:9", {"Echo": "GET /"}),
    ):
        client = Client(url, routes=routes, attempts=2, sleep=lambda seconds: None, timeout=2)
        with pytest.raises(Unreachable, match="does not answer: EndpointConnectionError"):
            client.ask("Echo")


def test_an_answer_that_comes_too_late_is_lost(app: App) -> None:
    import threading

    enough = threading.Event()

    def invoke(event: Any) -> Any:
        answer = in_process(app)(event)
        if not enough.is_set():
            enough.wait(5)
        return answer

    with invoke_api(invoke) as server:
        client = Client(
            f"lambda://orders?region=eu-west-1&endpoint={server.url}", timeout=0.2, sleep=lambda seconds: enough.set()
        )
        assert client.execute("CreateOrder", ORDER).duplicate is True


def test_each_call_without_an_id_gets_one_of_its_own(function: Server, by_invoke: Client) -> None:
    for _ in range(2):
        by_invoke.execute(Command("Greet", {"name": "Ada"}))
    assert len(set(function.ids)) == 2


@pytest.mark.parametrize("times", [1, 9])
def test_a_store_that_does_not_answer_for_now_is_asked_again(times: int) -> None:
    for serve in (invoke_api, function_url):
        shop = Shop(raising=StoreUnavailable("the table orders-events is not there"))
        pauses: list[float] = []

        def sleep(seconds: float, shop: Shop = shop, pauses: list[float] = pauses) -> None:
            pauses.append(seconds)
            if len(pauses) == times:
                shop.raising = None

        with serve(in_process(shop)) as server:
            url = server.url if serve is function_url else f"lambda://orders?region=eu-west-1&endpoint={server.url}"
            client = Client(url, routes=registry() if serve is function_url else None, sleep=sleep)
            if times == 1:
                assert client.execute("CreateOrder", ORDER).version == 1
            else:
                with pytest.raises(StoreUnavailable):
                    client.execute("CreateOrder", ORDER)
                assert len(pauses) == 3
        assert len(pauses) == (1 if times == 1 else 3)
        if serve is function_url:
            assert min(pauses) >= 1.0  # the API asks for a second


@pytest.mark.parametrize("error", [ConcurrencyConflict("others were faster"), NotCaughtUp("late")], ids=type)
def test_what_the_application_itself_has_tried_for_seconds_is_told_at_once(error: CqrslessError) -> None:
    for serve in (invoke_api, function_url):
        with serve(in_process(Shop(raising=error))) as server:
            url = server.url if serve is function_url else f"lambda://orders?region=eu-west-1&endpoint={server.url}"
            client = Client(url, routes=registry() if serve is function_url else None)
            with pytest.raises(type(error)):
                client.ask("Echo", {"word": "w"})
            assert len(server.requests) == 1


# -- invoked


@pytest.mark.parametrize(
    "fault",
    [
        failed_invocation("Sandbox.Timedout", "Task timed out after 3.00 seconds"),
        failed_invocation("", "2026-11-23T12:00:00Z 8b1f Task timed out after 3.00 seconds"),
        failed_invocation("Runtime.ExitError", "Runtime exited with error: signal: killed"),
        Status(200, b'{"aggregate_id": "o-'),
        Status(409, b'{"message": "being updated"}', (("x-amzn-ErrorType", "ResourceConflictException"),)),
    ],
    ids=["timed out", "timed out, as it was told once", "killed", "cut short", "being updated"],
)
def test_a_function_that_did_not_come_to_its_end_is_invoked_again(
    by_invoke: Client, function: Server, fault: Status
) -> None:
    function.faults = [fault]
    assert by_invoke.execute("CreateOrder", ORDER).version == 1


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (
            Status(403, b'{"Message": "not authorized"}', (("x-amzn-ErrorType", "AccessDeniedException"),)),
            Forbidden,
            "function orders may not be called, which needs lambda:InvokeFunction on it",
        ),
        (
            Status(404, b'{"Message": "not found"}', (("x-amzn-ErrorType", "ResourceNotFoundException"),)),
            Unreachable,
            "there is no function orders in this account and region",
        ),
        (
            Status(413, b'{"message": "too large"}', (("x-amzn-ErrorType", "RequestTooLargeException"),)),
            MalformedMessage,
            "function orders does not take so large a message",
        ),
        (
            Status(400, b'{"message": "bad"}', (("x-amzn-ErrorType", "InvalidParameterValueException"),)),
            Unreachable,
            "function orders did not take the call",
        ),
        (
            Status(200, b'{"statusCode": 200, "body": "hello"}'),
            HandlerFailed,
            "as no cqrsless application does: is its handler cqrsless.entrypoint?",
        ),
        (
            failed_invocation("AppLoadError", "there is no module 'shop'"),
            CqrslessError,
            "there is no module 'shop'",
        ),
        (
            failed_invocation("Runtime.ImportModuleError", "No module named 'cqrsless'"),
            HandlerFailed,
            "No module named",
        ),
    ],
)
def test_what_another_attempt_cannot_mend_is_told_at_once(
    by_invoke: Client, function: Server, fault: Status, error: type[CqrslessError], told: str
) -> None:
    function.faults = [fault]
    with pytest.raises(error) as raised:
        by_invoke.execute("CreateOrder", ORDER)
    assert told in str(raised.value) and len(function.requests) == 1


def test_a_message_that_no_function_takes_is_not_sent(by_invoke: Client, function: Server) -> None:
    with pytest.raises(MalformedMessage, match=r"^Greet takes 6\d{6} bytes as JSON, and a function takes 6291456: "):
        by_invoke.execute("Greet", {"name": "x" * 6_300_000})
    assert function.requests == []


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch, function: Server) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None, raising=False)
    with pytest.raises(Unreachable, match="function orders cannot be called: NoCredentialsError"):
        Client(f"lambda://orders?region=eu-west-1&endpoint={function.url}").execute("Greet")
    assert function.requests == []


# -- over HTTP


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        (Status(401, b'{"message": "Unauthorized"}'), Unauthenticated, "answered Greet with 401: Unauthorized"),
        (Status(403, b'{"Message": "Forbidden"}'), Forbidden, "answered Greet with 403: Forbidden"),
        (Status(405, b'{"message": "Not Allowed"}'), MethodNotAllowed, "answered Greet with 405: Not Allowed"),
        (Status(404, b'{"message": "Not Found"}'), UnknownMessage, "answered Greet with 404: Not Found"),
        (Status(413, b'{"message": "Request Too Long"}'), MalformedMessage, "with 413: Request Too Long"),
        (Status(418, b"tea"), HandlerFailed, "with 418: tea"),
        (
            Status(301, b"", (("location", "https://new.example"),)),
            Unreachable,
            "(it moves to https://new.example: write",
        ),
        (Status(200, b"<html>"), HandlerFailed, "answered Greet with 200, and no JSON"),
    ],
)
def test_what_the_api_itself_answers_is_told_as_what_it_is(
    by_http: Client, api: Server, fault: Status, error: type[CqrslessError], told: str
) -> None:
    api.faults = [fault]
    with pytest.raises(error) as raised:
        by_http.execute("Greet", {"name": "Ada"})
    assert type(raised.value) is error and told in str(raised.value) and len(api.requests) == 1


# -- the pauses


def test_pauses_grow_up_to_a_bound_and_are_no_shorter_than_the_server_asks() -> None:
    pauses: list[float] = []
    asked = iter([None, None, 2.0, 60.0, None, None, None, None, None])

    def call() -> None:
        raise Passing(Unreachable(), next(asked))

    with pytest.raises(Unreachable):
        Attempts(9, sleep=pauses.append, jitter=lambda least, most: most).make(call)
    assert pauses == [0.1, 0.2, 2.0, 5.0, 1.6, 3.2, 5.0, 5.0]


def test_what_is_no_passing_trouble_is_raised_as_it_is() -> None:
    def call() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        Attempts(9, sleep=lambda seconds: pytest.fail("it slept")).make(call)
