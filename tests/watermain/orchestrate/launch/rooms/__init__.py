"""The processes of rooms."""
