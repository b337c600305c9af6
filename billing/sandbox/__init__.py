"""A Stripe-shaped payment provider for one machine: the default without a Stripe key, driven by Stripe's own SDK."""
