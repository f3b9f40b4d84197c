"""The dataset `scores`: scores, performed and rendered by several instruments."""
