"""What SendGrid's v3 mail/send takes, as documented: the local stand-in refuses a call for the same reasons.

Source: SendGrid's reference of mail/send (fields and limitations) and of personalizations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

#: A fault: the field as SendGrid spells it, and what is wrong.
Fault = tuple[str, str]

MOST = 1000

_KNOWN = {
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
    "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
    "tracking_settings",
}  # fmt: skip
_PERSONAL = {
    "from", "to", "cc", "bcc", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args", "send_at",
}  # fmt: skip
_TRACKING = {"click_tracking", "open_tracking", "subscription_tracking", "ganalytics"}
_MAIL = {
    "bypass_list_management", "bypass_spam_management", "bypass_bounce_management", "bypass_unsubscribe_management",
    "footer", "sandbox_mode",
}  # fmt: skip
_RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}  # fmt: skip

_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf'{_WORD}(\.{_WORD})*|"([^"\\\r\n]|\\.)+"')
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")


def faults(call: Any) -> list[Fault]:
    """Give every fault of a call's document."""
    if not isinstance(call, dict):
        return [("null", "Bad Request")]
    return [*_unknown("", call, _KNOWN), *_sender(call), *_content(call), *_settings(call), *_all_personal(call)]


def is_address(text: Any) -> bool:
    """Tell whether a text is an address that is taken."""
    if not isinstance(text, str) or len(text) > 254:
        return False
    local, _, domain = text.rpartition("@")
    return len(local) <= 64 and bool(_LOCAL.fullmatch(local)) and bool(_DOMAIN.fullmatch(domain))


def _unknown(place: str, part: dict[str, Any], known: set[str]) -> Iterator[Fault]:
    for key in part.keys() - known:
        yield place or "null", f"Additional property {key} is not allowed"


def _sender(call: dict[str, Any]) -> Iterator[Fault]:
    yield from _mailbox("from", call.get("from"))
    if "reply_to" in call:
        yield from _mailbox("reply_to", call["reply_to"])
    subject = call.get("subject")
    if not isinstance(subject, str) or not subject:
        yield "subject", "The subject is required"


def _mailbox(place: str, value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield place, "The object must be provided"
        return
    yield from _unknown(place, value, {"email", "name"})
    if not is_address(value.get("email")):
        yield f"{place}.email", "Does not contain a valid address."
    if not isinstance(value.get("name", ""), str) or re.search(r"[\x00-\x1f\x7f]", value.get("name", "")):
        yield f"{place}.name", "The name must be a string without control characters."


def _content(call: dict[str, Any]) -> Iterator[Fault]:
    content = call.get("content")
    if not isinstance(content, list) or not content:
        yield "content", "The content is required"
        return
    kinds = [one.get("type") for one in content]
    if kinds != sorted(kinds, key={"text/plain": 0, "text/html": 1}.get):  # type: ignore[arg-type]
        yield "content", "If present, text/plain must be first, followed by text/html"
    if not all(isinstance(one.get("value"), str) and one["value"] for one in content):
        yield "content.0.value", "The content value must be a string at least one character in length"


def _settings(call: dict[str, Any]) -> Iterator[Fault]:
    yield from _unknown("tracking_settings", call.get("tracking_settings", {}), _TRACKING)
    yield from _unknown("mail_settings", call.get("mail_settings", {}), _MAIL)
    yield from _headers("headers", call.get("headers", {}))
    yield from _strings("custom_args", call.get("custom_args", {}))


def _headers(place: str, headers: dict[str, Any]) -> Iterator[Fault]:
    yield from _strings(place, headers)
    for name, value in headers.items():
        if name.lower() in _RESERVED:
            yield place, f"The header {name} is reserved"
        if not re.fullmatch(r"[!-9;-~]+", name):
            yield place, "Header names are printable ASCII without colons"
        if not re.fullmatch(r"[ -~]*", str(value)):
            yield place, f"The value of {name} is not encoded"


def _strings(place: str, values: dict[str, Any]) -> Iterator[Fault]:
    if not all(isinstance(value, str) for value in values.values()):
        yield place, "The values must be strings"


def _all_personal(call: dict[str, Any]) -> Iterator[Fault]:
    all_personal = call.get("personalizations")
    if not isinstance(all_personal, list) or not all_personal:
        yield "personalizations", "The personalizations field is required and must have at least one personalization."
        return
    if len(all_personal) > MOST:
        yield "personalizations", f"The personalizations field may have at most {MOST}."
    seen: set[str] = set()
    everybody = 0
    for number, one in enumerate(all_personal):
        place = f"personalizations.{number}"
        yield from _personal(place, one, call.get("custom_args", {}))
        for kind in ("to", "cc", "bcc"):
            for index, to in enumerate(one.get(kind, ())):
                everybody += 1
                yield from _mailbox(f"{place}.{kind}.{index}", to)
                folded = str(to.get("email")).lower()
                if folded in seen:
                    yield (
                        "personalizations",
                        (
                            "Each email address in the personalization block should be unique between to, cc, and bcc."
                            f" We found the first duplicate instance of [{folded}] in the {place}.{kind} field."
                        ),
                    )
                seen.add(folded)
    if everybody > MOST:
        yield "personalizations", f"The total number of recipients must be less than or equal to {MOST}."


def _personal(place: str, one: dict[str, Any], common: dict[str, Any]) -> Iterator[Fault]:
    yield from _unknown(place, one, _PERSONAL)
    if not one.get("to"):
        yield f"{place}.to", "The to array is required for all personalization objects, and must have at least one."
    yield from _headers(f"{place}.headers", one.get("headers", {}))
    for name in ("substitutions", "custom_args"):
        values = one.get(name, {})
        yield from _strings(f"{place}.{name}", values)
        whole = values | common if name == "custom_args" else values
        if sum(len(f"{key}{value}".encode()) for key, value in whole.items()) > 10_000:
            yield f"{place}.{name}", f"The {name} may be at most 10000 bytes."
    if any(re.search(r"[<>&\s]", tag) for tag in one.get("substitutions", {})):
        yield f"{place}.substitutions", "Tags are without spaces, <, > and &."
