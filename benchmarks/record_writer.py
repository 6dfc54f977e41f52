"""Writers of reviews, as threads of one process that may be killed: what was confirmed is noted.

    python -m benchmarks.record_writer URL FOLDER ROUND FIRST WRITERS REVIEWS

Each writer's confirmed ids go to a file of its own, past all buffers of the process, so that they
outlive it. Started again, a writer sends what it has no confirmation for: what was written and not
confirmed is sent twice. A kill seldom falls just there, so each writer also takes the answer to
every tenth review for lost, and sends that review again.
"""

import os
import sys
import threading
from pathlib import Path

from benchmarks.tampering import review
from minspnet.errors import UserError
from minspnet.record.reviews import Review
from minspnet.record.store import Store

TRIES, SENT_AGAIN = 20, 10


def ids_of(round_: int, writer: int, reviews: int) -> list[str]:
    """The ids that a writer gives, the same ones in each life."""
    return [f"{round_}-{writer}-{number}" for number in range(reviews)]


def confirmed(folder: Path, writer: int) -> list[str]:
    """What a writer has been told is safe; a line that a kill cut short was not noted."""
    path = folder / f"{writer}.txt"
    if not path.exists():
        return []
    return [line[:-1] for line in path.read_text().splitlines(keepends=True) if line[-1:] == "\n"]


def write(store: Store, folder: Path, round_: int, writer: int, reviews: int) -> None:
    """Send what is not confirmed, one after the other, and note each confirmation."""
    known = set(confirmed(folder, writer))
    file = os.open(folder / f"{writer}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, id_ in enumerate(ids_of(round_, writer, reviews)):
        if id_ in known:
            continue
        one = review(id_, f"reader {writer}", f"case {id_}")
        for _ in range(1 if number % SENT_AGAIN else 2):
            _send(store, one)
        os.write(file, f"{id_}\n".encode())
    os.close(file)


def _send(store: Store, one: Review) -> None:
    """Try until the database confirms it; an error of the database's may have written it."""
    for left in reversed(range(TRIES)):
        try:
            store.reviews.append(one)
            return
        except UserError:
            if not left:
                raise


def main() -> None:
    """Write with as many threads as are asked for."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    round_, first, writers, reviews = map(int, sys.argv[3:])
    store = Store(url)
    failed = []

    def run(writer: int) -> None:
        try:
            write(store, folder, round_, writer, reviews)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(first + one,)) for one in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        sys.exit(f"{failed[0]} ({failed[0].__cause__})")


if __name__ == "__main__":
    main()
