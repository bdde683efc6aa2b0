"""Train and calibrate detectors and the lip-sync model."""
