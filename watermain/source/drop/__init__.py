"""What every place of dropped files has in common: how they are listed, how they are read."""
