"""Pieces of pages: each fetches what it shows and draws it."""
