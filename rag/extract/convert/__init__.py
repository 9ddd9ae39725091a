"""Conversion of texts and office documents to PDF."""
