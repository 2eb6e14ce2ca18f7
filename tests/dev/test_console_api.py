"""What the console is told: pages of bounded cost, forms from schemas, and errors in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from marshmallow import INCLUDE, Schema, fields, validate

from cqrsless.dev.console.forms import form_of
from cqrsless.dev.console.timeline import tail
from tests.dev.conftest import Console, order

ASSETS = Path(__file__).parent.parent.parent / "cqrsless" / "dev" / "console" / "assets"


def test_a_commit_is_shown_with_its_command_as_it_was_sent(console: Console) -> None:
    console.place("o-1", note="as typed")
    told = console.get("event", type="Order", id="o-1", version=1)
    assert told["sent"] == {"payload": order("o-1", note="as typed")}
    assert console.get("events")["commits"][0]["sent"] is None


def test_the_timeline_is_read_backwards_page_by_page(console: Console) -> None:
    for number in range(7):
        console.place(f"o-{number}")
    first = console.get("events", limit=3)
    assert [one["id"] for one in first["commits"]] == ["o-6", "o-5", "o-4"]
    second = console.get("events", limit=3, before=first["before"])
    third = console.get("events", limit=3, before=second["before"])
    assert [one["id"] for one in (*second["commits"], *third["commits"])] == ["o-3", "o-2", "o-1", "o-0"]
    assert third["before"] is None
    assert [one["id"] for one in console.get("events", after=5)["commits"]] == ["o-5", "o-6"]


def test_a_page_of_the_timeline_takes_as_many_reads_for_a_long_history_as_for_a_short_one(
    opened: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    console = opened(store="memory://")
    project: Any = console.server.project
    project.deliveries.stop()
    for number in range(3_000):
        project.app.execute("PlaceOrder", {"order_id": f"o-{number}", "mail": "a@b.org", "lines": LINES})
    calls: list[int] = []
    changes = project.app.store.changes

    def counted(table: Any, after: int, limit: int) -> Any:
        found = changes(table, after, limit)
        calls.append(len(found))
        return found

    monkeypatch.setattr(project.app.store, "changes", counted)
    assert tail(project.app.store, "events") == 3_000
    assert len(console.get("events", limit=50)["commits"]) == 50
    assert len(calls) < 100
    assert sum(calls) < 300


LINES = [{"sku": "MUG", "quantity": 1, "price": "1.00"}]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"text": "O-3"}, ["o-3"]),
        ({"name": "OrderShipped"}, ["o-2"]),
        ({"type": "Order", "id": "o-1"}, ["o-1"]),
        ({"text": "a word in the note"}, ["o-0"]),
        ({"type": "Nothing"}, []),
    ],
)
def test_the_timeline_is_searched(console: Console, asked: dict[str, str], found: list[str]) -> None:
    for number in range(4):
        console.place(f"o-{number}", note="A word in the note" if number == 0 else "")
    console.post("send", name="ShipOrder", payload={"order_id": "o-2"})
    assert [one["id"] for one in console.get("events", **asked)["commits"]] == found


def test_a_conversation_is_found_by_any_of_its_commits(console: Console) -> None:
    console.post("send", name="PlaceOrder", id="c-1", payload={"order_id": "o-1", "mail": "a@b.org", "lines": LINES})
    console.settled()
    console.post("advance", seconds=3 * 24 * 3600)
    names = [one["events"][0]["name"] for one in console.get("events", correlation="c-1")["commits"]]
    assert names == ["OrderExpired", "OrderPlaced"]


def test_aggregates_are_listed_by_id_and_their_commits_skipped(console: Console) -> None:
    for number in (1, 2, 10):
        console.place(f"o-{number}")
    console.post("send", name="ShipOrder", payload={"order_id": "o-1"})
    first = console.get("aggregates", type="Order", limit=2)
    assert [(one["id"], one["version"]) for one in first["aggregates"]] == [("o-1", 2), ("o-10", 1)]
    rest = console.get("aggregates", type="Order", limit=2, after=first["after"])
    assert [one["id"] for one in rest["aggregates"]] == ["o-2"]
    begun = console.get("aggregates", type="Order", prefix="o-1")["aggregates"]
    assert [one["id"] for one in begun] == ["o-1", "o-10"]
    assert [one["id"] for one in console.get("aggregates", type="Order", prefix="o-10")["aggregates"]] == ["o-10"]


def test_rows_are_listed_and_found_by_each_index(console: Console) -> None:
    for number in range(5):
        console.place(f"o-{number}")
    console.post("send", name="ShipOrder", payload={"order_id": "o-3"})
    console.settled()
    first = console.get("rows", view="Summary", limit=3)
    second = console.get("rows", view="Summary", limit=3, cursor=first["cursor"])
    assert [row["order_id"] for row in (*first["rows"], *second["rows"])] == [f"o-{number}" for number in range(5)]
    assert [row["order_id"] for row in console.get("rows", view="Summary", value="o-2")["rows"]] == ["o-2"]
    shipped = console.get("rows", view="Summary", index="by_status", value="shipped")["rows"]
    assert [row["order_id"] for row in shipped] == ["o-3"]


def test_what_is_asked_wrongly_is_answered_in_words(console: Console) -> None:
    answer = console.client.get("/_cqrsless/api/rows?view=Nothing")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert console.client.get("/_cqrsless/api/events?before=x").json["detail"].endswith("is a whole number, not 'x'")
    assert console.client.get("/_cqrsless/api/commits?type=Order&id=none").status_code == 404
    assert console.client.get("/_cqrsless/api/nothing").status_code == 404


def test_a_field_is_told_with_all_that_an_input_can_say_of_it() -> None:
    class Inner(Schema):
        at = fields.AwareDateTime()

    class Made(Schema):
        given = fields.String(required=True, data_key="givenName", metadata={"description": "as on the passport"})
        many = fields.Integer(validate=[validate.Range(min=1), validate.Range(max=9)], load_default=3)
        size = fields.String(validate=validate.OneOf(["s", "m"], labels=["small", "medium"]))
        inner = fields.Nested(Inner, many=True)
        kinds = fields.List(fields.String(), validate=validate.ContainsOnly(["a", "b"]))
        day = fields.Date(format="%d.%m.%Y")
        only_out = fields.String(dump_only=True)
        itself = fields.Nested(lambda: Made())

    form = {one["name"]: one for one in form_of(Made) or []}
    assert form["givenName"]["label"] == "Given name"
    assert form["givenName"]["help"] == "as on the passport"
    assert (form["many"]["kind"], form["many"]["default"]) == ("integer", 3)
    assert form["size"]["options"] == [{"value": "s", "label": "small"}, {"value": "m", "label": "medium"}]
    assert (form["inner"]["kind"], form["inner"]["inner"]["fields"][0]["kind"]) == ("list", "datetime")
    assert form["kinds"]["inner"]["kind"] == "select"
    assert (form["day"]["kind"], form["day"]["help"]) == ("text", "as %d.%m.%Y")
    assert "only_out" not in form
    deep, levels = form["itself"], 0
    while deep["kind"] == "object":
        deep, levels = next(one for one in deep["fields"] if one["name"] == "itself"), levels + 1
    assert (deep["kind"], levels) == ("json", 5)


def test_what_has_no_fields_is_written_as_json() -> None:
    class Open(Schema):
        class Meta:
            unknown = INCLUDE

    assert form_of(None) is None
    assert form_of(Open) is None


def test_the_page_asks_no_other_host_and_makes_no_text_into_markup() -> None:
    for file in ASSETS.rglob("*.*"):
        text = file.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not hosts, file
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), file
        assert not re.search(r"<script>|\son\w+=\"|style=\"", text), file


def test_texts_have_contrast_in_both_themes() -> None:
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    colours = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", style)
    light, dark = {name: one for name, one, _ in colours}, {name: other for name, _, other in colours}
    for theme in (light, dark):
        for paper in ("paper", "card", "tint"):
            for ink in ("ink", "soft", "accent", "busy", "bad"):
                assert contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper)
        assert contrast(theme["on-accent"], theme["accent"]) >= 4.5
        assert contrast(theme["accent"], theme["accent-tint"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """Give the contrast of two colours, as WCAG 2 reckons it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
