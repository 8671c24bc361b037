"""A system and browsers for the tests: started once, used by all of them. Tests
differ in the customer and the dish, so they do not meet."""

import base64
import contextlib
import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
import time

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["BUILD_DIR"]
PICTURES = os.path.join(BUILD, "browser")
PATIENCE = 40  # seconds, on a busy machine


def wait_for(condition, otherwise, seconds=PATIENCE):
    """Waits until `condition()` is true, and returns what it is."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, otherwise() if callable(otherwise) else otherwise
        time.sleep(0.02)


class System:
    """A whole system, started by scripts/up."""

    def __init__(self):
        self.run_dir = tempfile.mkdtemp(prefix="restaurant-browser-")
        # A queue that a few orders fill.
        self.environment = dict(os.environ, RUN_DIR=self.run_dir, ORDER_FLAGS="--queue_limit=4",
                                POSTGRES_SETTINGS="fsync=off,synchronous_commit=off")
        self.script("up", "--auto-ports")
        self.env = {}
        with open(os.path.join(self.run_dir, "env"), encoding="utf-8") as file:
            for line in file:
                name, _, value = line.rstrip("\n").partition("=")
                self.env[name] = "".join(shlex.split(value))
        self.url = self.env["GATEWAY_URL"]

    def script(self, *words):
        ran = subprocess.run([os.path.join(TOP, "scripts", words[0]), *words[1:]],
                             env=self.environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"scripts/{' '.join(words)}: {ran.stdout}{ran.stderr}"
        return ran.stdout.strip()

    @contextlib.contextmanager
    def without(self, part):
        """Stops a part of it meanwhile."""
        self.script("stop", part)
        try:
            yield
        finally:
            self.script("start", part)

    def link(self, *who):
        """The address that signs somebody in: link("--customer", "42")."""
        return self.script("token", "--link", *who)

    def token(self, *who):
        return self.script("token", *who)

    def logs(self):
        """All that was logged so far."""
        folder = os.path.join(self.run_dir, "log")
        texts = []
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                texts.append(file.read())
        return "\n".join(texts)

    def close(self):
        self.script("down", "--purge", "--quiet")
        shutil.rmtree(self.run_dir, ignore_errors=True)


class Browser:
    """Chromium without a screen, with a profile of its own."""

    def __init__(self, system, name):
        self.system = system
        self.name = name
        self.profile = tempfile.mkdtemp(prefix="restaurant-profile-")
        options = Options()
        options.binary_location = shutil.which("chromium")
        # The last ones keep it from looking for its maker's servers.
        for flag in ("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-quic",
                     "no-first-run", "disable-background-networking", "disable-component-update",
                     "disable-sync", "hide-scrollbars", "force-color-profile=srgb",
                     f"user-data-dir={self.profile}"):
            options.add_argument("--" + flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        self.driver.set_script_timeout(PATIENCE)
        self.screen()
        self.speak("en")

    def screen(self, width=1280, height=900, scheme="light"):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme},
                           {"name": "prefers-reduced-motion", "value": "reduce"}])

    def speak(self, languages):
        """Sets what the browser says in Accept-Language."""
        agent = self.driver.execute_script("return navigator.userAgent")
        self.cdp("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def open(self, path):
        self.driver.get(self.system.url + path if path.startswith("/") else path)

    def sign_in(self, *who, chosen=None):
        """Opens a sign-in link and waits for the view behind it."""
        self.js("localStorage.clear(); if (arguments[0]) localStorage.language = arguments[0]", chosen)
        self.open(self.system.link(*who))
        wait_for(lambda: "/sign-in" not in self.driver.current_url and self.find("main h1"),
                 lambda: f"not signed in: {self.text()}")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def see(self, selector):
        """The first element of `selector`, once it is there and visible."""
        def there():
            element = self.find(selector)
            return element if element and element.is_displayed() else None
        return wait_for(there, lambda: f"{self.name} does not see {selector} in:\n{self.text()}")

    def click(self, selector):
        self.see(selector).click()

    def text(self, selector="body"):
        """What is read there; not an element's, which may be gone by now."""
        return self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def reads(self, selector, text):
        wait_for(lambda: text in self.text(selector),
                 lambda: f"{self.name} does not read {text!r} at {selector} in:\n{self.text()}")

    def picture(self, name, full=True):
        size = self.cdp("Page.getLayoutMetrics")["cssContentSize"]
        path = os.path.join(PICTURES, name + ".png")
        if full:
            data = self.cdp("Page.captureScreenshot", captureBeyondViewport=True,
                            clip=dict(x=0, y=0, width=size["width"], height=size["height"], scale=1))
            with open(path, "wb") as file:
                file.write(base64.b64decode(data["data"]))
        else:
            self.driver.save_screenshot(path)

    def complaints(self):
        """What the console says is wrong, since this was asked last."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE"]

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)


@pytest.fixture(scope="session")
def system():
    started = System()
    yield started
    started.close()


@pytest.fixture(scope="session")
def browsers(system):
    """Two: what the customer looks at, and what the restaurant looks at."""
    started = [Browser(system, "the customer"), Browser(system, "the restaurant")]
    yield started
    for browser in started:
        browser.close()


@pytest.fixture
def expected_complaints():
    """Parts of what the console may say in this test: a browser complains about
    every answer that is an error, also where that is the point."""
    return []


@pytest.fixture
def customer(browsers, expected_complaints, request):
    yield from _ready(browsers[0], expected_complaints, request)


@pytest.fixture
def staff(browsers, expected_complaints, request):
    yield from _ready(browsers[1], expected_complaints, request)


def _ready(browser, expected, request):
    browser.screen()
    browser.speak("en")
    browser.open("/sign-in")
    browser.complaints()
    yield browser
    if getattr(request.node, "failed", False):
        browser.picture(f"FAILED-{request.node.name}-{browser.name.replace(' ', '-')}")
    complaints = browser.complaints()
    # What it would go on asking while another test stops something.
    browser.open("about:blank")
    unexpected = [c for c in complaints if not any(part in c for part in expected)]
    assert not unexpected, unexpected


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed


_numbers = itertools.count(100)


@pytest.fixture
def number():
    """A customer, or a restaurant, that no other test uses."""
    return next(_numbers)
