"""What every connection to an outside system has in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import timedelta
from typing import Any, ClassVar, NoReturn

from watermain.declare.errors import InvalidDeclarationError, quoted
from watermain.declare.place import place

RESERVED = ("engine", "io_manager", "lake", "online_store")
LONGEST = timedelta(hours=1)
SECOND = timedelta(seconds=1)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_REFERENCE = re.compile(r"\$\{[^}]*\}")
_WHOLE = re.compile(r"(env:[A-Za-z_]\w*|file:\.?/.+|vault:[^#\s]+#[^#\s]+)")
_FRAMES = 4  # `place`, `__post_init__`, the `__init__` that dataclasses write and `Proved.__call__`
_REFERENCES = "use one of `env:NAME`, `file:/path`, `file:./path`, `vault:path#field`"
Option = tuple[str, str]


class Proved(type):
    """Refuse an option that a word does not have, listing those that it has."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        known = [f.name for f in fields(cls) if f.init]  # type: ignore[arg-type]
        if wrong := sorted(set(options) - set(known)):
            _refuse(
                cls.__name__,
                f"option `{wrong[0]}` is unknown",
                f"use one of {quoted(known)}",
                place(2),
            )
        return super().__call__(*args, **options)


@dataclass(frozen=True, kw_only=True)
class Tls(metaclass=Proved):
    """Encrypt the connection, and prove the other side.

    `authorities` is the file of the authorities that may vouch for the other side; without it
    they are those that the machine trusts. `certificate` and `key` are the files that prove us.
    """

    authorities: str = ""
    certificate: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        for name in ("authorities", "certificate", "key"):
            path = getattr(self, name)
            if path and not path.startswith("/"):
                _refuse("Tls", f"{name} {path!r} is no absolute path", "write it from `/` on")
        if bool(self.certificate) is not bool(self.key):
            _refuse("Tls", "a certificate goes with its key", "name both files, or neither")

    @property
    def files(self) -> dict[str, str]:
        """The files that it names, by what each is."""
        named = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        return {name: path for name, path in named.items() if path}


@dataclass(frozen=True)
class Connection(metaclass=Proved):
    """Name an outside system, so that sources say only the name.

    An address may be left out: then the variable WATERMAIN_SOURCE_<NAME> has to give it. Where
    one is declared, that variable stands in its place.
    Guarantees: no text of it is a secret; each is a reference to one. It is wrong when it is
    made, or not at all. Raises: InvalidDeclarationError, listing what is right.
    """

    name: str
    declared: str = field(default="", init=False, repr=False, compare=False)
    kind: ClassVar[str] = ""
    extra: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "declared", place(_FRAMES))
        if not _NAME.fullmatch(self.name):
            self.refuse(f"{self.name!r} is no name", "use small letters, digits, underscores")
        if self.name in RESERVED:
            self.refuse(
                f"`{self.name}` is a resource of the platform",
                f"use another name than {quoted(RESERVED)}",
            )
        self.check()

    def check(self) -> None:
        """Prove what the kind has of its own."""

    def proved(self, address: str) -> None:
        """Prove an address, whoever gave it."""

    @property
    def variable(self) -> str:
        """The variable that stands over the declared address."""
        return f"WATERMAIN_SOURCE_{self.name.upper()}"

    def refuse(self, what: str, next: str) -> NoReturn:
        """Raise the error that says what is wrong with it."""
        _refuse(f"{type(self).__name__} `{self.name}`", what, next, self.declared)

    def refuse_reference(self, option: str, text: str) -> None:
        """Refuse a text that would be a secret itself."""
        if text and not is_reference(text):
            self.refuse(f"{option} is no reference to a secret", _REFERENCES)

    def refuse_waits(self, **least: timedelta) -> None:
        """Refuse limits on waiting that cannot be kept."""
        for option, shortest in least.items():
            wait = getattr(self, option)
            if wait is not None and not (
                isinstance(wait, timedelta) and shortest <= wait <= LONGEST
            ):
                self.refuse(
                    f"{option} {wait!s} is out of bounds",
                    f"use a timedelta from {shortest} to {LONGEST}",
                )

    def merged(self, said: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
        """What an address and the options of the connection say; refused where they differ."""
        for option, value in wanted.items():
            if said.get(option, value) != value:
                self.refuse(
                    f"its address says `{option}`, too, and otherwise",
                    f"take `{option}` out of the address, or its option out of the connection",
                )
        return {**said, **wanted}

    def shown(self) -> dict[str, str]:
        """Each option that says something, as people may see it."""
        return dict(self._shown())

    def _shown(self) -> Iterator[Option]:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name not in ("name", "declared") and value not in ("", None, ()):
                yield each.name, str(value)


def is_reference(text: str) -> bool:
    """Say whether a text is a reference to a secret from end to end."""
    return _WHOLE.fullmatch(text) is not None


def references_in(word: object) -> Iterator[str]:
    """The references to secrets that stand in what is declared, at any depth."""
    if is_dataclass(word):
        for each in fields(word):
            yield from references_in(getattr(word, each.name))
    elif isinstance(word, str) and is_reference(word):
        yield word


def plain(address: str) -> str:
    """An address with something plain in the place of each reference, to be looked at."""
    return _REFERENCE.sub("x", address)


def holds_plain(secret: str) -> bool:
    """Say whether a password of an address is more than a reference."""
    return bool(_REFERENCE.sub("", secret))


def _refuse(word: str, what: str, next: str, declared: str = "") -> NoReturn:
    raise InvalidDeclarationError(
        f"{word}: {what}", declared=declared or word, data="nothing was read", next=next
    )
