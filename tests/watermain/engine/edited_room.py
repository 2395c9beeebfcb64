"""A small room with edits of it, each known to change rows or to change none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

ROOM = {
    "__init__.py": "",
    "constants.py": '''
"""What counts."""
import datetime, decimal, enum, math, re
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo
LIMIT = 3
RATE = 1.5
EXACT = decimal.Decimal("1.10")
NAMES = ("a", "b")
KINDS = {"x", "y", "z"}
RULES = {"a": 1, "b": 2}
NESTED = {"a": [1, {"deep": (2, 3)}]}
SINCE = datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC)
PATIENCE = datetime.timedelta(hours=2)
ZONE = ZoneInfo("America/New_York")
PATTERN = re.compile("[a-z]+")
MISSING = float("nan")
RAW = b"abc"
COMPUTED = sum(range(4))
SHIFTED = LIMIT + 1
UNUSED = 1
class Kind(enum.Enum):
    LATE = "late"
    EARLY = "early"
class Mark(enum.IntFlag):
    ONE = 1
    TWO = 2
    def both(self): return self | Mark.TWO
@dataclass(frozen=True)
class Config:
    """How much."""
    low: int = 1
    high: int = 9
    names: tuple[str, ...] = ("n",)
    unread: int = 0
    def span(self) -> int: return self.high - self.low
CONFIG = Config(low=2)
WHOLE = Config(high=8)
class Box:
    """Holds a factor."""
    factor = 2
    def __init__(self, size): self.size = size
    def grown(self): return self.size * self.factor * self._twice()
    def _twice(self): return 2
    @property
    def half(self): return self.size / 2
    @staticmethod
    def plain(x): return x + 1
    @classmethod
    def made(cls): return cls(5)
class Small(Box):
    """A smaller one."""
    def _twice(self): return 1
BOX = Box(4)
SMALL = Small(4)
''',
    "helpers.py": '''
"""What helps."""
import functools
import operator
from . import constants
from .constants import LIMIT as MOST
from .deep import deepest
def twice(x, by=2, *, plus=0):
    """Twice."""
    return x * by + plus
def recursive(x): return x if x < 1 else mutual(x - 1)
def mutual(x): return recursive(x - 2)
def over(x): return deepest(x) > MOST
@functools.cache
def cached(x): return x + 10
@functools.lru_cache(maxsize=8)
def cached_more(x): return x + 20
def scaled(factor):
    def decorate(function):
        @functools.wraps(function)
        def inner(x): return function(x) * factor
        return inner
    return decorate
@scaled(7)
def decorated(x): return x + 1
halved = functools.partial(operator.truediv, 1)
picked = operator.attrgetter("a.b")
TABLE = {"twice": twice, "over": over, "add": operator.add}
square = lambda x: x ** 2
def generated(xs):
    for x in xs:
        yield x + 5
def factory(n):
    made = []
    for i in range(n):
        def body(x): return x + i
        made.append(body)
    return made
LATE = factory(3)[0]
def unused(x): return x
def typed(x: int, y: "str" = "") -> int:
    z: int = x
    return z
''',
    "deep.py": '''
"""What lies deeper."""
DEPTH = 11
def deepest(x): return x + DEPTH + twice(x)
def twice(x): return 3 * x
''',
    "stars.py": '''
"""What is exported."""
from .deep import *
EXTRA = 4
__all__ = ["EXTRA", "star"]
def star(x): return x + EXTRA
''',
    "sub/__init__.py": "",
    "sub/inner.py": '''
"""What lies inside."""
VALUE = 6
def inside(x): return x + VALUE
''',
    "body.py": '''
"""The body."""
import math
from typing import Any
import ibis
import pyarrow as pa
from . import constants, helpers
from .constants import (BOX, CONFIG, SMALL, WHOLE, EXACT, KINDS, MISSING, NAMES, NESTED, PATIENCE,
    PATTERN, RATE, RAW, RULES, SINCE, ZONE, COMPUTED, SHIFTED, Kind, Mark)
from .helpers import TABLE, LATE, cached, cached_more, decorated, halved, picked, square, generated
from .stars import *
from .sub import inner as within
import PACKAGE.sub.inner
SCHEMA = pa.schema([("a", pa.int64())])
NUMBERS = pa.array(range(1000))
EXPRESSION = ibis._.amount > 12
if constants.LIMIT > 2:
    def chosen(x): return x + 100
else:
    def chosen(x): return x + 200
def body(events: ibis.Table, most: Any = 5) -> ibis.Table:
    """Say what."""
    from .deep import twice as thrice
    from . import sub
    limit = constants.LIMIT
    parts = [x + RATE for x in NAMES if x not in KINDS]
    def nested(y):
        return y + COMPUTED + within.inside(y) + PACKAGE.sub.inner.inside(y)
    anonymous = lambda z: z + SHIFTED
    told = f"{limit:>5} of {RULES}"
    helpers.recursive(1) if events else helpers.over(2)
    values = (EXACT, NESTED, SINCE, PATIENCE, ZONE, PATTERN, MISSING, RAW, SCHEMA, NUMBERS)
    members = Kind.LATE, Mark.ONE.both(), CONFIG.low, CONFIG.span(), WHOLE.names
    boxes = BOX.grown(), SMALL.grown(), BOX.half, constants.Box.plain(1), constants.Box.made()
    called = TABLE["twice"], LATE, cached, cached_more, decorated, halved, picked, square, generated
    return events.filter(EXPRESSION), parts, nested, anonymous, told, values, members, boxes, \\
        called, chosen, star, thrice, getattr(helpers, "typed"), math.pi, helpers.twice(most)
''',
}


class Edit(NamedTuple):
    """One change of one file."""

    file: str
    before: str
    after: str


def _of(file: str, *pairs: tuple[str, str]) -> list[Edit]:
    return [Edit(file, before, after) for before, after in pairs]


CHANGING = [
    *_of(
        "constants.py",
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ("LIMIT = 3", "LIMIT = True"),
        ("RATE = 1.5", "RATE = 1.25"),
        ('Decimal("1.10")', 'Decimal("1.1")'),
        ('NAMES = ("a", "b")', 'NAMES = ("b", "a")'),
        ('NAMES = ("a", "b")', 'NAMES = ["a", "b"]'),
        ('"x", "y", "z"}', '"x", "y"}'),
        ('"b": 2}', '"b": 3}'),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}'),
        ("(2, 3)", "(2, 4)"),
        ("2013, 1, 1,", "2013, 1, 2,"),
        ("tzinfo=datetime.UTC", "tzinfo=datetime.timezone(datetime.timedelta(hours=1))"),
        ("hours=2", "hours=3"),
        ("America/New_York", "Europe/Berlin"),
        ('"[a-z]+"', '"[a-z]*"'),
        ('compile("[a-z]+")', 'compile("[a-z]+", re.I)'),
        ('float("nan")', "0.0"),
        ('float("nan")', "-0.0"),
        ('b"abc"', '"abc"'),
        ("range(4)", "range(5)"),
        ("LIMIT + 1", "LIMIT + 2"),
        ('LATE = "late"', 'LATE = "later"'),
        ("return self | Mark.TWO", "return self & Mark.TWO"),
        ("Config(low=2)", "Config(low=3)"),
        ("high: int = 9", "high: int = 10"),
        ("self.high - self.low", "self.high + self.low"),
        ('names: tuple[str, ...] = ("n",)', 'names: tuple[str, ...] = ("m",)'),
        ("factor = 2", "factor = 3"),
        ("self.size * self.factor", "self.size + self.factor"),
        ("def _twice(self): return 2", "def _twice(self): return 4"),
        ("def _twice(self): return 1", "def _twice(self): return 0"),
        ("self.size / 2", "self.size / 3"),
        ("def plain(x): return x + 1", "def plain(x): return x + 2"),
        ("return cls(5)", "return cls(6)"),
        ("BOX = Box(4)", "BOX = Box(3)"),
        ("SMALL = Small(4)", "SMALL = Box(4)"),
    ),
    *_of(
        "helpers.py",
        ("by=2", "by=3"),
        ("plus=0", "plus=1"),
        ("x * by + plus", "x * by - plus"),
        ("x if x < 1", "x if x < 2"),
        ("recursive(x - 2)", "recursive(x - 3)"),
        ("> MOST", ">= MOST"),
        ("return x + 10", "return x + 11"),
        ("return x + 20", "return x + 21"),
        ("scaled(7)", "scaled(8)"),
        ("function(x) * factor", "function(x) + factor"),
        ("def decorated(x): return x + 1", "def decorated(x): return x + 2"),
        ("operator.truediv, 1", "operator.truediv, 2"),
        ("operator.truediv, 1", "operator.floordiv, 1"),
        ('"a.b"', '"a.c"'),
        ('"twice": twice', '"twice": over'),
        ('"add": operator.add', '"add": operator.sub'),
        ("x ** 2", "x ** 3"),
        ("yield x + 5", "yield x + 6"),
        ("factory(3)", "factory(4)"),
        ("def body(x): return x + i", "def body(x): return x - i"),
        ("    return z", "    return z + 1"),
        ("unused(x): return x", "unused(x): return x\ndef twice(x, by=2, *, plus=0): return x"),
    ),
    *_of(
        "deep.py",
        ("DEPTH = 11", "DEPTH = 12"),
        ("+ twice(x)", "- twice(x)"),
        ("3 * x", "4 * x"),
    ),
    *_of("stars.py", ("EXTRA = 4", "EXTRA = 5"), ("x + EXTRA", "x - EXTRA")),
    *_of("sub/inner.py", ("VALUE = 6", "VALUE = 7"), ("x + VALUE", "x - VALUE")),
    *_of(
        "body.py",
        ("most: Any = 5", "most: Any = 6"),
        ("x not in KINDS", "x in KINDS"),
        ("z + SHIFTED", "z - SHIFTED"),
        (":>5", ":>6"),
        ("math.pi", "math.e"),
        ("pa.int64()", "pa.int32()"),
        ("range(1000)", "range(1001)"),
        ("_.amount > 12", "_.amount > 13"),
        ("_.amount > 12", "_.total > 12"),
        ("x + 100", "x + 101"),
        ("constants.LIMIT > 2", "constants.LIMIT > 3"),
        ('getattr(helpers, "typed")', 'getattr(helpers, "over")'),
        ("twice as thrice", "deepest as thrice"),
        ("events: ibis.Table", "events: pa.Table"),
        ("CONFIG.low", "CONFIG.high"),
        ("if events else", "if not events else"),
    ),
]

KEEPING = [
    *_of(
        "constants.py",
        ("UNUSED = 1", "UNUSED = 2"),
        ('"x", "y", "z"}', '"z", "y", "x"}'),
        ("RATE = 1.5", "RATE = 3 / 2"),
        ("COMPUTED = sum(range(4))", "COMPUTED = 6"),
        ("LIMIT = 3", "LIMIT = 0b11  # three"),
        ('"""How much."""', '"""How many."""'),
        ('"""Holds a factor."""', ""),
        ("low: int = 1", "low: 'float' = 1"),
        ('EARLY = "early"', 'EARLY = "earlier"'),
        ("unread: int = 0", "unread: int = 0  # never read"),
        ('"""What counts."""', '"""What counts here."""'),
        ('NAMES = ("a", "b")', "NAMES: tuple[str, ...] = (\n    \"a\",\n    'b',\n)"),
    ),
    *_of(
        "helpers.py",
        ("unused(x): return x", "unused(x): return x + 1"),
        ('"""Twice."""', '"""Two times."""'),
        ('"""Twice."""', "# said elsewhere"),
        ('y: "str" = "") -> int', 'y: object = "") -> float'),
        ("z: int = x", "z = x"),
        ("return x * by + plus", "return (\n        x * by\n        + plus\n    )"),
        ("def recursive(x): return", "def recursive(x):\n    'Again.'\n    pass\n    return"),
        ("square = lambda x: x ** 2", "square = lambda x: (x ** 2)"),
        (
            "from .constants import LIMIT as MOST",
            "from .constants import LIMIT as MOST\nimport json",
        ),
        ("def unused(x): return x", ""),
    ),
    *_of(
        "deep.py",
        ("DEPTH = 11", "DEPTH = 11\n\n\n"),
        ('"""What lies deeper."""', ""),
        ("3 * x", "0x3*x"),
    ),
    *_of(
        "body.py",
        ('"""Say what."""', '"""Say it otherwise."""'),
        ("events: ibis.Table", "events"),
        (") -> ibis.Table", ")"),
        ("limit = constants.LIMIT", "limit: int = constants.LIMIT  # at most"),
        ("import math", "import math\nimport os"),
        ("    limit = ", "\n    limit  =  "),
    ),
]


# What stands above a helper, what it does, the name that is refused, why.
REFUSED = [
    ("import duckdb\nHELD = duckdb.connect()\n", "HELD", "`HELD`", "DuckDBPyConnection"),
    ("import ibis\nHELD = ibis.duckdb.connect()\n", "HELD", "`HELD`", "Backend"),
    ("HELD = object()\n", "HELD", "`HELD`", "does not say what it is made of"),
    ("import threading\nHELD = threading.Lock()\n", "HELD", "`HELD`", "lock"),
    ("HELD = iter([1])\n", "HELD", "`HELD`", "iterator"),
    ("import sys\nHELD = sys.__stdout__\n", "HELD", "`HELD`", "TextIOWrapper"),
    ("HELD = {'a': [object()]}\n", "HELD['a']", "`HELD`", "builtins.object"),
    ("import random\nHELD = random.Random(1)\n", "HELD.random()", "`HELD.random`", "Random"),
    ("from . import near\n", "getattr(near, str(events))", "`near`", "is a module"),
    ("from . import near\n", "near.__dict__", "`near.__dict__`", "looks names up"),
    ("from . import near\n", "vars(near)", "`vars`", "looks names up"),
    ("", "globals()['x']", "`globals`", "looks names up"),
    ("", "eval('1')", "`eval`", "looks names up"),
    ("", "exec('x = 1')", "`exec`", "looks names up"),
    ("", "open('x').read()", "`open`", "reads what lies outside"),
    ("import os\n", "os.environ['X']", "`os.environ`", "reads the environment"),
    ("from os import environ\n", "environ['X']", "`environ`", "reads the environment"),
    ("from os import getenv as g\n", "g('X')", "`g`", "reads the environment"),
    ("import sys\n", "sys.modules['x']", "`sys.modules`", "looks code up"),
    ("import pathlib\n", "pathlib.Path('x').read_text()", "`read_text`", "reads a file"),
    ("import pandas as pd\n", "pd.read_csv('x.csv')", "`read_csv`", "reads a file"),
    ("import ibis\n", "ibis.duckdb.connect()", "`ibis.duckdb.connect`", "opens a connection"),
    ("CACHE = {}\n", "CACHE.setdefault(1, 2)", "`CACHE`", "is changed while it runs"),
    ("SEEN = []\n", "SEEN.append(1)", "`SEEN`", "is changed while it runs"),
    ("exec('def made(x): return x')\n", "made(1)", "`made`", "has no source text"),
]


def bodies() -> list[tuple[str, str, str]]:
    """Bodies in one file each with an edit that changes rows: the text, what was, what is."""
    text = Path(__file__).with_name("edited_bodies.txt").read_text(encoding="utf-8")
    found = []
    for block in text.rstrip().split("\n===\n"):
        edit, _, body = block.partition("\n")
        before, after = json.loads(edit)
        found.append((f"{body}\n", before, after))
    return found
