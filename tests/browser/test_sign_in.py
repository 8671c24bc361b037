"""How a browser becomes somebody, and what it cannot do."""

import json
import urllib.error
import urllib.request

from pages import place, sign_in_customer, sign_in_kitchen, stage

COOKIE = "restaurant_token"


def answer_to(request):
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def reason(body):
    return json.loads(body)["details"][0]["reason"]


def test_a_link_signs_in_and_leaves_no_trace(customer, system, number):
    link = system.link("--customer", str(number))
    address, token = link.split("#")
    assert address == system.url + "/sign-in"
    customer.open(link)
    customer.reads(".who", f"Customer {number}")

    assert token not in customer.driver.current_url
    customer.driver.back()
    assert token not in customer.driver.current_url
    cookie = customer.driver.get_cookie(COOKIE)
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/"
    # A script cannot read it, and Secure would keep it off a plain connection to this machine.
    assert COOKIE not in customer.js("return document.cookie") and not cookie["secure"]
    signature = token.rpartition(".")[2]
    assert token not in system.logs() and signature not in system.logs()


def test_the_cookie_is_secure_elsewhere(system, number):
    token = system.token("--customer", str(number))
    for headers, secure in (({}, False), ({"Host": "restaurant.example"}, True)):
        request = urllib.request.Request(system.url + "/session", method="POST", data=b"", headers={
            "Authorization": f"Bearer {token}", **headers})
        status, answered, _ = answer_to(request)
        assert status == 200
        assert ("; Secure" in answered["Set-Cookie"]) == secure


def test_a_bad_link_is_refused(customer, system, expected_complaints):
    expected_complaints.append("401")
    customer.driver.delete_all_cookies()
    for token in ("x.y.z", system.token("--customer", "5")[:-8] + "AAAAAAAA"):
        # Another address, not only another fragment.
        customer.open("about:blank")
        customer.open(f"/sign-in#{token}")
        customer.reads("main", "does not work or has expired")
        assert token not in customer.driver.current_url
        assert not customer.driver.get_cookies()


def test_without_signing_in_the_views_say_how(customer, expected_complaints):
    expected_complaints.append("401")
    customer.driver.delete_all_cookies()
    for path, flag in (("/", "--customer"), ("/kitchen", "--kitchen"), ("/courier", "--courier")):
        customer.open(path)
        customer.reads("main", "scripts/token --link " + flag)


def test_signing_out_ends_it(customer, expected_complaints, number):
    expected_complaints.append("401")
    sign_in_customer(customer, number)
    customer.click(".me .quiet")
    customer.reads("main", "Please sign in")
    assert not customer.driver.get_cookie(COOKIE)


def test_another_view_is_not_for_everybody(customer, number):
    sign_in_customer(customer, number)
    customer.open("/kitchen")
    customer.reads("main", "not for this view")


def test_a_change_needs_more_than_a_cookie(customer, system, expected_complaints, number):
    expected_complaints += ["403", "401"]
    sign_in_customer(customer, number)
    # What a form of another site could send, if the browser took the cookie along.
    status = customer.driver.execute_async_script("""
        const done = arguments[1];
        fetch('/orders', {method: 'POST', body: JSON.stringify(arguments[0])})
          .then(async (answer) => done([answer.status, await answer.text()]));""",
        {"customer_id": number, "restaurant_id": 1, "restaurant_menu_id": 1, "qty": 1})
    assert status[0] == 403 and reason(status[1]) == "CSRF_HEADER_MISSING"
    token = customer.driver.get_cookie(COOKIE)["value"]
    for method, path in (("POST", "/orders"), ("DELETE", "/orders/x"), ("PUT", "/restaurants/1/menus/1/stock"),
                         ("POST", "/session")):
        request = urllib.request.Request(system.url + path, method=method, data=b"{}",
                                         headers={"Cookie": f"{COOKIE}={token}"})
        status, _, body = answer_to(request)
        assert status == 403 and reason(body) == "CSRF_HEADER_MISSING", (method, path)
    # Reading needs none, and nobody behind the gateway sees a cookie.
    request = urllib.request.Request(f"{system.url}/orders?customer_id={number}",
                                     headers={"Cookie": f"a=b; {COOKIE}={token}"})
    assert answer_to(request)[0] == 200
    # The name alone, as the end of another one, is not it.
    request = urllib.request.Request(f"{system.url}/orders?customer_id={number}",
                                     headers={"Cookie": f"x{COOKIE}={token}"})
    assert answer_to(request)[0] == 401


def test_nobody_sees_what_is_not_theirs(customer, staff, expected_complaints, number):
    sign_in_kitchen(staff, number, {1: 5})
    sign_in_customer(customer, number)
    order = place(customer, number)
    stage(customer, order, "cooking")
    sign_in_customer(customer, number + 100000)
    customer.reads(".empty", "No orders yet")
    expected_complaints += ["403", "404"]
    statuses = customer.driver.execute_async_script("""
        const done = arguments[2];
        Promise.all([`/mypages/${arguments[0]}`, `/mypages?customer_id=${arguments[1]}`, '/deliveries']
          .map((path) => fetch(path).then((answer) => answer.status))).then(done);""", order, number)
    assert statuses[0] == 404 and statuses[1] == 403 and statuses[2] == 403
