"""Converters: from the bytes of a packaged file to named tensors. No pickle is executed."""
