"""The file of roles, read once each time it is written."""

import os
from pathlib import Path

from dashboard.keep import kept
from minspnet.errors import requirement
from minspnet.membership import Membership


def members(path: str) -> Membership:
    """Who has which role, as the file says now; whoever is taken out of it is out at once.

    Raises:
        UserError: If it cannot be read, or says a wrong thing.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        must = f"be a file that can be read ({error.strerror or 'no file'})"
        raise requirement("the file of roles", must, Path(path).name, "name another") from error
    return _read(path, found.st_mtime_ns, found.st_size)


@kept(4)
def _read(path: str, written: int, size: int) -> Membership:
    return Membership.read(Path(path))
