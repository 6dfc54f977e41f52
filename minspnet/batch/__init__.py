"""A file of new cases, read, scored, explained and written in chunks; see ``minspnet.predict``."""
