"""ASGI middleware: security headers, authentication, rate and body limits."""
