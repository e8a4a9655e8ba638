"""The ISO base media file format and its relatives: MP4, QuickTime, 3GP, M4A, HEIF, AVIF. One subject a module."""
