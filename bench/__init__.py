"""What load testers run."""
