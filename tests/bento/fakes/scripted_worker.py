"""`python -m bento.worker.job_runner` as it is, but for the child process that it holds."""

import sys
from pathlib import Path

from bento.container import Services
from bento.sandbox.runner import SandboxedAnalyzer
from bento.settings import ServiceSettings
from bento.worker.job_runner import Worker, serve

if __name__ == "__main__":
    parts = Services.from_settings(ServiceSettings.from_environment())
    stand_in = [sys.executable, str(Path(__file__).with_name("scripted_child.py"))]
    examiner = SandboxedAnalyzer(parts.settings, stand_in)
    serve(Worker(parts.settings, parts.claims, parts.store, examiner), parts)
