"""Rules about what a file may say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from tests.house.pages import FENCE, pages
from tests.house.tree import SOURCE, imports, modules

READS_ENVIRONMENT = ("watermain/settings.py",)
# Where code that is not ours enters: whatever it raises is reported, not passed on.
ENTRY_POINTS = (
    "watermain/orchestrate/launch/answer.py",
    "watermain/dbt/dbt_compiler.py",  # whatever a template brings about is its author's
    "watermain/__main__.py",
    "watermain/cli/look/check.py",
    "watermain/cli/platform/doctor.py",  # one check that is ill hides no other
    "watermain/observe/rounds.py",  # a defect of one step keeps no other from its turn
    "watermain/engine/rooms/declared.py",
    "watermain/engine/rooms/directory.py",
    "watermain/engine/rooms/from_dbt.py",
    "watermain/cli/run/flow.py",
    "watermain/engine/capture/stream.py",
    "watermain/engine/rooms/mask.py",
    "watermain/orchestrate/location.py",
    "watermain/orchestrate/launch/preload.py",
    "watermain/orchestrate/launch/step.py",
    "tests/services/gx_verdicts.py",
)
# Who speaks to the disk itself: the helper, a log that grows, a commit's files, a trial.
DURABLE = "watermain/durable.py"
SYNCS = (
    DURABLE,
    "watermain/source/webhook/segments.py",
    "watermain/lake/written.py",
    "watermain/process/probe.py",
)
TOO_WIDE = ("Exception", "BaseException")
PICKLES = ("pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "joblib", "marshal")
LEAVES_OUT = ("skip", "skipif", "xfail", "importorskip", "skipIf", "skipUnless", "skipTest")
VAGUE = re.compile(r"utils?|common|helpers?|base|managers?|misc|v\d+")
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")
DATASET = "watermain/declare/dataset.py"
GUESSES = re.compile(r"\.source is (not )?None|kind [!=]= .platform")
REGISTRY = re.compile(
    r"https?://[^/\s]*(py[p]i|python[h]osted|npm[j]s|[d]ebian|[m]aven|[c]rates)[^/\s]*"
)
TABLE = re.compile(r"^\s*\|.*$", re.MULTILINE)
JOINS = re.compile(r"\b(and|or)\b", re.IGNORECASE)
# Ordinary English prose has more than two in a hundred; where they lack, commas stand for them.
LONG_PAGE_WORDS, LEAST_JOINS = 300, 0.02
MACHINE = re.compile(r"(?<![a-z.])/([w]ork|[f]arm|[r]oot|[h]ome/[a-z]+|[t]mp/lab)/")


def first_lines_are_one_sentence(files: Mapping[str, str]) -> list[str]:
    """The first line of a file says what it is, in one sentence that joins nothing."""
    found = []
    for path, tree in modules(files).items():
        line = (ast.get_docstring(tree) or "").partition("\n")[0]
        if not line.endswith(".") or ". " in line or " and " in line:
            found.append(f"{path}:1 {line!r} is not one sentence without `and`, ended by a period")
    return found


def environment_is_read_in_settings(files: Mapping[str, str]) -> list[str]:
    """Environment variables are read in one module."""
    found = []
    for path, tree in modules(files, (*SOURCE, "demo/")).items():
        if path in READS_ENVIRONMENT:
            continue
        for node in ast.walk(tree):
            match node:
                case (
                    ast.Attribute(value=ast.Name(), attr="environ" | "environb" | "getenv")
                    | ast.alias(name="environ" | "environb" | "getenv")
                ) if not _is_of_a_process(node):
                    found.append(f"{path}:{node.lineno} reads the environment")
    return found


def _is_of_a_process(node: ast.AST) -> bool:
    """Tell `process.environ()`, another process's variables, from `os.environ`."""
    return isinstance(node, ast.Attribute) and "process" in ast.unparse(node.value)


def errors_are_caught_by_name(files: Mapping[str, str]) -> list[str]:
    """Nobody swallows every error, except at an entry point; to clean up, then raise, is right."""
    found = []
    for path, tree in modules(files).items():
        if path in ENTRY_POINTS:
            continue
        found += [f"{path}:{line} catches everything" for line in _wide_handlers(tree)]
    return found


def _wide_handlers(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=caught, body=[*_, last]):
                raises_on = isinstance(last, ast.Raise)
                if not raises_on and (caught is None or _is_wide(caught)):
                    yield node.lineno
            case ast.Call(
                func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=arguments
            ):
                if any(_is_wide(argument) for argument in arguments):
                    yield node.lineno


def _is_wide(caught: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id in TOO_WIDE for n in ast.walk(caught))


def files_are_replaced_in_one_way(files: Mapping[str, str]) -> list[str]:
    """Locks and whole files come from one helper; whether a file is durable is nobody's choice."""
    found = []
    for path, tree in modules(files, (*SOURCE, "demo/")).items():
        for node in ast.walk(tree):
            match node:
                case ast.alias(name="fcntl") | ast.Name(id="fcntl") if path != DURABLE:
                    found.append(f"{path}:{node.lineno} locks by hand: use `durable.lock`")
                case ast.Attribute(value=ast.Name(id="os"), attr="fsync") if path not in SYNCS:
                    found.append(f"{path}:{node.lineno} syncs by hand: use `durable.replace`")
                case ast.Attribute(value=ast.Name(id="os"), attr="replace" | "rename"):
                    found.append(f"{path}:{node.lineno} renames by hand: use `durable.replace`")
                case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]) if (
                    path != DURABLE
                ):
                    found.append(f"{path}:{node.lineno} renames by hand: use `durable.replace`")
    return found


def nothing_is_pickled(files: Mapping[str, str]) -> list[str]:
    """No storage path runs code that it reads."""
    found = [
        f"{each}: a pickle runs code when it is read"
        for each in imports(files)
        if each.target.partition(".")[0] in PICKLES
    ]
    for path, tree in modules(files).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("read_pickle", "to_pickle"):
                found.append(f"{path}:{node.lineno} {node.attr}: a pickle runs code when read")
    return found


def no_test_is_left_out(files: Mapping[str, str]) -> list[str]:
    """A test runs, or it is deleted."""
    found = []
    for path, tree in modules(files, ("tests/",)).items():
        for node in ast.walk(tree):
            name = getattr(node, "attr", None) or getattr(node, "name", None)
            is_use = isinstance(node, ast.Attribute | ast.alias)
            if is_use and name in LEAVES_OUT:
                found.append(f"{path}:{node.lineno} {name}: a test runs, or it is deleted")  # type: ignore[attr-defined]
    return found


def names_say_something(files: Mapping[str, str]) -> list[str]:
    """No file is named after nothing; a contract's is named as the dataset, its version too."""
    return [
        f"{path}: `{part}` says nothing"
        for path in sorted(files)
        if not path.startswith(("contracts/", "tests/projects/"))
        for piece in path.split("/")
        for part in re.split(r"[_\-.]", piece)
        if VAGUE.fullmatch(part)
    ]


def pages_join_what_they_say(files: Mapping[str, str]) -> list[str]:
    """A page says "and" or "or" where it means it, so that no comma has to be guessed at."""
    found = []
    for path, text in pages(files).items():
        prose = TABLE.sub("", FENCE.sub("", text))
        words, joins = len(prose.split()), len(JOINS.findall(prose))
        if words > LONG_PAGE_WORDS and joins < LEAST_JOINS * words:
            found.append(f"{path}: {joins} of {words} words are `and` or `or`, 2 % at least")
    return found


def class_names_are_unique(files: Mapping[str, str]) -> list[str]:
    """One noun means one thing; the glossary says what the nouns of several modules mean."""
    owners: dict[str, str] = {}
    found = []
    for path, tree in modules(files, SOURCE).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                place = f"{path}:{node.lineno}"
                if (first := owners.setdefault(node.name, place)) != place:
                    found.append(f"{place} {node.name} is the name of another class, at {first}")
    return found


def datasets_are_asked_what_they_are(files: Mapping[str, str]) -> list[str]:
    """Whether a dataset is captured is a word of it, not a guess from its source."""
    asked = {p: t for p, t in files.items() if p.startswith("watermain/") and p != DATASET}
    return _lines_with(GUESSES, asked, "ask `is_computed`, `is_captured` or `is_platforms`")


def nothing_is_put_off(files: Mapping[str, str]) -> list[str]:
    """Work is done, or it is an issue."""
    return _lines_with(UNFINISHED, files, "do it, or file an issue")


def machines_stay_unnamed(files: Mapping[str, str]) -> list[str]:
    """No path of one machine, no host of a package registry stands in the repository."""
    return [
        *_lines_with(REGISTRY, files, "pip's configuration names the registry"),
        *_lines_with(MACHINE, files, "no other machine has this path"),
    ]


def _lines_with(pattern: re.Pattern[str], files: Mapping[str, str], why: str) -> list[str]:
    return [
        f"{path}:{number} {found.group()!r}: {why}"
        for path, text in sorted(files.items())
        if not path.endswith(".lock")
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]
