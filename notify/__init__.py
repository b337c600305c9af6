"""Letters: what people are told by e-mail, and that each of them is sent once."""
