"""What went wrong, from its beginning to the check that keeps it from coming back."""
