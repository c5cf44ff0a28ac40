"""Running as a service: configuration, systemd's notifications, deadlines, and a parent that watches."""
