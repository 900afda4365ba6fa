"""What runs: plain steps, the Prefect flows over them, and the `verdicts` command."""
