"""What ``bentoml.SyncHTTPClient`` asks before it calls `/predict`."""

from typing import Any

from fastapi import APIRouter

from bento.api.route_paths import PREDICT_PATH

# the form of BentoML's own `/schema.json`, with the one route that its client can call
SCHEMA: dict[str, Any] = {
    "name": "unmask",
    "type": "service",
    "routes": [
        {
            "name": "predict",
            "route": PREDICT_PATH,
            "input": {
                "type": "object",
                "properties": {"file": {"type": "file"}},
                "required": ["file"],
            },
            "output": {"type": "object"},
        }
    ],
}

router = APIRouter(include_in_schema=False)


@router.get("/schema.json")
async def get_bentoml_schema() -> dict[str, Any]:
    """Return the endpoints in the form that BentoML's client reads."""
    return SCHEMA
