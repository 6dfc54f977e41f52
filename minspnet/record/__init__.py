"""What people decide, kept in a database so that nothing is lost and any change to it shows.

    reviews, queues, audit, points,  logs: records are only ever added, each with the digest of
    devices, sets, adoptions         the one before
    journal                          the order in which records of all logs were added; its newest
                                     digest stands for everything that was ever saved
    drafts                           what is typed but not decided; overwritten, in no chain

A log that was changed by hand is found by ``minspnet verify-log``; what that proves and what it
cannot prove stands in ``minspnet.record.verify``.
"""
