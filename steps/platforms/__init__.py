"""What the steps know of ZenML's store, MLflow, BentoML and DVC; nothing else imports those."""

import logging

# ZenML shows what every package says from `info` on; this one tells of its own inside
logging.getLogger("great_expectations").setLevel(logging.WARNING)
