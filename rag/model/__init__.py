"""Value types shared by all of rag, in modules for extraction, search and operations.

Boxes are fractions (0 to 1) of the page as displayed, with rotation and crop box applied; the origin is the top left.
Page numbers are the renderer's, counted from 1.
"""
