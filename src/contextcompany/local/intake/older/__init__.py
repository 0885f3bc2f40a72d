"""What older SDKs of the platform send, as the spans that this package would have sent."""
