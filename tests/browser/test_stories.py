"""The stories of scripts/demo, by clicking, in front of a page that nobody loads
again."""

import json
import subprocess
import threading
import urllib.error
import urllib.request

from conftest import wait_for
from pages import (cancel, card, fill_in, place, sign_in_customer, sign_in_kitchen, stage, stock_of,
                   timeline)


def stay(browser):
    browser.js("window.neverLoadedAgain = true")


def stayed(browser):
    return browser.js("return window.neverLoadedAgain === true")


def test_an_order_is_cooked_and_delivered_live(customer, staff, system, number):
    sign_in_kitchen(staff, number, {1: 10})
    sign_in_customer(customer, number)
    customer.reads(".empty", "No orders yet")
    customer.reads(".live", "Live")
    stay(customer)

    order = place(customer, number, dish=1, qty=2)
    stage(customer, order, "cooking")
    wait_for(lambda: stock_of(staff, 1) == 8, "the kitchen does not see its stock go down")

    staff.click(f'[data-order="{order}"] .primary')
    stage(customer, order, "onway")
    staff.reads('[data-part="kitchen.recent"]', "Cooked")
    staff.picture("kitchen")

    staff.sign_in("--courier")
    staff.picture("courier")
    staff.click(f'[data-order="{order}"] .primary')
    stage(customer, order, "delivered")
    customer.reads(card(order), "Enjoy your meal")
    seen = timeline(customer, order)
    words = ["Ordered", "Cooking began", "Cooked", "Picked up", "Delivered", "complete"]
    wait_for(lambda: len(timeline(customer, order)) == len(words), f"the timeline is {seen}")
    for entry, word in zip(timeline(customer, order), words):
        assert word in entry and ":" in entry
    assert stayed(customer)
    customer.picture("delivered")


def test_an_order_is_cancelled_with_a_reason(customer, staff, number):
    sign_in_kitchen(staff, number, {2: 5})
    sign_in_customer(customer, number)
    stay(customer)
    order = place(customer, number, dish=2, qty=3)
    stage(customer, order, "cooking")
    wait_for(lambda: stock_of(staff, 2) == 2, "nothing was taken from the stock")

    customer.click(f"{card(order)} .cancel")
    customer.see("dialog")
    customer.picture("cancel", full=False)
    customer.click("dialog .quiet")
    stage(customer, order, "cooking")

    cancel(customer, order, "changed my mind <b>&")
    stage(customer, order, "cancelled")
    customer.reads(card(order), "will not be cooked")
    wait_for(lambda: any("Order cancelled" in entry and "changed my mind <b>&" in entry
                         for entry in timeline(customer, order)), "the reason is not shown")
    assert not customer.see(f"{card(order)} summary").get_attribute("hidden")
    assert not customer.find(f"{card(order)} .cancel:not([hidden])")
    wait_for(lambda: stock_of(staff, 2) == 5, "the stock did not come back")
    assert stayed(customer)


def test_what_is_sold_out_is_said(customer, staff, number):
    sign_in_kitchen(staff, number, {3: 1})
    sign_in_customer(customer, number)
    order = place(customer, number, dish=3, qty=2)

    stage(customer, order, "soldout")
    customer.reads(card(order), "not enough left")
    assert stock_of(staff, 3) == 1


def test_too_late_to_cancel_is_said(customer, staff, expected_complaints, number):
    expected_complaints.append("400")
    sign_in_kitchen(staff, number, {1: 5})
    sign_in_customer(customer, number)
    order = place(customer, number, dish=1)
    stage(customer, order, "cooking")
    # The dialog is open while the dish is done.
    customer.click(f"{card(order)} .cancel")
    customer.see("dialog")
    staff.click(f'[data-order="{order}"] .primary')
    stage(customer, order, "onway")

    customer.click("dialog .danger")
    customer.reads("dialog", "cooked already")
    customer.click("dialog .quiet")
    stage(customer, order, "onway")


def test_a_cancel_waits_for_the_kitchen(customer, staff, system, expected_complaints, number):
    expected_complaints += ["503", "504"]
    sign_in_kitchen(staff, number, {1: 10})
    sign_in_customer(customer, number)
    stay(customer)
    cooking = place(customer, number, dish=1)
    stage(customer, cooking, "cooking")

    with system.without("cook"):
        staff.reads('[data-part="kitchen.cooking"] .notice', "cannot be reached")
        waiting = place(customer, number, dish=1)
        customer.reads(card(waiting), "has not taken it up yet")
        cancel(customer, cooking)
        stage(customer, cooking, "pending")
        customer.reads(card(cooking), "neither cancelled nor certain")
        customer.reads(card(cooking), "Waiting for the kitchen")
        customer.picture("pending")
        staff.picture("kitchen-away")

    stage(customer, cooking, "cancelled")
    stage(customer, waiting, "cooking")
    wait_for(lambda: not staff.text('[data-part="kitchen.cooking"] .notice'), "still away")
    assert stayed(customer)


def test_ordering_works_while_the_live_view_is_away(customer, staff, system, expected_complaints, number):
    expected_complaints += ["503", "mypages", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    sign_in_kitchen(staff, number, {1: 10})
    sign_in_customer(customer, number)
    first = place(customer, number)
    stage(customer, first, "cooking")
    stay(customer)

    with system.without("mypage"):
        customer.reads(".mine .notice", "cannot see how your orders get on")
        second = place(customer, number)
        stage(customer, second, "ordered")
        customer.picture("live-away")
        cancel(customer, first)
        stage(customer, first, "cancelled")

    stage(customer, second, "cooking")
    wait_for(lambda: not customer.text(".mine .notice"), "still away")
    assert stayed(customer)


def test_busy_says_when_to_order_again(customer, staff, system, expected_complaints, number):
    expected_complaints.append("429")
    sign_in_kitchen(staff, number, {1: 100})
    sign_in_customer(customer, number)
    fill_in(customer, number)

    # Nothing is committed while the table is locked, so a few orders fill the
    # queue, and the next one is refused at once.
    lock = subprocess.Popen(["psql", "-XAtq", system.env["ORDER_PG_OWNER_DSN"]], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    try:
        lock.stdin.write("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
        lock.stdin.flush()
        assert lock.stdout.readline().strip() == "locked"
        token = system.token("--customer", str(number))
        fill = [threading.Thread(target=_order, args=(system.url, token, number)) for _ in range(8)]
        for thread in fill:
            thread.start()
        wait_for(lambda: _refused(system, token, number), "orders are not refused")
        customer.click("form.order [type=submit]")
        customer.reads('[data-notice="order"]', "Please order again in")
        customer.picture("busy")
        first = customer.text('[data-notice="order"]')
        # It counts down, and cannot be pressed meanwhile.
        if "in 1 s" not in first:
            wait_for(lambda: customer.text('[data-notice="order"]') != first, "no countdown")
        lock.stdin.write("COMMIT;\n")
    finally:
        lock.stdin.close()
        lock.wait()
    for thread in fill:
        thread.join()

    customer.reads('[data-notice="order"]', "Please order again now")
    place(customer, number)


def _order(url, token, number):
    request = urllib.request.Request(
        url + "/orders", method="POST", headers={"Authorization": f"Bearer {token}"},
        data=json.dumps({"customer_id": number, "restaurant_id": number, "restaurant_menu_id": 1,
                         "qty": 1}).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def _refused(system, token, number):
    return _order(system.url, token, number) == 429


def test_a_repeat_after_silence_orders_once(customer, staff, system, expected_complaints, number):
    expected_complaints += ["503", "504", "ERR_"]
    sign_in_kitchen(staff, number, {1: 10})
    sign_in_customer(customer, number)
    fill_in(customer, number)
    # The answer is lost: the order is placed, the page hears nothing.
    customer.js("""
        const real = window.fetch;
        window.fetch = async (path, options) => {
          const answer = await real(path, options);
          if (path === '/orders') { window.fetch = real; throw new TypeError('lost'); }
          return answer;
        };""")
    customer.click("form.order [type=submit]")
    customer.reads('[data-notice="order"]', "ordered once")
    customer.click("form.order [type=submit]")

    customer.reads(".toast", "Ordered")
    wait_for(lambda: len(customer.driver.find_elements("css selector", ".card")) == 1, "no card")
    assert system_orders(system, number) == 1


def system_orders(system, customer):
    ran = subprocess.run(["psql", "-XAtq", system.env["ORDER_PG_OWNER_DSN"], "-c",
                          f"SELECT count(*) FROM orders WHERE customer_id = {customer}"],
                         stdout=subprocess.PIPE, text=True, check=True)
    return int(ran.stdout)
