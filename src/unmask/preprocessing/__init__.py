"""Media file to arrays: the one path that training and serving both use."""
