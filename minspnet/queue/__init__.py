"""Trainings that wait their turn, each a folder of plain files, done by one process at a time.

    20261128-074556-1a2b3c4d/   one job
        job.json                what is trained, on what; never changed
        state.json              how it stands
        progress.jsonl          what each epoch said, a line each
        checkpoint/             the newest epoch, to go on from
        stop                    there while someone asks it to stop
        log.txt                 for whoever wants to know more
    lock                        held by the process that trains
    turn                        held for a moment by whoever changes the order
    started                     touched whenever such a process is started
    worker.txt                  what those processes printed

All that a page shows is read from here, so that it survives a reload, and the training survives
the page. Listing jobs needs neither torch nor scikit-learn.
"""
