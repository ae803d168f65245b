"""Secrets by their place in a text: in addresses, headers, pairs of key and value, command lines and blocks."""
