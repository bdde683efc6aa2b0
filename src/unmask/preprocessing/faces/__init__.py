"""Faces: detection, landmarks, alignment, tracking, optical flow, mouth crops."""
