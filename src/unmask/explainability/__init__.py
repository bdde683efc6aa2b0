"""Explainability: heat maps, audio occlusion, and tests of their faithfulness."""
