"""The pages of the console, each as what it is made of."""
