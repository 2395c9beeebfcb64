"""Events that others post to an endpoint of ours."""
