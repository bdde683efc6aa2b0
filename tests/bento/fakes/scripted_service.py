"""The HTTP service in a process of its own, on the port that its argument names."""

import sys

import uvicorn

from bento.api.app import create_app
from bento.api.dependencies import RequestContext
from bento.api.middleware.security import SecurityMiddleware
from bento.container import Services
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from bento.worker.maintenance import MaintenanceLoop

if __name__ == "__main__":
    services = Services.from_settings(ServiceSettings.from_environment())
    app = create_app(services.settings)
    app.state.context = RequestContext(services, SubmissionService(services))
    MaintenanceLoop(services, round_s=0.5, resend_s=1.0).start()
    local, root_path = services.settings.api_keys_file is None, services.settings.root_path
    secured = SecurityMiddleware(app, local=local, root_path=root_path)
    options = {"log_level": "error", "ws": "none", "lifespan": "off"}
    uvicorn.run(secured, host="127.0.0.1", port=int(sys.argv[1]), **options)
