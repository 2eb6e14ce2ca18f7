"""The console, as a person meets it in a browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.dev.browsing import CONTROL_ENTER, Page, answering, running_browser
from tests.dev.conftest import Console
from tests.dev.waiting import until
from tests.engines import EngineMissing, go_without

PAGES = ["timeline", "send", "aggregates", "views", "processors", "due", "published", "model", "cost"]
EVIL = '<script>window.hacked=1</script></script><img src=x onerror="window.hacked=2">\u202egnp.exe'

#: What a page has to have for those who hear it.
AUDIT = """
const named = (one) => one.labels?.length || one.getAttribute("aria-label") || one.textContent.trim() || one.title;
const controls = [...document.querySelectorAll("input, select, textarea, button, a[href]")];
const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
return {
  nameless: controls.filter((one) => !named(one)).map((one) => one.outerHTML),
  headings: document.querySelectorAll("h1").length,
  twice: ids.filter((id, at) => ids.indexOf(id) !== at),
  live: document.querySelectorAll("[aria-live]").length > 0,
  landmarks: document.querySelectorAll("main, nav[aria-label]").length >= 2,
  captions: [...document.querySelectorAll("table")].every((table) => table.caption),
};
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    try:
        with running_browser() as browser:
            yield browser
    except EngineMissing as error:
        go_without(str(error))


class Swapped:
    """The server that answers now: a reload puts another one in its place."""

    server: Any

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.server(environ, start_response)


@pytest.fixture
def swapped() -> Swapped:
    return Swapped()


@pytest.fixture
def page(browser: webdriver.Chrome, console: Console, swapped: Swapped) -> Iterator[Page]:
    swapped.server = console.server
    with answering(swapped) as url:
        page = Page(browser, url)
        page.complaints()  # those of tests before
        yield page
        browser.get("about:blank")
        console.server.console.close()


def test_a_command_is_sent_by_its_form_with_messages_beside_the_fields(page: Page, console: Console) -> None:
    page.open("send/PlaceOrder?kind=command")
    page.click("button.primary")
    error = page.find(".error", "Missing data for required field.")
    first = page.labelled("Order id")
    assert first == page.browser.switch_to.active_element, "the first wrong field has the focus"
    assert first.get_attribute("aria-invalid") == "true"
    assert str(error.get_attribute("id")) in str(first.get_attribute("aria-describedby"))

    first.send_keys("o-1")
    page.fill("Mail", "nobody")
    page.fill("Speed", "fast")
    page.click("button", "Fill in")
    page.fill("Street", "Main St 1")
    page.fill("Gate", "yes")
    page.fill("Sku", "MUG")
    page.fill("Quantity", "12")
    page.fill("Price", "11.00")
    page.click("button", "Add to lines")
    page.fill("Sku", "POT", at=1)
    page.fill("Quantity", "1", at=1)
    page.fill("Price", "3.50", at=1)
    page.fill("Extra", '{"gift": [1, null]}').send_keys(CONTROL_ENTER)
    assert page.find(".error", "Not a valid email address.")
    assert page.find(".error", "less than or equal to 9")
    assert not [one for one in page.all(".error") if "Missing" in one.text]

    page.labelled("Mail").clear()
    page.fill("Mail", "ada@example.org")
    page.labelled("Quantity").clear()
    page.fill("Quantity", "2").send_keys(CONTROL_ENTER)
    page.find(".panel.good", "Order o-1 is at version 1")
    page.sees("1 request · 0 read units · 1 write unit")
    [event] = console.get("event", type="Order", id="o-1", version=1)["events"]
    assert event["payload"] == {
        "order_id": "o-1",
        "mail": "ada@example.org",
        "note": "",
        "colour": "red",
        "speed": "fast",
        "wanted_on": None,
        "address": {"street": "Main St 1", "gate": True},
        "lines": [
            {"sku": "MUG", "quantity": 2, "price": "11.00"},
            {"sku": "POT", "quantity": 1, "price": "3.50"},
        ],
        "tags": [],
        "extra": {"gift": [1, None]},
    }
    page.click("button.primary")
    page.find(".panel.no", "Refused: AlreadyExists")
    page.open("send/GetOrder?kind=query").fill("Order id", "o-1").send_keys(CONTROL_ENTER)
    page.find(".panel.good .pair", "placed")
    page.open("send/Break?kind=command").find("button.primary").click()
    assert "KeyError: '<b>a bug</b>'" in page.find(".panel.bad .trace").text


def test_what_happens_turns_up_by_itself(page: Page, console: Console) -> None:
    page.open("timeline").find(".empty", "Nothing has happened yet.")
    console.place("o-1", note="hello")
    page.click("button.event", "OrderPlaced")
    page.find(".detail .pair", "hello")
    page.open("views").find("th", "o-1")
    console.place("o-2")
    page.find("th", "o-2")
    page.open("cost").find("tr", "PlaceOrder")
    page.open("due").find("tr", "expire-o-2")


def test_an_aggregate_is_looked_at_as_of_each_version(page: Page, console: Console) -> None:
    console.place("o-1")
    for name in ("ShipOrder", "ExpireOrder"):
        console.post("send", name=name, payload={"order_id": "o-1"})
    page.open("aggregates/Order/o-1")
    page.find(".at", "3 of 3")
    assert [one.text for one in (page.find(".was"), page.find(".is"))] == ["shipped", "expired"]
    page.find("#version").send_keys(Keys.ARROW_LEFT)
    page.find(".at", "2 of 3")
    until(lambda: [one.text for one in page.all(".was")] == ["placed"], "what changed then")
    page.press(Keys.HOME)
    page.sees("It came into being.")
    assert page.run("return location.hash").endswith("version=1")
    page.click("button", "Newest")
    page.find(".at", "3 of 3")


def test_what_is_parked_is_retried_and_dropped(page: Page, console: Console, project: Path) -> None:
    for order in ("o-1", "o-2"):
        console.place(order, mail="nobody@example.org")
        console.post("send", name="ShipOrder", payload={"order_id": order})
    page.open("processors")
    page.find("td.bad", "2")
    page.click("th a", "mailer")
    letter = page.find(".letters li", "o-2 at version 2")
    assert "ConnectionError: no mail reaches nobody@example.org" in letter.text
    page.click(".letters li button", "Retry")
    page.find("[role=status].panel", "Still parked")
    page.click(".letters li:last-child button.quiet")
    page.click("dialog button", "Drop it")
    until(lambda: len(page.all(".letters li")) == 1, "it is dropped")
    sys.modules[project.stem].unreachable.clear()
    page.click("button.primary", "Retry it")
    page.sees("It has parked nothing.")


def test_hostile_payloads_are_shown_and_do_nothing(page: Page, console: Console) -> None:
    console.place(EVIL, mail="nobody@example.org", note=EVIL + "x" * 90_000)
    console.post("send", name="ShipOrder", payload={"order_id": EVIL})
    console.settled()
    evil = quote(EVIL, safe="")
    for address in [*PAGES, "processors/mailer", f"aggregates/Order/{evil}", f"timeline?text={evil}"]:
        page.open(address)
        for row in page.all("button.event"):
            row.click()
        assert page.run("return window.hacked") is None, address
        assert page.run("return document.querySelectorAll('main script, main img, main iframe').length") == 0, address
        assert "\u202e" not in page.text(), address
        width = page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{address} is wider than the window"
    page.open("aggregates").find("th", "<script>window.hacked=1</script></script><img")
    page.find("th", "\\u202egnp.exe")
    assert page.complaints() == []


def test_all_of_it_is_reached_by_keyboard(page: Page, console: Console) -> None:
    console.place("o-1")
    console.place("o-2")
    page.open("cost")
    for number, name in enumerate(PAGES, 1):
        page.press(str(number))
        page.find(f"main .page.{name} h1")
        until(lambda: page.run("return document.activeElement.id") == "main", "the focus goes to the page")
    page.press("1")
    page.find("button.event", "o-2")
    page.press("j")
    assert "o-2" in page.browser.switch_to.active_element.text
    page.press("j")
    page.press(Keys.ENTER)
    page.find(".detail .pair", "o-1")
    page.press("/")
    page.press("9 o-2")
    assert page.labelled("Search").get_attribute("value") == "9 o-2", "what is typed is no shortcut"
    page.press(Keys.ESCAPE)
    page.press("?")
    page.find("dialog[open]", "Shortcuts")
    page.click("dialog #single-keys")
    page.press(Keys.ESCAPE)
    page.press("2")
    page.find("main .page.timeline h1")
    page.run("localStorage.clear()")


def test_every_page_has_names_for_what_is_on_it(page: Page, console: Console) -> None:
    console.place("o-1")
    for address in [*PAGES, "send/PlaceOrder?kind=command", "aggregates/Order/o-1"]:
        page.open(address)
        wanted = {"nameless": [], "headings": 1, "twice": [], "live": True, "landmarks": True, "captions": True}
        assert page.run(AUDIT) == wanted, address


def test_a_theme_that_was_chosen_stays(page: Page, console: Console) -> None:
    page.open("timeline")
    dark = page.run("return matchMedia('(prefers-color-scheme: dark)').matches")
    page.click("#theme")
    chosen = page.run("return document.documentElement.dataset.theme")
    page.open("cost")
    assert page.run("return document.documentElement.dataset.theme") == chosen
    assert chosen == ("light" if dark else "dark")
    page.run("localStorage.clear()")


def test_a_narrow_window_shows_all_of_it(page: Page, console: Console) -> None:
    console.place("o-1")
    page.browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        for address in [*PAGES, "send/PlaceOrder?kind=command", "aggregates/Order/o-1"]:
            page.open(address)
            assert page.run("return document.documentElement.scrollWidth") <= 400, address
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_an_error_is_shown_and_what_was_typed_outlives_the_reload(
    page: Page, console: Console, swapped: Swapped, opened: Callable[..., Console], project: Path
) -> None:
    page.open("send/PlaceOrder?kind=command").fill("Order id", "o-7")
    text = project.read_text()

    def reload(changed: str) -> None:
        project.write_text(changed)
        sys.modules.pop(project.stem, None)
        before = swapped.server
        swapped.server = opened().server
        before.close()

    reload(text.replace("unreachable = {", "unreachable = 1 / 0, {"))
    page.find("h1", "The application is not loaded")
    assert "unreachable = 1 / 0" in page.find(".trace").text
    reload(text)
    until(lambda: page.labelled("Order id").get_attribute("value") == "o-7", "the draft is there again")


@pytest.mark.server
def test_tables_on_dynamodb_are_shown_and_said_to_be_read_when_asked(
    browser: webdriver.Chrome, opened: Callable[..., Console], ministack_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", ministack_endpoint)
    console = opened(store="dynamodb://console", dynamodb=True)
    console.app.create_tables()
    with answering(console.server) as url:
        page = Page(browser, url)
        page.complaints()
        page.open("timeline")
        page.find(".empty", "Nothing has happened yet.")
        console.place("o-1")
        page.click("button", "Look again")
        page.find("ol.events li", "OrderPlaced")
        page.open("aggregates")
        page.find("table.data a", "o-1")
        page.open("aggregates/Order/o-1")
        page.find(".faces", "placed")
        page.open("views")
        page.find(".empty", "No row yet.")
        page.open("due")
        page.find(".empty", "On DynamoDB commands wait at EventBridge Scheduler.")
        assert not page.complaints()
        browser.get("about:blank")
        console.server.console.close()
