"""The report: schema, model card, builder."""
