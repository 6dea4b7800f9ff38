"""What stands around a value in formatted_dev.txt and formatted_held.txt and is none itself: order numbers, dates, amounts, versions, hotlines, parts.

`FILLERS[token](r)`; `digits_6` is any six digits. Numbers of eighteen digits hold no possible year of birth, old tax numbers no date.
"""

from __future__ import annotations

import datetime
import random
import string
from collections.abc import Callable

import values
from values import digits, luhn
from written import letters

R = random.Random
_words = str.split
_HEX, _CODE = "0123456789abcdef", string.ascii_uppercase + string.digits
_CLEAR = "ABCDEFGHJKLMNPRSTUVWXYZ"  # letters that a number leaves no doubt about (no I, O, Q)


def _day(r: R) -> datetime.date:
    return datetime.date(2023, 1, 1) + datetime.timedelta(days=r.randrange(900))


def _no_birth_year(r: R) -> str:
    value = digits(r, 18, "789")
    return value[:6] + r.choice("3456") + value[7:]


def _old_tax_id(r: R) -> str:
    """Fifteen digits of the years before 2015: a region, and not what could be a date where an old resident id has one."""
    while True:
        value = r.choice(_words("110108 310115 330106 440305 510107 610113")) + digits(r, 9)
        if not (1 <= int(value[8:10]) <= 12 and 1 <= int(value[10:12]) <= 31):
            return value


def _barcode(r: R) -> str:
    body = r.choice(["690", "692", "694", "697"]) + digits(r, 9)
    return body + str(-sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body)) % 10)


def _whole(low: int, high: int) -> Callable[[R], str]:
    return lambda r: str(r.randrange(low, high))


def _any(first: str, *lengths: int) -> Callable[[R], str]:
    return lambda r: digits(r, r.choice(lengths), first)


def _of(*given: str) -> Callable[[R], str]:
    return lambda r: r.choice(given)


def _time(r: R) -> str:
    return f"{r.randrange(24):02}:{r.randrange(60):02}"


FILLERS: dict[str, Callable[[R], str]] = {
    # people and places
    "name_zh": values.name_zh,
    "name_en": values.name_en,
    "surname": _of(*"王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"),
    "first_name": lambda r: values.name_en(r).split()[0],
    "name_pinyin": lambda r: f"{r.choice(_words('Wei Fang Min Jing Lei Qiang Jun Juan Ming Haoran'))} {r.choice(_words('Zhang Wang Li Zhao Chen Liu Huang Wu'))}",
    "address_zh": values.address_zh,
    "company_zh": lambda r: r.choice(_words("深圳市 上海 杭州 成都 苏州")) + r.choice(_words("恒通 蓝海 启明 天瑞 云帆")) + r.choice(_words("科技 贸易 物流 电子")) + "有限公司",
    "company_en": lambda r: f"{r.choice(_words('Northfield Brightwave Harbor Summit Calder'))} {r.choice(['Logistics Ltd', 'Supplies Inc', 'Trading LLC', 'Foods plc'])}",
    "bank_name": _of("工商银行", "农业银行", "建设银行", "中国银行", "招商银行", "邮储银行", "交通银行"),
    "position_zh": lambda r: f"{r.uniform(22, 45):.6f}{r.choice([',', ', '])}{r.uniform(90, 125):.6f}",
    "position_en": lambda r: f"{r.uniform(30, 52):.5f}, -{r.uniform(0.1, 122):.5f}",
    "postcode": _of("100081", "200120", "518057", "310012", "610041"),
    "zip": lambda r: f"{digits(r, 5, '123456789')}-{digits(r, 4)}",
    # time and amounts
    "date_zh": lambda r: _day(r).strftime(r.choice(["%Y-%m-%d", "%Y年%m月%d日", "%Y.%m.%d", "%Y/%m/%d", "%Y%m%d", "%m月%d日"])),
    "date_en": lambda r: _day(r).strftime(r.choice(["%Y-%m-%d", "%m/%d/%Y", "%d %B %Y", "%b %d, %Y"])),
    "iso": lambda r: f"{_day(r)}T{_time(r)}:{r.randrange(60):02}",
    "time": _time,
    "timestamp": lambda r: r.choice(["16", "17"]) + digits(r, r.choice([8, 11])),
    "year": _whole(1990, 2025),
    "price": lambda r: r.choice([f"{r.randrange(100, 99999) / 10:.2f}", f"{r.randrange(1000, 99999):,}.00", str(r.randrange(10, 9999)), f"{r.randrange(10, 999)}.{digits(r, 1)}"]),
    "amount": lambda r: r.choice(["{:,}", "{:,}." + digits(r, 2), "{}"]).format(r.randrange(100_000, 99_999_999)),
    "decimal": lambda r: f"{r.randrange(1, 200)}.{digits(r, 2)}",
    "percent": lambda r: f"{r.randrange(1, 99)}.{digits(r, 1)}%",
    "size": lambda r: f"{r.randrange(20, 90)}×{r.randrange(20, 90)}×{r.randrange(10, 60)}",
    # orders, parcels, papers
    "order_zh": lambda r: r.choice([digits(r, 12, "23456789"), f"{_day(r):%Y%m%d}{digits(r, 8)}", f"{_day(r):%Y%m%d}{digits(r, 10)}", f"DD{_day(r):%Y%m%d}{digits(r, 6)}", digits(r, 16, "13789"), _no_birth_year(r),
                                    "TB" + digits(r, 14), "NO." + digits(r, 10), f"E{_day(r):%Y%m%d}{digits(r, 8)}", digits(r, 19, "12789")]),
    "order_en": lambda r: r.choice([f"{digits(r, 3)}-{digits(r, 7)}-{digits(r, 7)}", "ORD-" + digits(r, 8), "#" + digits(r, 6, "123456789"), "SO" + digits(r, 10), digits(r, 12, "23456789"), "W" + digits(r, 9), digits(r, 16, "13789")]),
    "parcel_zh": lambda r: r.choice(["SF" + digits(r, 13, "1"), "YT" + digits(r, 13, "78"), "JDVB" + digits(r, 11), "JT" + digits(r, 13), "7" + digits(r, 13), "ZTO" + digits(r, 12), digits(r, 15, "4789"),
                                     f"EA{digits(r, 9)}CN", f"EE{digits(r, 9)}CN", digits(r, 13, "1")]),
    "parcel_en": lambda r: r.choice([f"1Z{letters(r, 6, _CODE)}{digits(r, 10)}", digits(r, 12, "23456789"), "9400" + digits(r, 18), "JD" + digits(r, 16), f"RM{digits(r, 9)}GB", "TBA" + digits(r, 12), digits(r, 15, "789")]),
    "invoice_zh": lambda r: r.choice([digits(r, 8), digits(r, 20, "2"), "No" + digits(r, 8)]),
    "invoice_en": lambda r: r.choice(["INV-" + digits(r, 6), f"INV{digits(r, 4)}-{digits(r, 5)}", digits(r, 8, "123456789"), "2024/" + digits(r, 5)]),
    "invoice_code": lambda r: "0" + digits(r, 11),
    "contract": lambda r: r.choice([f"HT-{_day(r)}-{digits(r, 4)}", f"CG{_day(r):%Y%m%d}{digits(r, 3)}", f"{letters(r, 3)}-{digits(r, 4)}-{digits(r, 3)}", f"（{_day(r).year}）字第{digits(r, 4)}号"]),
    "policy_zh": lambda r: r.choice(["PDAA" + digits(r, 18), letters(r, 4) + digits(r, 14), "P" + digits(r, 14), digits(r, 22, "1")]),
    "policy_en": lambda r: r.choice(["POL-" + digits(r, 9), letters(r, 2) + digits(r, 8), f"HO-{digits(r, 7)}-{digits(r, 2)}"]),
    "document": lambda r: f"〔{_day(r).year}〕{r.randrange(2, 400)}号",
    "court_case": lambda r: f"（{_day(r).year}）京0105民初{r.randrange(100, 99999)}号",
    "standard": lambda r: f"{r.choice(['GB/T ', 'GB '])}{digits(r, 5, '123')}-{r.randrange(2005, 2024)}",
    "approval": lambda r: "国药准字" + r.choice("HZS") + digits(r, 8),
    "record": lambda r: r.choice(["ZY" + digits(r, 8), digits(r, 10, "0"), "MZ" + digits(r, 9)]),
    "ticket": lambda r: r.choice(["CAS-", "T-", "INC", "REQ"]) + digits(r, 7),
    "member": lambda r: r.choice(["VIP" + digits(r, 8), digits(r, 8), digits(r, 10, "2356789"), "M" + digits(r, 9), "8800" + digits(r, 8)]),
    "old_tax_id": _old_tax_id,
    "ein": lambda r: f"{r.randrange(10, 99)}-{digits(r, 7)}",
    "vat": lambda r: r.choice(["GB" + digits(r, 9), "DE" + digits(r, 9), "FR" + digits(r, 11)]),
    "bic": _of("ICBKCNBJ", "BKCHCNBJ300", "DEUTDEFF", "BARCGB22", "CHASUS33"),
    "routing": _of("021000021", "026009593", "121000358", "011401533"),
    "share": lambda r: r.choice(["600", "000", "300", "688"]) + digits(r, 3),
    "customs_code": lambda r: f"{digits(r, 4, '3458')}.{digits(r, 2)}.{digits(r, 2)}00",
    "isbn": lambda r: f"978-7-{digits(r, 3)}-{digits(r, 5)}-{digits(r, 1)}",
    # goods and things
    "model": lambda r: r.choice([f"{letters(r, 2)}-{digits(r, 4)}{letters(r, 1)}", f"{letters(r, 1)}{digits(r, 3)}-{digits(r, 2)}", f"{letters(r, 3)}{digits(r, 3)} Pro", f"{letters(r, 2)}{digits(r, 2)}/{digits(r, 3)}{letters(r, 2)}", f"KFR-{digits(r, 2)}GW/{digits(r, 2)}N8"]),
    "serial": lambda r: r.choice(["C02" + letters(r, 9, _CODE), letters(r, 2) + digits(r, 10), "-".join(letters(r, 4, _CODE) for _ in range(3)), digits(r, 4) + letters(r, 2) + digits(r, 8), "SN" + digits(r, 12)]),
    "sku": lambda r: r.choice([digits(r, 8), f"{digits(r, 6)}-{digits(r, 3)}", letters(r, 2) + digits(r, 6), digits(r, 12, "1")]),
    "barcode": _barcode,
    "meter": lambda r: r.choice([digits(r, 10), digits(r, 12, "03456789"), digits(r, 14, "0")]),
    "household": _any("03456789", 10),
    "container": lambda r: r.choice(["MSKU", "TCLU", "COSU"]) + digits(r, 7),
    "vin": lambda r: f"L{letters(r, 7, _CLEAR)}{digits(r, 1)}{letters(r, 2, _CLEAR)}{digits(r, 6)}",
    # journeys
    "flight_zh": lambda r: r.choice(_words("CA MU CZ HU ZH 3U MF 9C")) + digits(r, 4, "123456789"),
    "flight_en": lambda r: r.choice(_words("BA UA AA DL VS LH")) + digits(r, r.choice([3, 4]), "123456789"),
    "train": lambda r: r.choice("GDCZK") + digits(r, r.choice([2, 3, 4]), "123456789"),
    "pnr": lambda r: letters(r, 6, _CLEAR + "23456789"),
    # service numbers that anybody may know
    "hotline_zh": lambda r: r.choice([*_words("10086 10010 10000 95588 95533 95566 95599 12315 12345 12306 12329 95338 96123"), "4008" + digits(r, 6), f"400-{digits(r, 3, '68')}-{digits(r, 4)}", f"400 {digits(r, 3, '68')} {digits(r, 4)}",
                                      f"400-{digits(r, 4, '68')}-{digits(r, 3)}", f"800-{digits(r, 3, '8')}-{digits(r, 4)}"]),
    "hotline_en": lambda r: r.choice([f"1-800-{digits(r, 3, '23456789')}-{digits(r, 4)}", f"(800) {digits(r, 3, '23456789')}-{digits(r, 4)}", f"1-888-{digits(r, 3, '23456789')}-{digits(r, 4)}", f"0800 {digits(r, 3, '123456789')} {digits(r, 4)}",
                                      f"877-{digits(r, 3, '23456789')}-{digits(r, 4)}", "611", f"0345 {digits(r, 3, '123456789')} {digits(r, 4)}", "311"]),
    # machines
    "version": lambda r: r.choice([f"{r.randrange(1, 20)}.{r.randrange(30)}.{r.randrange(10)}", f"10.0.{r.randrange(19041, 26100)}.{r.randrange(256, 4000)}", f"{r.randrange(2, 15)}.{r.randrange(20)}.{r.randrange(300, 9999)}"]),
    "version_of_four": lambda r: f"{r.randrange(1, 9)}.{r.randrange(12)}.{r.randrange(10)}.{r.randrange(60)}",
    "netmask": _of("255.255.255.0", "255.255.0.0", "255.255.255.128", "255.255.255.240", "255.255.252.0"),
    "loopback": _of("127.0.0.1", "0.0.0.0"),
    "mac": lambda r: ":".join(f"{r.randrange(256):02X}" for _ in range(6)),
    "uuid": lambda r: "-".join(letters(r, n, _HEX) for n in (8, 4, 4, 4, 12)),
    "hash": lambda r: letters(r, 32, _HEX),
    "imei_zh": lambda r: luhn("86" + digits(r, 12)),
    "imei_en": lambda r: luhn("35" + digits(r, 12)),
    "iccid": lambda r: "898600" + digits(r, 14),
    "code": _any(string.digits, 6),
    # bare digits; sixteen and more never begin as a card does
    "digits_1": _whole(2, 10),
    "digits_2": _whole(10, 99),
    "digits_3": _whole(101, 999),
    "digits_4": _whole(1001, 9999),
    "digits_5": _any("123456789", 5),
    "digits_6": _any(string.digits, 6),
    "digits_8": _any("123456789", 8),
    "digits_9": _any("123456789", 9),
    "digits_10": _any("23456789", 10),
    "digits_12": _any("23456789", 12),
    "digits_14": _any("23456789", 14),
    "digits_16": _any("13789", 16),
    "digits_17": _any("123789", 17),
    "digits_18": _no_birth_year,
    "digits_20": _any("123789", 20),
    "digits_24": _any("123789", 24),
}  # fmt: skip
