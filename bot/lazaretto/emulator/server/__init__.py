"""The HTTP server: methods called, files downloaded."""
