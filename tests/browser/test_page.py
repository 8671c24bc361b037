"""What every view must be: small, safe, and usable by everybody."""

import json
import os
import statistics
import urllib.error
import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from conftest import TOP, wait_for
from pages import card, place, sign_in_customer, sign_in_kitchen, stage

LIMIT = 60 * 1024

POLICY = ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'")


def fetch(system, path, **headers):
    request = urllib.request.Request(
        system.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_first_load_is_small(customer, system, number):
    sign_in_customer(customer, number)
    bytes_seen, times = 0, []
    for _ in range(5):
        customer.cdp("Network.clearBrowserCache")
        customer.open("/")
        customer.see("form.order")
        entries = customer.js("""
            return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
              .map((e) => [e.name, e.transferSize])""")
        # A stream is no part of a load; it has no end.
        loaded = [(name, size) for name, size in entries if ":watch" not in name]
        assert all(name.startswith(system.url + "/") for name, _ in loaded), loaded
        bytes_seen = sum(size for _, size in loaded)
        times.append(customer.js("return performance.getEntriesByName('drawn')[0].startTime"))
    print(f"\nfirst load: {bytes_seen} bytes of {LIMIT}, {len(loaded)} requests; drawn after "
          f"{statistics.median(times):.0f} ms (goal: 300; of 5: {', '.join(f'{t:.0f}' for t in times)})")
    assert bytes_seen <= LIMIT
    assert len(loaded) > 5


def test_headers_are_strict_and_caches_are_used(system):
    for path in ("/", "/kitchen", "/courier", "/sign-in"):
        status, headers, html = fetch(system, path)
        assert status == 200
        for part in POLICY:
            assert part in headers["Content-Security-Policy"], path
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-cache"
        assert fetch(system, path, If_None_Match=headers["ETag"])[0] == 304
        assert fetch(system, path, If_None_Match=headers["ETag"], Accept_Language="ko")[0] == 200
    style = html.decode().split('rel="stylesheet" href="')[1].split('"')[0]
    status, headers, body = fetch(system, style, Accept_Encoding="gzip")
    assert status == 200 and headers["Content-Encoding"] == "gzip" and headers["Vary"] == "Accept-Encoding"
    assert "immutable" in headers["Cache-Control"] and headers["Content-Type"].startswith("text/css")
    assert fetch(system, style, Accept_Encoding="gzip", If_None_Match=headers["ETag"])[0] == 304
    status, headers, plain = fetch(system, style)
    assert headers["Content-Encoding"] is None and len(plain) > len(body)
    # Another version's address gets what there is, and nobody keeps it.
    folder, name = style.rsplit("/", 1)
    assert fetch(system, f"/assets/0123456789abcdef/{name}")[1]["Cache-Control"] == "no-store"
    for path in (f"{folder}/none.js", f"{folder}/shell.html", f"{folder}/../texts.js", "/assets/", "/kitchen/x"):
        assert fetch(system, path)[0] in (401, 404), path


def test_the_api_answers_as_before(system, number):
    token = system.token("--customer", str(number))
    status, headers, body = fetch(system, f"/mypages?customer_id={number}", Authorization=f"Bearer {token}")
    assert status == 200 and json.loads(body)["mypages"] == []
    assert headers["Content-Type"] == "application/json"


AXE = """
const done = arguments[0];
axe.run(document, {resultTypes: ['violations']}).then((result) => done(
  result.violations.map((v) => `${v.impact}: ${v.id}: ${v.help}: ` + v.nodes.map((n) => n.target + ' ' + (n.any[0]?.message ?? '')).join('; '))),
  (error) => done(['serious: axe failed: ' + error]));
"""


def findings(browser):
    """What axe-core finds wrong, at any level."""
    with open(os.path.join(TOP, ".tools", "browser", "node_modules", "axe-core", "axe.min.js"),
              encoding="utf-8") as file:
        browser.js(file.read())
    return browser.driver.execute_async_script(AXE)


def test_everybody_can_use_it(customer, staff, number):
    found = []

    def check(browser, name):
        # On a desk by day, on a phone at night.
        for scheme, width, height in (("light", 1280, 900), ("dark", 360, 740)):
            browser.screen(width, height, scheme)
            found.extend(f"{name} {scheme}: {finding}" for finding in findings(browser))
            wide = browser.js("return document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                found.append(f"{name} {scheme}: serious: {wide} px wider than the screen")
            browser.picture(f"{name}-{scheme}")
        browser.screen()

    sign_in_kitchen(staff, number, {1: 10, 2: 3, 4: 1})
    sign_in_customer(customer, number)
    cancelled = place(customer, number, dish=2)
    stage(customer, cancelled, "cooking")
    customer.click(f"{card(cancelled)} .cancel")
    customer.see("dialog")
    check(customer, "dialog")
    customer.click("dialog .danger")
    stage(customer, cancelled, "cancelled")
    stage(customer, place(customer, number, dish=4, qty=2), "soldout")
    delivered = place(customer, number, dish=1, qty=2)
    stage(customer, delivered, "cooking")
    staff.click(f'[data-order="{delivered}"] .primary')
    stage(customer, delivered, "onway")
    stage(customer, place(customer, number, dish=1, qty=1), "cooking")
    customer.click(f"{card(delivered)} summary")
    wait_for(lambda: not customer.find(".toast.shown"), "the message stays")
    staff.see('[data-part="kitchen.cooking"] .line')
    check(staff, "kitchen")
    staff.sign_in("--courier")
    staff.see('[data-part="courier.open"] .line')
    check(staff, "courier")
    staff.click(f'[data-order="{delivered}"] .primary')
    stage(customer, delivered, "delivered")
    check(customer, "customer")
    staff.open("/sign-in")
    check(staff, "sign-in")

    for finding in found:
        print("\naxe:", finding)
    assert not [finding for finding in found if "serious: " in finding or "critical: " in finding]


def test_a_slow_answer_does_not_hush_what_was_heard_meanwhile(customer, staff, number):
    sign_in_kitchen(staff, number, {1: 10})
    sign_in_customer(customer, number)
    customer.js("""
        const fetchNow = window.fetch;
        window.fetch = async (...request) => {
          const answer = await fetchNow(...request);
          if (request[1]?.method === 'POST') await new Promise((go) => setTimeout(go, 1500));
          return answer;
        };""")
    stage(customer, place(customer, number, dish=1, qty=1), "cooking")
    customer.reads(".toast.shown", "Ordered")  # the answer is here
    customer.reads("[aria-live=polite]", "cooking")


def test_a_keyboard_is_enough(customer, staff, number):
    sign_in_kitchen(staff, number, {1: 10, 2: 10})
    sign_in_customer(customer, number)

    def press(*keys):
        actions = ActionChains(customer.driver)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def tab_to(selector):
        for _ in range(40):
            if customer.js("return document.activeElement?.matches(arguments[0])", selector):
                return
            press(Keys.TAB)
        raise AssertionError(f"no way to {selector} with the tab key")

    tab_to(".skip")
    assert customer.see(".skip").is_displayed()
    tab_to("[name=dish]")
    press(Keys.ARROW_DOWN)
    tab_to("#qty")
    press(Keys.ARROW_UP)
    tab_to("#restaurant")
    press(Keys.CONTROL + "a" + Keys.NULL, str(number), Keys.ENTER)
    customer.see('.card[data-stage="cooking"]')
    customer.reads(".card h2", "Kimchi stew × 2")
    # Said to whoever does not look.
    customer.reads("[aria-live=polite]", "cooking")

    tab_to(".cancel")
    press(Keys.ENTER)
    customer.see("dialog")
    press(Keys.ESCAPE)
    wait_for(lambda: not customer.find("dialog"), "Escape does not close it")
    assert customer.js("return document.activeElement.matches('.cancel')")
    press(Keys.ENTER)
    customer.see("dialog")
    press("no hunger")
    tab_to("dialog .danger")
    press(Keys.ENTER)
    customer.see('.card[data-stage="cancelled"]')
    assert customer.js("return document.activeElement.matches('summary')")
    press(Keys.ENTER)
    customer.reads(".timeline", "no hunger")
