"""A database clock that tests set."""

import time

from sqlalchemy import Float, literal


class FakeClock:
    """Replaces `bento.db.functions.db_now`; starts at the current time and stands still."""

    def __init__(self):
        self.time_s = time.time()

    def __call__(self):
        return literal(self.time_s, Float)

    def advance(self, seconds):
        self.time_s += seconds
