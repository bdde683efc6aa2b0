"""Whether a tenant may submit, without a question to the table for each who comes in a burst."""

import time
from collections import OrderedDict

MAX_IN_FLIGHT = 32  # who come while the table is asked
FRESH_S = 0.25
MOST_TENANTS = 10_000


class CapacityCache:
    """How many more each tenant may submit, as the table said a moment ago.

    Whoever comes together with others is let in on the answer that the first of them waits for.
    The table counts again once an upload is there, so that no more become jobs than there is room.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def try_acquire(self, tenant: str) -> bool:
        """Use one place; False where the table has to be asked, as :meth:`note` will be told."""
        left, until = self._known.get(tenant, (0, 0.0))
        if left < 1 or time.monotonic() > until:
            self.update(tenant, MAX_IN_FLIGHT)
            return False
        self._known[tenant] = (left - 1, until)
        return True

    def update(self, tenant: str, left: int) -> None:
        """Remember what the table said of the tenant, less the one who asked."""
        self._known[tenant] = (left - 1, time.monotonic() + FRESH_S)
        self._known.move_to_end(tenant)
        if len(self._known) > MOST_TENANTS:
            self._known.popitem(last=False)
