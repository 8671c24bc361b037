"""What a person does on the pages."""

from selenium.webdriver.common.keys import Keys

from conftest import wait_for


def sign_in_customer(browser, number, **options):
    browser.sign_in("--customer", str(number), **options)
    browser.see("form.order")


def sign_in_kitchen(browser, number, stock=None, **options):
    browser.sign_in("--kitchen", str(number), **options)
    for dish, count in (stock or {}).items():
        set_stock(browser, dish, count)


def set_stock(browser, dish, count):
    field = browser.see(f'form[data-menu="{dish}"] input')
    field.click()
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(str(count))
    browser.click(f'form[data-menu="{dish}"] button')
    browser.reads(".toast", str(count))


def stock_of(browser, dish):
    return browser.js("return document.querySelector(arguments[0])?.valueAsNumber",
                      f'form[data-menu="{dish}"] input')


def fill_in(browser, restaurant, dish=1, qty=1):
    browser.click(f".dishes label:nth-of-type({dish})")
    field = browser.see("#restaurant")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(str(restaurant))
    for _ in range(qty - int(browser.js("return document.querySelector('#qty').value"))):
        browser.click(".stepper button:last-child")


def place(browser, restaurant, dish=1, qty=1):
    """Places an order by clicking; returns its id."""
    known = set(order_ids(browser))
    fill_in(browser, restaurant, dish, qty)
    browser.click("form.order [type=submit]")
    new = wait_for(lambda: set(order_ids(browser)) - known,
                   lambda: f"no new order in:\n{browser.text()}")
    return new.pop()


def order_ids(browser):
    return browser.js("return [...document.querySelectorAll('.orders > li')].map(e => e.dataset.order)")


def card(order):
    return f'.card[data-order="{order}"]'


def stage(browser, order, expected):
    """Waits until the order's card is at this stage."""
    browser.see(f'{card(order)}[data-stage="{expected}"]')


def timeline(browser, order):
    """What happened, as it is read; opens it if it is closed."""
    if not browser.find(f"{card(order)} details[open]"):
        browser.click(f"{card(order)} summary")
    return browser.js("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.replace(/\\s+/g, ' '))",
                      f"{card(order)} .timeline li")


def cancel(browser, order, reason=""):
    browser.click(f"{card(order)} .cancel")
    field = browser.see("dialog textarea")
    field.send_keys(reason)
    browser.click("dialog .danger")
