"""Models: networks, calibration and inference, from arrays to scores."""
