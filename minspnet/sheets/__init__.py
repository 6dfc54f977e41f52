"""Tables as text from outside: bytes become cells, and cells become numbers."""

from minspnet.sheets.cells import is_missing, read_numbers
from minspnet.sheets.grid import Table, sample, sniff
from minspnet.sheets.text import foreign

__all__ = ["Table", "foreign", "is_missing", "read_numbers", "sample", "sniff"]
