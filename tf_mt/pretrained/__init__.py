"""The trained model that travels with the package."""
