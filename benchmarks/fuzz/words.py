"""Texts and numbers that have broken programs before, and more of their kind."""

import random
import string
from pathlib import Path

CANARY = "canary.txt"
"""A file beside the data folder that nothing may ever open; many texts name it."""
MARK = "zqmark"
"""Stands within every piece of markup, to be found again on a page."""
MARKUP = (
    f"<script>alert('{MARK}')</script>",
    f"<img src=x onerror=alert('{MARK}')>",
    f"<svg/onload={MARK}>",
    f"</style><b id={MARK}>bold</b>",
    f"[{MARK}](http://evil.example)",
    f"![{MARK}](http://evil.example/x.png)",
    f"[{MARK}]: http://evil.example",
    f"$$\\href{{http://evil.example}}{{{MARK}}}$$",
    f"**{MARK}** _{MARK}_ ~~{MARK}~~ `{MARK}`",
    f":material/{MARK}: :red[{MARK}] :rocket:",
    f"| {MARK} | b |\n|---|---|\n| 1 | 2 |",
    f"{{{{ {MARK} }}}} {{% {MARK} %}} ${{{MARK}}} %({MARK})s %n %s {{0}}",
    f"http://{MARK}.example www.{MARK}.example {MARK}@evil.example",
)
_ODD = (
    "",
    " ",
    "\x00",
    "\x1b[31mred\x1b[0m",
    "\u202egpj.exe\u202c",
    "\u2066\u2069\u200b\u200d\ufeff",
    "\ud7ff\ue000\uffff",
    "e\u0301" * 40,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "ﷺ" * 30,
    "a" * 5_000,
    "a\r\nb\tc\x0bd\x0ce\x85f\u2028g",
    "=1+1",
    "@SUM(A1:A9)",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd",
    '=HYPERLINK("http://evil.example","x")',
    "'; DROP TABLE reviews; --",
    '" OR ""="',
    "%00%0a%0d%2e%2e%2f",
    "None",
    "nan",
    "true",
    "NULL",
    "__class__",
    "__import__('os').system('id')",
    "con",
    "NUL.csv",
    ".",
    "..",
    "~",
    "~root",
    "-rf",
    "(" * 3_000,
    "[" * 3_000,
    "{" * 3_000,
)
_NUMBERS = (
    "0",
    "-0",
    "1",
    "-1",
    "0.5",
    "1e308",
    "-1e308",
    "1e309",
    "1e-320",
    "inf",
    "-inf",
    "nan",
    "9" * 400,
    "1" + "0" * 5_000,
    str(2**31),
    str(2**63),
    str(2**64),
    str(-(2**63) - 1),
    "1_000",
    "0x1F",
    "1,5",
    "1.2.3",
    "٣",
    "Ⅷ",
    "²",
    "--1",
    "1e",
    ".",
    "1/0",
)
FLOATS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e308, -1e308, 5e-324, 1e-12, float("inf"), float("-inf"),
    float("nan"), 2.0**31, 2.0**53, 2.0**63, 2.0**64, -(2.0**63), 1e15, 0.1, 101.0, 1e6,
)  # fmt: skip


def paths(outside: Path) -> list[str]:
    """Names that lead out of a folder, to the file that nothing may open."""
    canary = str(outside / CANARY)
    up = "../" * 12
    return [
        canary,
        f"{up}{canary}",
        f"{up}etc/passwd",
        "/etc/passwd",
        "..\\..\\..\\windows\\win.ini",
        "C:\\windows\\win.ini",
        f"file://{canary}",
        f"../{CANARY}",
        f"../../outside/{CANARY}",
        "a/../../b",
        "./.",
        "/",
        "//host/share",
        "\\\\host\\share",
        f"ok\x00{canary}",
        "%2e%2e%2f" * 4,
    ]


def word(chance: random.Random, outside: Path) -> str:
    """A text that may do harm, or part of one, or several run together."""
    kind = chance.random()
    if kind < 0.3:
        return chance.choice(MARKUP)
    if kind < 0.55:
        return chance.choice(_ODD)
    if kind < 0.7:
        return chance.choice(paths(outside))
    if kind < 0.85:
        return chance.choice(_NUMBERS)
    if kind < 0.93:
        return "".join(chance.choices(string.printable, k=chance.randrange(1, 60)))
    if kind < 0.97:
        points = (chance.randrange(1, 0x110000) for _ in range(chance.randrange(1, 40)))
        return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
    return "".join(word(chance, outside) for _ in range(3))


def number(chance: random.Random) -> float:
    """A number that may do harm."""
    if chance.random() < 0.6:
        return chance.choice(FLOATS)
    return chance.choice((-1, 1)) * chance.random() * 10.0 ** chance.randrange(-6, 18)
