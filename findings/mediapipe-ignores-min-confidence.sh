#!/usr/bin/env bash
# MediaPipe's FaceDetection returns the same faces for every min_detection_confidence.
#
# Expected: `FaceDetection(min_detection_confidence=0.99)` returns faces of at least that score, and
#           0.1 returns more than 0.5 does.
# Seen:     The argument has no effect, in both models: a face of score 0.92 is returned for 0.99,
#           and a blurred one of 0.56 as well; faces below 0.5 are never returned. FaceDetector of
#           the Tasks API, with the same model file, obeys.
# Matters:  Blurred, small and wrong faces are accepted by a strict threshold, and a threshold that
#           was tuned on a data set has tuned nothing.
# Remedy:   Compare `detection.score[0]` with the threshold; for one below 0.5, use the Tasks API.
#
# The picture is the astronaut in scikit-image. Installs about 700 MB. Takes a few minutes.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    mediapipe==0.10.21 numpy==1.26.4 scikit-image==0.26.0 || exit 2

cat > "$work/thresholds.py" <<'PYTHON'
"""Detect one sharp and one blurred face with several thresholds; print the scores."""

import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from skimage import data

THRESHOLDS = (0.1, 0.5, 0.99)
SHORT_RANGE = "modules/face_detection/face_detection_short_range.tflite"


def detect(image, model, threshold):
    """Return the scores of the older API; model 0 is for faces nearby, 1 for distant ones."""
    detection = mediapipe.solutions.face_detection
    with detection.FaceDetection(
        model_selection=model, min_detection_confidence=threshold
    ) as detector:
        found = detector.process(image).detections or []
    return [face.score[0] for face in found]


def detect_by_task(image, threshold):
    """Return the scores of the Tasks API, with the model for faces nearby."""
    content = (Path(mediapipe.__file__).parent / SHORT_RANGE).read_bytes()
    options = vision.FaceDetectorOptions(
        base_options=BaseOptions(model_asset_buffer=content), min_detection_confidence=threshold
    )
    picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image)
    with vision.FaceDetector.create_from_options(options) as detector:
        return [face.categories[0].score for face in detector.detect(picture).detections]


def main():
    print("MediaPipe", version("mediapipe"), "scikit-image", version("scikit-image"))
    sharp = np.ascontiguousarray(data.astronaut())
    changed = False
    for label, image in (("sharp", sharp), ("blurred", cv2.GaussianBlur(sharp, (0, 0), 6))):
        for name, find in (
            ("model 0", lambda threshold: detect(image, 0, threshold)),
            ("model 1", lambda threshold: detect(image, 1, threshold)),
            ("Tasks API", lambda threshold: detect_by_task(image, threshold)),
        ):
            seen = {threshold: sorted(find(threshold), reverse=True) for threshold in THRESHOLDS}
            for threshold, scores in seen.items():
                shown = ", ".join(f"{score:.2f}" for score in scores) or "none"
                print(f"{label}, {name}, {threshold}: {shown}")
            obeys = not seen[0.99] and len(seen[0.1]) > len(seen[0.5])
            is_constant = seen[0.1] == seen[0.5] == seen[0.99] and len(seen[0.5]) > 0
            changed |= not (obeys if name == "Tasks API" else is_constant)
    if changed:
        sys.exit("CHANGED: see the scores above")
    print("UNCHANGED: min_detection_confidence has no effect")


main()
PYTHON

GLOG_minloglevel=3 TF_CPP_MIN_LOG_LEVEL=3 "$python" "$work/thresholds.py" 2> "$work/errors.txt" ||
    { code=$?; cat "$work/errors.txt"; exit "$code"; }
