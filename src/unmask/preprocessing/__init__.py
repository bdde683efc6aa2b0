"""Preprocessing of media files to model inputs, shared by training and serving."""
