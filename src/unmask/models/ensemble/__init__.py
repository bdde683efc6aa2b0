"""Ensembles: shared encoders, weight packing, MC dropout, pooling."""
