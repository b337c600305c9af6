"""What is remembered: ids, facts, the bus, and in io/ the database."""
