"""Facts of the material that tell how it was recorded, compressed and converted."""
