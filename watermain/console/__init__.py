"""Pages on which a person sees how the data stand."""
