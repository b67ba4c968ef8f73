"""Around the daemon's process: its configuration, secrets, logs, systemd, and how it ends."""
