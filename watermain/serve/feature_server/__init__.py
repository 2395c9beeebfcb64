"""The feature server: online features over HTTP."""
