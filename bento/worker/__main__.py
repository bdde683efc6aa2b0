"""Worker process: ``python -m bento.worker``.

Takes jobs from the task queue that ``UNMASK_QUEUE`` names; without one, polls the database.
"""

import logging
import signal
import sys
import threading

from bento.container import Services
from bento.log_records import install_printable_records
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.worker.embedded import WITH_PARENT
from bento.worker.job_runner import Worker
from bento.worker.maintenance import MaintenanceLoop


def main() -> None:
    """Run a worker until a signal ends it; with ``--with-parent``, until its parent exits."""
    install_printable_records()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    services = Services.from_settings(ServiceSettings.from_environment())
    analyzer = SandboxedAnalyzer(services.settings)
    worker = Worker(services.settings, services.leases, services.store, analyzer)
    serve(worker, services, with_parent=WITH_PARENT in sys.argv)


def serve(worker: Worker, services: Services, with_parent: bool = False) -> None:
    """Run a worker and the maintenance loop until a signal ends this process."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stopping.set())
    if with_parent:
        threading.Thread(target=_stop_with_parent, args=(worker,), daemon=True).start()
    maintenance = MaintenanceLoop(services)
    maintenance.start()
    try:
        if services.task_queue is None:
            worker.run()
        else:
            worker.warm_up()
            services.task_queue.run_worker(worker.run_queued, worker.stopping)
    finally:
        maintenance.stop()
        worker.analyzer.close()


def _stop_with_parent(worker: Worker) -> None:
    sys.stdin.read()  # returns when the parent exits, even if it is killed
    worker.stopping.set()


if __name__ == "__main__":
    main()
