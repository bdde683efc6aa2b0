"""Uploads: from the request body to a stored job."""
