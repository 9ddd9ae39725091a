"""Language analysis: from texts and questions to the tokens of the full-text index.

Texts and questions go through the same functions, so that any full-text engine gets the same tokens.
"""
