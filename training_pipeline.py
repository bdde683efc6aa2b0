"""Makes the literal `zenml pipeline run training_pipeline` work.

ZenML imports the module of that name and wants a pipeline back, so this module puts the
pipeline in its own place.
"""

import sys

from pipelines import training_pipeline

sys.modules[__name__] = training_pipeline
