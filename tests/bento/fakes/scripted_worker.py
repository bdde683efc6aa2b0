"""`python -m bento.worker` with a scripted child process; `CLOCK_AHEAD_S` sets its clock ahead."""

import os
import sys
import time
from pathlib import Path

from bento.container import Services
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.worker.__main__ import serve
from bento.worker.job_runner import Worker

if __name__ == "__main__":
    ahead_s = float(os.environ.get("CLOCK_AHEAD_S", "0"))
    machine_clock = time.time
    time.time = lambda: machine_clock() + ahead_s
    services = Services.from_settings(ServiceSettings.from_environment())
    scripted_child = [sys.executable, str(Path(__file__).with_name("scripted_child.py"))]
    analyzer = SandboxedAnalyzer(services.settings, scripted_child)
    serve(Worker(services.settings, services.leases, services.store, analyzer), services)
