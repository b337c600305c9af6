"""From elapsed call time to Stripe charges and holds."""
