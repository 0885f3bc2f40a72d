"""What recording costs with this package, with the bare OpenTelemetry SDK, and with its peers."""
