"""The dataset `musicnet`: classical recordings with their notes."""
