"""What works with other people's instrumentation."""
