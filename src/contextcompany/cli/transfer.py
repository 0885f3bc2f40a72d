def export_runs() -> None:
    """Placeholder."""


def import_runs() -> None:
    """Placeholder."""
