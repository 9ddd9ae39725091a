"""Text and office documents to PDF, after removing every reference that would load something."""
