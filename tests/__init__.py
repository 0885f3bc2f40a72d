"""Tests of contextcompany."""
