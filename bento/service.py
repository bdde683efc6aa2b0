"""The BentoML service: loads the detector once, answers over HTTP.

In a built Bento the detector lies in ``bundle/`` beside this package; in a checkout it is
the folder that ``UNMASK_BUNDLE`` names, or the champion that `make train` left.
"""

from pathlib import Path

import bentoml

from bento.api import app
from unmask.serving.analyzer import Analyzer

PACKED = Path(__file__).resolve().parents[1] / "bundle"


@bentoml.service(name="unmask", workers=1, traffic={"timeout": 3600})
@bentoml.asgi_app(app, path="/")
class UnmaskService:
    """Is this video of a talking person genuine? Uploads never leave this machine."""

    def __init__(self) -> None:
        """Load the detector, so that the first request does not wait for it."""
        app.state.analyzer = Analyzer.load(PACKED if PACKED.is_dir() else None)
