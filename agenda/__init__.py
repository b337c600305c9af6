"""People and their consultations."""
