"""What a server of a test leaves open when its clients were cut off."""

from __future__ import annotations

import gc
import warnings


def collected() -> None:
    """Collect it here, so that its warning does not reach whatever test runs next."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
