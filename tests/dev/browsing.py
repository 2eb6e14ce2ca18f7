"""A real Chromium without a window, and what a person does in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from werkzeug.serving import make_server

from tests.dev.waiting import until
from tests.engines import EngineMissing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def running_browser() -> Generator[webdriver.Chrome, None, None]:
    """Give a browser; raise `EngineMissing` where there is none."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        raise EngineMissing("there is no Chromium with its chromedriver (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("headless=new", "disable-dev-shm-usage", "no-proxy-server", "window-size=1280,900", "lang=en"):
        options.add_argument(f"--{argument}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # as root Chromium has none
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


class Page:
    """The console in the browser. What is looked for is waited for."""

    def __init__(self, browser: webdriver.Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, address: str) -> Page:
        """Go to a page of the console, and wait until it is drawn."""
        self.browser.get("about:blank")  # else only the part behind the # would change, and nothing be loaded
        self.browser.get(f"{self.url}#/{address}")
        self.find("main:not([aria-busy]) .head h1")
        return self

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, text: str = "") -> WebElement:
        """Give the first element that is shown and holds a text."""

        def found() -> WebElement | None:
            try:
                return next((e for e in self.all(selector) if e.is_displayed() and text in e.text), None)
            except StaleElementReferenceException:  # drawn anew in this moment
                return None

        return until(found, f"{selector} with {text!r}; the page is {self.text()[:2000]}")

    def click(self, selector: str, text: str = "") -> None:
        """Click what `find` finds, again where it was drawn anew in between."""

        def clicked() -> bool:
            try:
                self.find(selector, text).click()
            except StaleElementReferenceException:
                return False
            return True

        until(clicked, f"a click on {selector} with {text!r}")

    def text(self) -> str:
        return str(self.run("return document.querySelector('main').innerText"))

    def sees(self, text: str) -> None:
        """Wait until the page shows a text."""
        until(lambda: text in self.text(), f"{text!r}; the page is {self.text()[:2000]}")

    def fill(self, label: str, value: str, *, at: int = 0) -> WebElement:
        """Type into the input with a label."""
        control = self.labelled(label, at=at)
        control.send_keys(value)
        return control

    def labelled(self, label: str, *, at: int = 0) -> WebElement:
        def found() -> WebElement | None:
            labels = [one for one in self.all("main label") if one.text.partition("\n")[0].strip().startswith(label)]
            return self.browser.find_element(By.ID, str(labels[at].get_attribute("for"))) if len(labels) > at else None

        return until(found, f"an input labelled {label!r}")

    def press(self, keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        ActionChains(self.browser).send_keys(keys).perform()

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def complaints(self) -> list[str]:
        """Give what the browser complained of, such as what the policy forbids."""
        log = self.browser.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] in ("WARNING", "SEVERE")]


@contextmanager
def answering(application: Any) -> Generator[str, None, None]:
    """Have an application answer on a port of its own."""
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/_cqrsless/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CONTROL_ENTER = Keys.CONTROL + Keys.ENTER
