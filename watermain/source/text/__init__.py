"""Values out of JSON text, exactly as they were written."""
