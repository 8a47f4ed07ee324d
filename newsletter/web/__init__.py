"""Doors for browsers: read the input, call one function, answer."""
