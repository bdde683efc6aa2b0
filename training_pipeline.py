"""Alias that makes the command `zenml pipeline run training_pipeline` work.

ZenML imports the module of that name and expects a pipeline; this module replaces itself with it.
"""

import sys

from pipelines import training_pipeline

sys.modules[__name__] = training_pipeline
