"""The rules of the house, each a function from the files of a repository to what breaks it."""
