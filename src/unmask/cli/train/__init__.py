"""Commands that train and calibrate."""
