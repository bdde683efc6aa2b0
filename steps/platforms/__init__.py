"""Platform code of the steps: ZenML's store, MLflow, BentoML and DVC; nothing else imports them."""

import logging

# ZenML shows records of every package from level info on; Great Expectations logs its internals
logging.getLogger("great_expectations").setLevel(logging.WARNING)
