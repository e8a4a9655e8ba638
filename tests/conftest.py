"""What holds for every test."""

import os

import structlog

# The library's opt-in to time spans. Without it, each refusal with a waiting time warns, and warnings are errors here.
# The product is right with and without: test_moderation takes it away again.
os.environ.setdefault("PTB_TIMEDELTA", "1")

# structlog's own default draws each traceback with all local variables, which takes seconds.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
