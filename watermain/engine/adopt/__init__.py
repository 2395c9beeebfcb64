"""Tables that stand elsewhere, brought into the lake as they are."""
