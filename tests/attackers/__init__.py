"""A validator that attacks the sandbox from inside, and a program that runs it there. No test modules."""
