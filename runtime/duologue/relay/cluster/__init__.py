"""Several relays that are one, found through NATS. Imported only where it is configured."""
