"""Measurements behind every claim; each is one command that prints its table."""
