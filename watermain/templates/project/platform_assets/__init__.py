"""The rooms of my_company, one for each team."""
