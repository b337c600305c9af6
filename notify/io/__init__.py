"""What notify does: remembers letters, sends them by SMTP or leaves them as files."""
