"""`python -m bento.worker` with a scripted child process."""

import sys
from pathlib import Path

from bento.container import Services
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.worker.__main__ import serve
from bento.worker.job_runner import Worker

if __name__ == "__main__":
    services = Services.from_settings(ServiceSettings.from_environment())
    scripted_child = [sys.executable, str(Path(__file__).with_name("scripted_child.py"))]
    analyzer = SandboxedAnalyzer(services.settings, scripted_child)
    serve(Worker(services.settings, services.leases, services.store, analyzer), services)
