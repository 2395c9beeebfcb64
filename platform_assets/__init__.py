"""The data platform's asset graph, one room for each team."""
