"""What stands between this package and other people's libraries and interfaces."""
