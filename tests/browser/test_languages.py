"""Korean and English."""

import os
import re
import urllib.request

from conftest import TOP
from pages import card, place, sign_in_customer, sign_in_kitchen, stage, timeline

HANGUL = re.compile("[가-힣]")
# Names and numbers that are the same in both.
SAME = re.compile(r"English|한국어|scripts/token[^\n]*|[0-9a-f-]{36}")


def texts():
    """The keys of each language in texts.js."""
    with open(os.path.join(TOP, "gateway", "page", "texts.js"), encoding="utf-8") as file:
        source = file.read()
    blocks = re.findall(r"^  (en|ko): \{(.*?)^  \},", source, re.M | re.S)
    return {name: re.findall(r"^    '([^']+)':", block, re.M) for name, block in blocks}


def test_both_have_the_same_texts():
    found = texts()
    assert len(found["en"]) > 100
    assert found["en"] == found["ko"]


def shell(system, languages):
    request = urllib.request.Request(system.url + "/", headers={"Accept-Language": languages})
    with urllib.request.urlopen(request) as answer:
        return answer.headers, answer.read().decode()


def test_the_server_chooses_by_accept_language(system):
    for languages, expected in (("ko-KR,ko;q=0.9,en;q=0.5", "ko"), ("en", "en"), ("fr, ko;q=0.3", "ko"),
                                ("de", "en"), ("en;q=0.2, ko;q=0.8", "ko")):
        headers, html = shell(system, languages)
        assert f'<html lang="{expected}">' in html, languages
        assert headers["Vary"] == "Accept-Language"


def test_everything_is_readable_in_korean(customer, staff, number):
    staff.speak("ko-KR")
    sign_in_kitchen(staff, number, {1: 3})
    customer.speak("ko-KR,ko")
    sign_in_customer(customer, number)
    customer.reads("h1", "내 주문")
    order = place(customer, number, dish=1, qty=2)
    stage(customer, order, "cooking")
    customer.reads(card(order), "주방에서 조리하고 있어요")
    assert "조리 시작" in " ".join(timeline(customer, order))
    sold_out = place(customer, number, dish=1, qty=5)
    stage(customer, sold_out, "soldout")
    customer.reads(card(sold_out), "남은 수량이 부족했어요")

    for browser in (customer, staff):
        rest = SAME.sub("", browser.text())
        assert HANGUL.search(rest)
        assert not re.search("[A-Za-z]{3,}", rest), rest
    customer.picture("korean")
    staff.picture("kitchen-korean")


def test_the_switch_is_obeyed_and_remembered(customer, number):
    customer.speak("ko")
    sign_in_customer(customer, number)
    customer.js("window.neverLoadedAgain = true")
    customer.click(".languages [lang=en]")
    customer.reads("h1", "My orders")
    assert customer.js("return document.documentElement.lang") == "en"
    assert customer.js("return window.neverLoadedAgain")
    assert customer.js("return document.activeElement.lang") == "en"

    customer.driver.refresh()
    customer.reads("h1", "My orders")
    customer.click(".languages [lang=ko]")
    customer.reads("h1", "내 주문")
