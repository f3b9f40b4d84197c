"""The dataset `irmas`: excerpts in which one instrument predominates."""
