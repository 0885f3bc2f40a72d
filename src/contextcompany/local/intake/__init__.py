"""What the local collector takes in: OTLP, and what older SDKs of the platform send."""
