"""A program that prints what each function of the corpus means, on whichever Python runs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.watermain.engine import corpus
from watermain.engine.code.meaning import Meaning

if __name__ == "__main__":
    found = {f.__name__: Meaning().of(f)[:16] for f in corpus.FUNCTIONS}
    sys.stdout.write(json.dumps(found))
