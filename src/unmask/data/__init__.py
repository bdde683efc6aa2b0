"""What the detector learns from and is measured on."""
