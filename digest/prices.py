"""Entry prices: one way of writing them, when they may be compared, and when they are too old to repeat.

A price is `Free`, `Freemium`, `Paid`, or an amount: a sign ($, €, £, ¥, ₹) or a code with a space (`CHF 12`), the
number (`1,200`, `0.50`; cents only where there are any), then what it is paid for, each after a slash: a measure of
use (`/page`, `/1M tokens`), `/seat`, a period (`/hour`, `/day`, `/week`, `/month`, `/year`), in that order; or ` once`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

#: A price checked longer ago than this is no longer repeated without a warning.
STALE_DAYS = 90

#: Characters a price may have.
MOST = 100

ALLOWED = (
    "Free, Freemium, Paid, or an amount with its currency such as “$20/month”, “€9.50/seat/month”, “CHF 240/year”,"
    " “$49 once” or “$0.50/1M tokens”"
)

_PLAIN = {
    "Free": "free|gratis|kostenlos|gratuit|free forever|forever free|free of charge|no cost|no charge|for free",
    "Freemium": "freemium|free tier|free plan|free to start|free and paid|free [+/&] paid|free,? with paid plans",
    "Paid": "paid|paid only|paid plans|subscription|free trial|contact (?:us|sales)|custom pricing|on request",
}

#: What people write for a currency; what is not a sign of one currency only becomes its code.
_CURRENCIES = {
    "$": "$", "us$": "$", "usd": "$", "usd$": "$", "dollar": "$", "dollars": "$", "us dollars": "$",
    "€": "€", "eur": "€", "euro": "€", "euros": "€",
    "£": "£", "gbp": "£", "pounds": "£",
    "¥": "¥", "jpy": "¥", "yen": "¥", "jp¥": "¥",
    "₹": "₹", "inr": "₹", "rs": "₹", "rs.": "₹", "rupees": "₹",
    "cn¥": "CNY", "rmb": "CNY", "ca$": "CAD", "c$": "CAD", "au$": "AUD", "a$": "AUD", "nz$": "NZD",
    "hk$": "HKD", "s$": "SGD", "sg$": "SGD", "r$": "BRL", "mx$": "MXN", "₩": "KRW", "₺": "TRY", "zł": "PLN",
    **{code.lower(): code for code in (
        "CHF", "CNY", "CAD", "AUD", "NZD", "HKD", "SGD", "BRL", "MXN", "KRW", "TRY", "PLN", "SEK", "NOK", "DKK",
        "CZK", "HUF", "ILS", "ZAR", "TWD", "THB", "AED", "IDR", "VND", "UAH", "RON",
    )},
}  # fmt: skip

_PERIODS = {
    "hour": "hour|hours|hr|hourly|stunde",
    "day": "day|daily|tag",
    "week": "week|weekly|wk|woche",
    "month": "month|months|monthly|mo|mth|mon|monat|monatlich|mois|mes|mese",
    "year": "year|years|yearly|yr|annum|annual|annually|jahr|jährlich|jaehrlich|año",
}
_SEATS = "seat|seats|user|users|member|members|person|licence|license|nutzer|utilisateur|usuario"

#: What use is counted in, without its plural s; with at most one word that narrows it, such as “input tokens”.
_USES = (
    "token|page|request|call|image|picture|video|minute|second|credit|document|file|run|task|word|character"
    "|message|conversation|resolution|generation|song|gb|gib|mb|project|site|domain|bot|agent|contact|record|row|device"
)
_NARROWER = "api|input|output|text|audio|video|image|cached|agent|voice|compute|search"

_LEAD = re.compile(r"(?:starts? at|starting (?:at|from)|priced at|begins at|as low as|from|ab|à partir de|desde)\s+")
_ASIDE = re.compile(
    r"[\s,(]*(?:,|\(|\b)(?:when\s+)?(?:billed|paid|if paid)\s+(?:monthly|annually|yearly)\)?\s*$"
    r"|\s*[,(+]?\s*(?:plus|excl\.?|excluding|zzgl\.?|\+)\s+(?:vat|tax|taxes|mwst\.?)\)?\s*$"
)
_NUMBER = r"\d[\d.,' ]*\d|\d|[.,]\d+"
_SIGNS = "|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_SIGNS})\s*)?(?P<number>{_NUMBER})(?:\s*(?P<after>{_SIGNS})(?![a-z]))?(?P<rest>.*)"
)
_PER = re.compile(r"\s*(?:/|,?\s*\b(?:per|pro|par|por|al|each|every|an?|im|p\.)\s*(?:/|\b))\s*|\s+")
_USE = re.compile(
    rf"(?:(?P<count>\d[\d,]*)?\s*(?P<scale>million|thousand|k|m)?\s+|(?P<plain>\d[\d,]*)\s+)?"
    rf"(?P<unit>(?:(?:{_NARROWER})\s+)?(?:{_USES}))s?(?![a-z])"
)


class NotAPrice(ValueError):
    """This is no price that can be understood; `why` says the reason alone, the text also what is allowed."""

    def __init__(self, text: str, why: str) -> None:
        self.why = why
        super().__init__(f"{text!r} is not a price that can be understood: {why}; allowed: {ALLOWED}")


@dataclass(frozen=True, slots=True)
class Amount:
    """A price as money: `currency` is a sign or a code, `per` what it is paid for in order, empty when unsaid."""

    currency: str
    value: Decimal
    per: tuple[str, ...] = ()

    def __str__(self) -> str:
        space = " " if self.currency.isalpha() else ""
        once = " once" if self.per == ("once",) else "".join(f"/{one}" for one in self.per)
        return f"{self.currency}{space}{_shown(self.value)}{once}"


def normalise(text: str) -> str:
    """Write a price the one way it is stored: “20 USD per month” becomes “$20/month”; nothing to pay becomes “Free”.

    Raises:
        NotAPrice: This is no price that can be understood; the text says what is allowed.
    """
    return str(_read(text))


def amount_per_month(price: str) -> float | None:
    """What a price comes to per month in its own currency, a year being twelve months; 0.0 for Free and Freemium.

    None where there is no such number: Paid, a price per use or seat, once, for an unsaid or another period, and what
    is no price at all. Compare two of them only where `comparable` says so.
    """
    try:
        read = _read(price)
    except ValueError:
        return None
    if isinstance(read, str):
        return None if read == "Paid" else 0.0
    lengths: dict[tuple[str, ...], int] = {("month",): 1, ("year",): 12}
    months = lengths.get(read.per)
    return float(read.value / months) if months else None


def cheaper(one: str, other: str) -> int | None:
    """Tell which of two prices asks less to start: -1 the first, 1 the other, 0 neither, None where none can say.

    Amounts are compared in one currency and for the same thing (a year is twelve months); a free start asks less than
    any amount and than Paid, and Free less than Freemium, which asks for more later.
    """
    try:
        a, b = _read(one), _read(other)
    except ValueError:
        return None
    rank_a, rank_b = (_RANK.get(side, 2) if isinstance(side, str) else 2 for side in (a, b))
    if rank_a != rank_b:
        return -1 if rank_a < rank_b else 1
    if isinstance(a, str) or isinstance(b, str):
        return 0 if a == b else None
    (value_a, *same_a), (value_b, *same_b) = _monthly(a), _monthly(b)
    return (value_a > value_b) - (value_a < value_b) if same_a == same_b else None


_RANK = {"Free": 0, "Freemium": 1}


def is_amount(price: str) -> bool:
    """Tell whether a price is a sum of money, not a word and not something nobody understands."""
    try:
        return isinstance(_read(price), Amount)
    except ValueError:
        return False


def is_stale(checked_on: date | None, today: date) -> bool:
    """Tell whether a price was checked more than STALE_DAYS before `today`, or never."""
    return checked_on is None or (today - checked_on).days > STALE_DAYS


def _monthly(amount: Amount) -> tuple[Decimal, str, tuple[str, ...]]:
    yearly = amount.per[-1:] == ("year",)
    per = (*amount.per[:-1], "month") if yearly else amount.per
    return amount.value / 12 if yearly else amount.value, amount.currency, per


@lru_cache(maxsize=512)  # judging and tracing a pair read its two prices some twenty times
def _read(text: str) -> Amount | str:
    """An amount, or one of the three words."""
    if len(text) > MOST:
        raise NotAPrice(f"{text[:MOST]}…", "it is too long")
    said = _LEAD.sub("", " ".join(text.replace("’", "'").replace("p.a.", "per year").casefold().split()), count=1)
    said = re.sub(r"(?<=\d)[.,][-–—]+", "", said).strip(" .")
    for word, ways in _PLAIN.items():
        if re.fullmatch(ways, said):
            return word
    while (shorter := _ASIDE.sub("", said)) != said:
        said = shorter
    found = _AMOUNT.fullmatch(said)
    if not found:
        raise NotAPrice(text, "no amount was found in it")
    value = _value(found["number"], found["before"] or found["after"] or "", text)
    if found["before"] and found["after"] and _CURRENCIES[found["before"]] != _CURRENCIES[found["after"]]:
        raise NotAPrice(text, "it names two currencies")
    per = _per(found["rest"], text)
    if not value:
        return "Free"
    if not (found["before"] or found["after"]):
        raise NotAPrice(text, "its currency is missing")
    return Amount(_CURRENCIES[found["after"] or found["before"]], value, per)


def _value(number: str, currency: str, text: str) -> Decimal:
    """A number with thousands separators and either decimal sign; where these cannot be told apart it is refused."""
    plain = re.sub(r"(?<=\d)[ '](?=\d{3}(?!\d))", "", number)
    if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", plain) and _CURRENCIES.get(currency) != "€":
        # Four decimals cannot be thousands, so that both readings have a spelling that says only this.
        raise NotAPrice(text, f"{plain} may mean {plain.replace('.', ',')} or {plain}0; write the one that is meant")
    if re.fullmatch(r"[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d+)?", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+(,\d+)?", plain):
        plain = plain.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d*,\d+", plain):
        plain = plain.replace(",", ".")
    if not re.fullmatch(r"\d*\.?\d+", plain):
        raise NotAPrice(text, f"{number.strip()} is no number")
    return Decimal(plain)


def _shown(value: Decimal) -> str:
    """Whole sums without cents, others with two places or more; never with three, which would read as thousands."""
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    places = len(f"{value:f}".rstrip("0").partition(".")[2])
    return f"{value:,.{4 if places == 3 and value > 1 else max(2, places)}f}"


def _per(rest: str, text: str) -> tuple[str, ...]:
    """What an amount is paid for, in the order of the grammar."""
    if re.fullmatch(r"\s*,?\s*\(?(?:once|one[- ]?off|one[- ]time|lifetime|einmalig)(?: payment| purchase)?\)?", rest):
        return ("once",)
    found: dict[str, str] = {}
    while rest.strip():
        rest = rest[gap.end() :] if (gap := _PER.match(rest)) else rest
        kind, unit, rest = _unit(rest, text)
        if kind in found:
            raise NotAPrice(text, f"it is paid for both {found[kind]} and {unit}")
        found[kind] = unit
    return tuple(found[kind] for kind in ("use", "seat", "period") if kind in found)


def _unit(rest: str, text: str) -> tuple[str, str, str]:
    """The first thing an amount is paid for: its kind, how it is written, and what stands behind it."""
    for unit, ways in _PERIODS.items():
        if found := re.match(rf"(?:{ways})(?![a-zäöüß])\.?", rest):
            return "period", unit, rest[found.end() :]
    if found := re.match(rf"(?:{_SEATS})(?![a-z])", rest):
        return "seat", "seat", rest[found.end() :]
    if found := _USE.match(rest):
        return "use", _use(found), rest[found.end() :]
    raise NotAPrice(text, f"{rest.strip()!r} is not among what an amount can be paid for")


def _use(found: re.Match[str]) -> str:
    count = int((found["count"] or found["plain"] or "1").replace(",", ""))
    count *= {"million": 10**6, "m": 10**6, "thousand": 1000, "k": 1000}.get(found["scale"] or "", 1)
    unit = re.sub(r"^(g|m)(i?)b$", lambda size: f"{size[1].upper()}{size[2]}B", found["unit"]).replace("api ", "API ")
    if count == 1:
        return unit
    size = next((f"{count // by}{sign}" for by, sign in ((10**6, "M"), (1000, "K")) if count % by == 0), str(count))
    return f"{size} {unit}" if unit.endswith("B") else f"{size} {unit}s"
