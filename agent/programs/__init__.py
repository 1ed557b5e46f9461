"""What tasks and pages run as `python -m agent NAME`: one module a kind; what is heavy is imported when it runs."""
