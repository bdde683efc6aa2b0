"""The metrics of detectors by scikit-learn."""

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    roc_auc_score,
    roc_curve,
)


def compute_metrics(scores, called_fake, is_fake):
    """Every metric by scikit-learn, the EER on its linear curve."""
    fpr, tpr, _ = roc_curve(is_fake, scores, drop_intermediate=False)
    return {
        "auc": roc_auc_score(is_fake, scores),
        "eer": np.interp(1, fpr + tpr, fpr),  # where FPR and misses are equal on the linear curve
        "fpr95": fpr[tpr >= 0.95].min(),
        "ap": average_precision_score(is_fake, scores),
        "balanced_accuracy": balanced_accuracy_score(is_fake, called_fake),
    }
