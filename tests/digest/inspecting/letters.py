"""A good letter, and how to put faults into it and look at them."""

from __future__ import annotations

from collections.abc import Sequence

from digest.inspecting import inspect
from digest.model import Finding

LETTER = """<!doctype html>
<html lang="en" dir="ltr"><head><meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>A week</title>
<style>
:root { color-scheme: light dark; }
.v { background-color: #ffffff; color: #222222; font-size: 16px; }
.m { color: #5d5c54; }
.v td:last-child { border-right: 0; }
@media (prefers-color-scheme: dark) {
body, .v { background-color: #16191c !important; }
.v * { color: #ece8df !important; }
.v .m { color: #aeaba1 !important; }
.v a { color: #b4cdf0 !important; }
}
</style></head>
<body><div class="v"><h1>Verdicts of the week</h1>
<!--[if mso]><table role="presentation"><tr><td><![endif]-->
<h2>Plumbline and Lantern</h2><p class="m">Two “reviewers” that read.</p>
<table role="presentation"><tr><td>75 %</td><td>of four</td></tr></table>
<!--[if mso]></td></tr></table><![endif]-->
<p><img src="https://example.org/a.png" alt="A plumb line"> <a href="https://example.org/plumbline">Plumbline</a></p>
<p><a clicktracking="off" href="https://verdicts.example.org/leave/[[reader]]">Unsubscribe</a></p></div></body></html>
"""
HOME = "https://verdicts.example.org"


def look(html: str, *, strict: bool = True, **more: object) -> tuple[Finding, ...]:
    return inspect(html, strict=strict, site_url=HOME, **more)  # type: ignore[arg-type]


def codes(findings: Sequence[Finding]) -> dict[str, str]:
    return {one.code: one.level for one in findings}


def within(body: str) -> str:
    """The letter with more in it."""
    return LETTER.replace('<p class="m">', f'{body}<p class="m">', 1)


def styled(css: str) -> str:
    return LETTER.replace("</style>", f"{css}</style>", 1)
