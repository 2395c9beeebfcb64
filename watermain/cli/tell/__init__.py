"""The commands about whom to tell, what went wrong."""
