"""FastAPI application: routes, schemas, middleware."""
