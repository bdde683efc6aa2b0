"""Face and voice forgeries of real footage, offline and during training."""
