"""The dashboard: pages rendered here, a little JavaScript that enlivens them, and nothing from elsewhere."""
