"""The room of team my_company."""
