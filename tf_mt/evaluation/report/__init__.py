"""Scorecards as tables, plots and pages."""
